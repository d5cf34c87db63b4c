using System;
using System.Buffers.Binary;
using System.Collections.Generic;

namespace Sluice.Devices;

// The two units. The command unit does its list when it is told to; the receive unit fills its list as frames come.
public partial class Simulated8255x
{
    private const uint Complete = 0x8000, Ok = 0x2000, Suspend = 0x4000, InterruptBit = 0x2000, EndOfList = 0x8000, FlexibleBit = 8;

    private const int ReceiveIdle = 0, ReceiveNoResources = 2, ReceiveReady = 4;

    // More blocks than any list has: a list without an end is a driver's fault.
    private const int MostBlocks = 1_000, LongestFrame = 1518 + 4, MostSent = 1 << 14;

    private Unit _command;
    private int _receive;
    private uint _commandBase, _receiveBase, _nextBlock, _nextFrame, _countersAt;
    private int _epoch;
    private readonly HashSet<ulong> _groups = [];

    private enum Unit
    {
        Idle,
        Suspended,
        Active,
    }

    /// <summary>Frames that it sent, as on the wire without the check sequence.</summary>
    public List<byte[]> Sent { get; } = [];

    /// <summary>Where frames go that it sends, beside <see cref="Sent"/>.</summary>
    public Action<byte[]>? Wire { get; set; }

    /// <summary>The configuration that it was given.</summary>
    public byte[] Configuration { get; private set; } = new byte[22];

    /// <summary>The station address that it was given.</summary>
    public byte[] Station { get; private set; } = new byte[6];

    /// <summary>How long a batch takes; at once if 0.</summary>
    public ulong BatchMicroseconds { get; set; }

    /// <summary>Leaves a list after so many blocks without a word, as QEMU's does.</summary>
    public int? LeavesAfter { get; set; }

    /// <summary>Never does another block.</summary>
    public bool CommandUnitHangs { get; set; }

    /// <summary>Commands start and resume that it was given.</summary>
    public int Kicks { get; private set; }

    /// <summary>Writes a frame of no size where a frame should stay as it is: QEMU's does so with the end of the list.</summary>
    public bool FillsMarker { get; set; }

    /// <summary>Goes past a descriptor that has neither room nor the end-of-list bit.</summary>
    public bool SkipsEmpty { get; set; } = true;

    /// <summary>Changes the status and the count that it writes into a received frame.</summary>
    public Func<uint, uint, (uint Status, uint Count)>? Twist { get; set; }

    /// <summary>Sets the flags of the count; QEMU's does not.</summary>
    public bool SetsCountFlags { get; set; } = true;

    /// <summary>Changes the status that it writes into a block that is done.</summary>
    public Func<uint, uint>? TwistBlock { get; set; }

    /// <summary>Frames for which there was no room, since the counters were taken.</summary>
    public uint Missed { get; private set; }

    /// <summary>Frames received well since the counters were taken.</summary>
    public uint Good { get; private set; }

    /// <summary>Never dumps its counters.</summary>
    public bool LosesCounters { get; set; }

    /// <summary>Called when a frame was received, with the address of its descriptor.</summary>
    public Action<uint>? Filled { get; set; }

    /// <summary>The block that the command unit will come to next.</summary>
    public uint NextBlock
    {
        get => _commandBase + _nextBlock;
        protected set => _nextBlock = value - _commandBase;
    }

    /// <summary>Whether the receive unit can receive.</summary>
    public bool IsReceiving => _receive == ReceiveReady;

    /// <summary>Where the receive unit goes on.</summary>
    protected uint NextFrame
    {
        get => _receiveBase + _nextFrame;
        set => _nextFrame = value - _receiveBase;
    }

    /// <summary>Where it was told to put its counters.</summary>
    protected uint CountersAt => _countersAt;

    /// <summary>A frame comes from the wire; false if it was not for this card, or there was no room for it.</summary>
    public bool Deliver(ReadOnlySpan<byte> frame) => !IsGone && IsWanted(frame) && Accept(frame);

    /// <summary>Puts a frame into the list, whoever it is for; false if there was no room for it.</summary>
    protected bool Accept(ReadOnlySpan<byte> frame)
    {
        for (int skipped = 0; _receive == ReceiveReady && skipped < MostBlocks; skipped++)
        {
            uint at = _receiveBase + _nextFrame;
            byte[] header = ReadMemory(at, 16);
            uint command = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(2)), link = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4));
            uint size = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(14));
            if ((BinaryPrimitives.ReadUInt16LittleEndian(header) & Complete) != 0)
                Violations.Add($"the receive unit came to a frame at {at:x} that is complete");
            bool isLast = (command & EndOfList) != 0;
            if (size == 0 && !FillsMarker)
            {
                if (!isLast && SkipsEmpty)
                {
                    _nextFrame = link;
                    continue;
                }
                StopReceiving();
                break;
            }
            Fill(at, frame, size);
            _nextFrame = link;
            if (isLast)
                StopReceiving();
            return size >= frame.Length;
        }
        Missed++;
        Raise(CauseNotReady);
        return false;
    }

    /// <summary>A frame comes whose count and data are written after it is complete, as QEMU's model does it: whoever reads a register waits for that.</summary>
    /// <param name="before">The data that is there until then.</param>
    public void DeliverLate(ReadOnlySpan<byte> before, byte[] frame)
    {
        uint at = _receiveBase + _nextFrame;
        Deliver(before);
        byte[] count = ReadMemory(at + 12, 2);
        WriteMemory(at + 12, [0, 0]);
        StatusRead = () =>
        {
            StatusRead = null;
            WriteMemory(at + 12, count);
            WriteMemory(at + 16, frame);
        };
    }

    /// <summary>Goes past the next descriptor, as if it had come there while the end of the list was taken away.</summary>
    public void Skip() => _nextFrame = ReadWord(_receiveBase + _nextFrame + 4);

    /// <summary>The receive unit has no room, or says so.</summary>
    public void StopReceiving()
    {
        _receive = ReceiveNoResources;
        Raise(CauseNotReady);
    }

    private void Fill(uint at, ReadOnlySpan<byte> frame, uint size)
    {
        int length = (int)Math.Min(size, (uint)frame.Length);
        WriteMemory(at + 16, frame[..length]);
        uint status = Complete | (length == frame.Length || FillsMarker ? Ok : 0x0200), count = (uint)length | (SetsCountFlags ? 0xC000u : 0);
        if (Twist != null)
            (status, count) = Twist(status, count);
        WriteHalf(at + 12, (ushort)count);
        WriteHalf(at, (ushort)status);
        Good++;
        Filled?.Invoke(at);
        Raise(CauseReceived);
    }

    private bool IsWanted(ReadOnlySpan<byte> frame)
    {
        ulong to = 0;
        for (int i = 5; i >= 0; i--)
            to = to << 8 | frame[i];
        if (frame.Length > LongestFrame)
            return false;
        return frame[..6].SequenceEqual(Station) || to == 0xFFFF_FFFF_FFFF || (Configuration[15] & 1) != 0
            || (to & 1) != 0 && ((Configuration[21] & 8) != 0 || _groups.Contains(to));
    }

    private void RunReceiveCommand(int command)
    {
        switch (command)
        {
            case 1:
                if (_receive == ReceiveReady)
                    Violations.Add("the receive unit was started while it receives");
                _nextFrame = _pointer;
                _receive = ReceiveReady;
                break;
            case 6:
                _receiveBase = _pointer;
                break;
            default:
                Violations.Add($"receive command {command}");
                break;
        }
    }

    private void RunCommandCommand(int command)
    {
        switch (command)
        {
            case 1:
                if (_command == Unit.Active)
                    Violations.Add("the command unit was started while it works");
                _nextBlock = _pointer;
                Begin();
                break;
            case 2:
                if (_command != Unit.Suspended)
                    Violations.Add($"the command unit was resumed while it is {_command}");
                Begin();
                break;
            case 4:
                _countersAt = _pointer;
                break;
            case 6:
                _commandBase = _pointer;
                break;
            case 7:
                DumpCounters();
                break;
            default:
                Violations.Add($"command {command}");
                break;
        }
    }

    private void StopUnits()
    {
        _epoch++;
        _command = Unit.Idle;
        _receive = ReceiveIdle;
        Configuration = new byte[22];
        _groups.Clear();
    }

    private void Begin()
    {
        Kicks++;
        _command = Unit.Active;
        int epoch = _epoch;
        if (CommandUnitHangs)
            return;
        if (BatchMicroseconds == 0)
            DoList();
        else
            After?.Invoke(BatchMicroseconds, () => DoLater(epoch));
    }

    private void DoLater(int epoch)
    {
        if (epoch == _epoch && !IsGone && !CommandUnitHangs)
            DoList();
    }

    private void DoList()
    {
        for (int done = 0; done < MostBlocks; done++)
        {
            if (done == LeavesAfter)
                return;
            uint at = _commandBase + _nextBlock;
            uint word = ReadWord(at), command = word >> 16;
            if ((word & Complete) != 0)
                Violations.Add($"the command unit came to a block at {at:x} that is done");
            _nextBlock = ReadWord(at + 4);
            bool worked = DoBlock(at, command & 7, command);
            uint status = Complete | (worked ? Ok : 0);
            WriteHalf(at, (ushort)(TwistBlock?.Invoke(status) ?? status));
            if ((command & InterruptBit) != 0)
                Raise(CauseDone);
            if ((command & (EndOfList | Suspend)) == 0)
                continue;
            _command = (command & EndOfList) != 0 ? Unit.Idle : Unit.Suspended;
            Raise(CauseStopped);
            return;
        }
        Violations.Add("a list of blocks has no end");
    }

    private bool DoBlock(uint at, uint kind, uint command)
    {
        switch (kind)
        {
            case 0:
                return true;
            case 1:
                Station = ReadMemory(at + 8, 6);
                return true;
            case 2:
                Configuration = ReadMemory(at + 8, 22);
                return Configuration[0] == 22;
            case 3:
                ReadGroups(at + 8);
                return true;
            case 4:
                return Send(at, command);
            default:
                Violations.Add($"block of kind {kind} at {at:x}");
                return false;
        }
    }

    private void ReadGroups(uint at)
    {
        _groups.Clear();
        int bytes = BinaryPrimitives.ReadUInt16LittleEndian(ReadMemory(at, 2)) & 0x3FFF;
        byte[] list = ReadMemory(at + 2, bytes);
        for (int i = 0; i + 6 <= bytes; i += 6)
            _groups.Add(BinaryPrimitives.ReadUInt32LittleEndian(list.AsSpan(i)) | (ulong)BinaryPrimitives.ReadUInt16LittleEndian(list.AsSpan(i + 4)) << 32);
    }

    private bool Send(uint at, uint command)
    {
        uint counts = ReadWord(at + 12), list = ReadWord(at + 8);
        if ((command & FlexibleBit) == 0 || (counts & 0x3FFF) != 0 || (counts >> 16 & 0xFF) == 0)
        {
            Violations.Add($"a frame to be sent at {at:x} is not in flexible mode");
            return false;
        }
        var frame = new List<byte>();
        uint pieces = counts >> 24;
        for (uint i = 0; i < pieces; i++)
        {
            uint address = ReadWord(list + 8 * i), length = ReadWord(list + 8 * i + 4);
            if ((length & 0x3FFF) == 0)
                Violations.Add($"a piece of no length at {list + 8 * i:x}");
            frame.AddRange(ReadMemory(address, (int)(length & 0x3FFF)));
            if (frame.Count > MostSent)
            {
                Violations.Add($"a frame of more than {MostSent} bytes at {at:x}");
                return false;
            }
            bool isLast = (length & 1 << 16) != 0;
            if (isLast != (i == pieces - 1))
                Violations.Add($"the last of {pieces} pieces at {list:x} is not marked as such");
        }
        while (frame.Count < 60 && (Configuration[18] & 2) != 0)
            frame.Add(0);
        byte[] sent = [.. frame];
        Sent.Add(sent);
        Wire?.Invoke(sent);
        return true;
    }

    private void DumpCounters()
    {
        if (LosesCounters)
            return;
        WriteWord(_countersAt, (uint)Sent.Count);
        WriteWord(_countersAt + 36, Good);
        WriteWord(_countersAt + 48, Missed);
        WriteWord(_countersAt + 64, 0xA007);
        Good = Missed = 0;
    }
}
