using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Sbp2;

/// <summary>Takes management requests, one at a time: logins and what ends tasks. Source: SBP-2, sections 5.1.3, 6.3 and 8.</summary>
internal sealed class ManagementAgent(Sbp2Disk disk) : ITimed
{
    /// <summary>One register, the pointer to the ORB.</summary>
    public const int Bytes = 8;

    public const int MostLogins = 8;

    // EUI-64 in a bus information block.
    private const ulong GuidHigh = Csr.Base + Csr.Rom + 12, GuidLow = GuidHigh + 4;
    private const int LoginResponseBytes = 16;

    private readonly byte[] _orbBytes = new byte[ManagementOrb.Bytes], _response = new byte[4 + (MostLogins * 12)], _status = new byte[StatusBlock.MostBytes];
    private readonly List<Login> _logins = [];
    private ManagementOrb _orb;
    private ulong _offset;
    private ushort _node;
    private uint _guidHigh;
    private int _nextId = 1;

    /// <summary>Whether a request is under way.</summary>
    public bool IsBusy { get; private set; }

    public IReadOnlyList<Login> Logins => _logins;

    public Rcode Read(int register, Span<byte> data)
    {
        if (register != 0 || data.Length != Bytes)
            return Rcode.TypeError;
        BinaryPrimitives.WriteUInt64BigEndian(data, _offset);
        return Rcode.Complete;
    }

    public Rcode Write(ushort source, int register, ReadOnlySpan<byte> data)
    {
        if (register != 0 || data.Length != Bytes)
            return Rcode.TypeError;
        if (IsBusy)
            return Rcode.ConflictError;
        _offset = BinaryPrimitives.ReadUInt64BigEndian(data) & Offsets.Mask;
        _node = source;
        IsBusy = disk.TryRead(source, _offset, ManagementOrb.Bytes, Fetched);
        return Rcode.Complete;
    }

    /// <summary>A bus reset begins: requests are forgotten, initiators have to come back.</summary>
    public void ResetStarted()
    {
        IsBusy = false;
        Simulator simulator = disk.Phy.Bus.Simulator;
        foreach (Login login in _logins)
        {
            login.Disconnect(simulator.Now + (login.HoldSeconds * BusTime.TicksPerSecond));
            simulator.At(login.Deadline, this, 0, Pace.RealTime);
        }
    }

    // Initiators that did not come back in time.
    void ITimed.Due(int what) => _logins.RemoveAll(login => !login.IsConnected && login.Deadline <= disk.Phy.Bus.Simulator.Now);

    private void Fetched(Outcome outcome, ReadOnlySpan<byte> data)
    {
        if (outcome != Outcome.Complete || data.Length != ManagementOrb.Bytes)
        {
            IsBusy = false;
            return;
        }
        data.CopyTo(_orbBytes);
        _orb = new ManagementOrb(_orbBytes);
        if (_orb.Format != 0)
            End(Response.IllegalRequest, SbpStatus.RequestTypeNotSupported);
        else if (_orb.Function is ManagementFunction.Login or ManagementFunction.Reconnect)
            ReadGuid();
        else if (_orb.Function == ManagementFunction.QueryLogins)
            QueryLogins();
        else
            EndTasks();
    }

    private void ReadGuid() => Then(disk.TryRead(_node, GuidHigh, 4, (outcome, high) =>
    {
        _guidHigh = outcome == Outcome.Complete ? BinaryPrimitives.ReadUInt32BigEndian(high) : 0;
        Then(outcome == Outcome.Complete && disk.TryRead(_node, GuidLow, 4, (outcome, low) =>
        {
            if (outcome != Outcome.Complete)
                Then(false);
            else if (_orb.Function == ManagementFunction.Login)
                LogIn(((ulong)_guidHigh << 32) | BinaryPrimitives.ReadUInt32BigEndian(low));
            else
                Reconnect(((ulong)_guidHigh << 32) | BinaryPrimitives.ReadUInt32BigEndian(low));
        }));
    }));

    // The initiator does not answer: neither will it take a status.
    private void Then(bool goesOn) => IsBusy &= goesOn;

    private void LogIn(ulong guid)
    {
        ScsiDisk? unit = disk.Units.ElementAtOrDefault(_orb.LoginOrUnit);
        Login[] others = [.. _logins.Where(login => login.Unit == unit)];
        if (unit == null)
            End(Response.RequestComplete, SbpStatus.LogicalUnitNotSupported);
        else if (unit.IsSilent)
            IsBusy = false;
        else if (others.Any(login => login.Guid == guid || login.IsExclusive) || (_orb.IsExclusive && others.Length != 0))
            End(Response.RequestComplete, SbpStatus.AccessDenied);
        else if (_logins.Count == MostLogins)
            End(Response.RequestComplete, SbpStatus.ResourcesUnavailable);
        else if (_orb.ResponseBytes < LoginResponseBytes - 4)
            End(Response.RequestComplete, SbpStatus.FunctionRejected);
        else
        {
            var login = new Login(disk, FreeId(), guid, _node, _orb);
            // Source: SBP-2, section 5.1.3.1: length, login, agent's address, seconds to come back in, minus one.
            BinaryPrimitives.WriteUInt32BigEndian(_response, (LoginResponseBytes << 16) | (uint)login.Id);
            BinaryPrimitives.WriteUInt64BigEndian(_response.AsSpan(4), ((ulong)disk.NodeId << 48) | Sbp2Disk.AgentOffset(login.Id));
            BinaryPrimitives.WriteUInt32BigEndian(_response.AsSpan(12), (uint)(login.HoldSeconds - 1));
            Respond(Math.Min(LoginResponseBytes, _orb.ResponseBytes), () => _logins.Add(login));
        }
    }

    private void QueryLogins()
    {
        int bytes = 4;
        ScsiDisk? unit = disk.Units.ElementAtOrDefault(_orb.LoginOrUnit);
        foreach (Login login in _logins.Where(login => login.Unit == unit))
        {
            BinaryPrimitives.WriteUInt32BigEndian(_response.AsSpan(bytes), ((uint)login.NodeId << 16) | (uint)login.Id);
            BinaryPrimitives.WriteUInt64BigEndian(_response.AsSpan(bytes + 4), login.Guid);
            bytes += 12;
        }
        BinaryPrimitives.WriteUInt32BigEndian(_response, ((uint)bytes << 16) | MostLogins);
        if (unit == null)
            End(Response.RequestComplete, SbpStatus.LogicalUnitNotSupported);
        else if (_orb.ResponseBytes < 4)
            End(Response.RequestComplete, SbpStatus.FunctionRejected);
        else
            Respond(Math.Min(bytes, _orb.ResponseBytes), () => { });
    }

    private void Respond(int bytes, Action written) => Then(disk.TryWrite(_node, _orb.ResponseOffset, _response.AsSpan(0, bytes), (outcome, _) =>
    {
        if (outcome == Outcome.BusReset)
            return;
        if (outcome == Outcome.Complete)
        {
            written();
            End(Response.RequestComplete, SbpStatus.None);
        }
        else
        {
            End(Response.TransportFailure, SbpStatus.Unspecified);
        }
    }));

    private void Reconnect(ulong guid)
    {
        Login? login = Find();
        if (login == null || login.Guid != guid || login.IsConnected)
        {
            End(Response.RequestComplete, SbpStatus.LoginIdNotRecognized);
            return;
        }
        login.Reconnect(_node);
        End(Response.RequestComplete, SbpStatus.None);
    }

    private void EndTasks()
    {
        Login? login = Find();
        if (login == null || !login.IsConnected || login.NodeId != _node)
        {
            End(Response.RequestComplete, SbpStatus.LoginIdNotRecognized);
            return;
        }
        SbpStatus status = SbpStatus.None;
        switch (_orb.Function)
        {
            case ManagementFunction.Logout:
                login.Agent.Reset();
                _logins.Remove(login);
                break;
            case ManagementFunction.AbortTask:
                status = login.Agent.TryAbort(_orb.Task) ? SbpStatus.None : SbpStatus.FunctionRejected;
                break;
            case ManagementFunction.AbortTaskSet:
                login.Agent.Reset();
                break;
            case ManagementFunction.LogicalUnitReset or ManagementFunction.TargetReset:
                foreach (Login other in _logins.Where(other => other.Unit == login.Unit || _orb.Function == ManagementFunction.TargetReset))
                    other.Agent.Reset();
                break;
            default:
                End(Response.IllegalRequest, SbpStatus.RequestTypeNotSupported);
                return;
        }
        End(Response.RequestComplete, status);
    }

    private Login? Find() => _logins.FirstOrDefault(login => login.Id == _orb.LoginOrUnit);

    private int FreeId()
    {
        while (_logins.Any(login => login.Id == _nextId))
            _nextId = Next(_nextId);
        int id = _nextId;
        _nextId = Next(_nextId);
        return id;

        static int Next(int id) => id == MostLogins ? 1 : id + 1;
    }

    private void End(Response response, SbpStatus status)
    {
        IsBusy = false;
        disk.Log?.Invoke($"{_orb.Function} of {_node:x4}: {(response == Response.RequestComplete ? $"{status}" : $"{response}, {status}")}");
        int bytes = StatusBlock.Write(_status, _offset, hasNext: false, response, isDead: false, status, Sense.Good);
        disk.TryWrite(_node, _orb.StatusFifo, _status.AsSpan(0, bytes), (_, _) => { });
    }
}
