using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;

namespace Sluice.FireWire.Sbp2;

/// <summary>
/// One command block ORB on its way: fetched, its page table fetched, its data moved, done, its status written. An abandoned one does
/// nothing more when what it waits for ends. Source: SBP-2, sections 5.1.2, 5.2 and 9.2.
/// </summary>
internal sealed class CommandRun(Sbp2Disk disk, Login login, ulong orbOffset)
{
    private const int MostData = 16 << 20, TableEntryBytes = 8, CommandFormat = 0, DummyFormat = 3;

    private readonly byte[] _orbBytes = new byte[CommandOrb.Bytes], _status = new byte[StatusBlock.MostBytes];
    private byte[] _table = [], _data = [];
    private List<Segment> _segments = [];
    private int _dataBytes;
    private CommandOrb _orb;
    private Sense _sense;
    private bool _isAborted, _isHeld;

    /// <summary>Nothing that it does is wanted any more.</summary>
    public bool IsAbandoned { get; set; }

    public ulong OrbOffset => orbOffset;

    public void Start() => Move([new Segment(orbOffset, CommandOrb.Bytes)], login.NodeId, _orbBytes, CommandOrb.Bytes, Speed.S800, isWrite: false, Fetched);

    /// <summary>Its task is aborted: it ends with that status before it does anything.</summary>
    public void Abort()
    {
        _isAborted = true;
        if (_isHeld)
            Fetched();
    }

    private void Fetched()
    {
        _orb = new CommandOrb(_orbBytes);
        int mostBytes = Math.Min(_orb.MostBytes, disk.MostPayload);
        _isHeld = login.Unit.IsSilent && !_isAborted;
        if (_isHeld)
            return;
        if (_isAborted)
            End(Response.RequestComplete, SbpStatus.RequestAborted);
        else if (_orb.Format == DummyFormat)
            End(Response.RequestComplete, SbpStatus.DummyOrbCompleted);
        else if (_orb.Format != CommandFormat)
            End(Response.IllegalRequest, SbpStatus.RequestTypeNotSupported);
        else if (_orb.Speed > (int)disk.Information.Speed)
            End(Response.IllegalRequest, SbpStatus.SpeedNotSupported);
        else if (!_orb.HasPageTable)
            Describe([new Segment(_orb.DataOffset, _orb.DataSize)]);
        else if (_orb.DataSize == 0)
            Describe([]);
        else
        {
            _table = new byte[_orb.DataSize * TableEntryBytes];
            Move([new Segment(_orb.DataOffset, _table.Length)], _orb.DataNode, _table, mostBytes, (Speed)_orb.Speed, isWrite: false, TableFetched);
        }
    }

    // Elements with and without a page size have the same bits. Source: SBP-2, section 5.2.
    private void TableFetched()
    {
        var segments = new List<Segment>(_orb.DataSize);
        for (int at = 0; at < _table.Length; at += TableEntryBytes)
        {
            ulong element = BinaryPrimitives.ReadUInt64BigEndian(_table.AsSpan(at));
            segments.Add(new Segment(element & Offsets.Mask, (int)(element >> 48)));
        }
        Describe(segments);
    }

    private void Describe(List<Segment> segments)
    {
        _segments = segments;
        long all = 0;
        foreach (Segment segment in segments)
            all += segment.Bytes;
        if (all > MostData)
        {
            End(Response.IllegalRequest, SbpStatus.ResourcesUnavailable);
            return;
        }
        _dataBytes = (int)all;
        _data = ArrayPool<byte>.Shared.Rent(_dataBytes);
        if (_orb.IsIn || _dataBytes == 0)
            Execute();
        else
            MoveData(_dataBytes, isWrite: false, Execute);
    }

    private void Execute()
    {
        ReadOnlySpan<byte> command = _orbBytes.AsSpan(CommandOrb.CommandAt);
        Span<byte> data = _data.AsSpan(0, _dataBytes);
        _sense = _orb.IsIn ? login.Unit.Execute(command, default, data, out int bytes) : login.Unit.Execute(command, data, default, out bytes);
        if (bytes == 0)
            Executed();
        else
            MoveData(bytes, isWrite: true, Executed);
    }

    private void Executed() => End(Response.RequestComplete, SbpStatus.None);

    private void MoveData(int bytes, bool isWrite, Action then) =>
        Move(_segments, _orb.DataNode, _data.AsMemory(0, bytes), Math.Min(_orb.MostBytes, disk.MostPayload), (Speed)_orb.Speed, isWrite, then);

    private void Move(IReadOnlyList<Segment> segments, ushort node, Memory<byte> buffer, int mostBytes, Speed speed, bool isWrite, Action then)
    {
        Speed path = disk.SpeedTo(node, speed);
        DataTransfer.Start(disk, node, segments, buffer, Math.Min(mostBytes, path.MostAsynchronousBytes), path, isWrite, outcome =>
        {
            if (IsAbandoned || outcome == Outcome.BusReset)
                return;
            if (outcome == Outcome.Complete)
                then();
            else
                Fail(outcome);
        });
    }

    // The agent stops: what of the list is done would be unclear else.
    private void Fail(Outcome outcome)
    {
        ReturnData();
        disk.Log?.Invoke($"login {login.Id}: ORB {orbOffset:x}: {outcome}");
        login.Agent.Die();
        Write(Response.TransportFailure, isDead: true, SbpStatus.Unspecified);
    }

    private void End(Response response, SbpStatus status)
    {
        bool isDead = response != Response.RequestComplete;
        ReturnData();
        disk.Ended(_sense.IsGood && !isDead);
        // Before the status is out: who gets it may ring at once.
        if (isDead)
            login.Agent.Die();
        else
            login.Agent.Done(_orb.Next);
        if (_orb.IsToNotify || isDead || !_sense.IsGood || status != SbpStatus.None)
            Write(response, isDead, status);
        if (!isDead)
            login.Agent.Continue();
    }

    // One that is abandoned keeps its buffer: packets may still come for it.
    private void ReturnData()
    {
        if (_data.Length != 0)
            ArrayPool<byte>.Shared.Return(_data);
        _data = [];
    }

    private void Write(Response response, bool isDead, SbpStatus status)
    {
        int bytes = StatusBlock.Write(_status, orbOffset, _orb.HasNext, response, isDead, status, _sense);
        disk.TryWrite(login.NodeId, login.StatusFifo, _status.AsSpan(0, bytes), (_, _) => { });
    }
}
