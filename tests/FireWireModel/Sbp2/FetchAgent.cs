using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;

namespace Sluice.FireWire.Sbp2;

/// <summary>States of a fetch agent. Source: SBP-2, section 6.4.1.</summary>
public enum AgentState
{
    Reset = 0,
    Active = 1,
    Suspended = 2,
    Dead = 3,
}

/// <summary>The registers of a login by which it is given commands, and the list of ORBs that it follows. Source: SBP-2, sections 6.4 and 9.1.</summary>
internal sealed class FetchAgent(Sbp2Disk disk, Login login)
{
    public const int Bytes = 0x20;

    private const int StateRegister = 0x00, ResetRegister = 0x04, OrbPointer = 0x08, Doorbell = 0x10, UnsolicitedStatusEnable = 0x14;

    private readonly byte[] _nextPointer = new byte[8];
    private CommandRun? _run;
    private ulong _current, _next = ulong.MaxValue;
    private bool _hasRung;

    public AgentState State { get; private set; }

    public Rcode Read(int register, Span<byte> data)
    {
        if (register == StateRegister && data.Length == 4)
            BinaryPrimitives.WriteUInt32BigEndian(data, (uint)State);
        else if (register == OrbPointer && data.Length == 8)
            BinaryPrimitives.WriteUInt64BigEndian(data, _current);
        else
            return Rcode.TypeError;
        return Rcode.Complete;
    }

    public Rcode Write(int register, ReadOnlySpan<byte> data)
    {
        switch (register)
        {
            case ResetRegister when data.Length == 4:
                Reset();
                return Rcode.Complete;
            case OrbPointer when data.Length == 8:
                ulong pointer = BinaryPrimitives.ReadUInt64BigEndian(data);
                if (State is AgentState.Active or AgentState.Dead)
                    return Rcode.ConflictError;
                if (!Offsets.IsNull(pointer))
                    Begin(pointer & Offsets.Mask);
                return Rcode.Complete;
            case Doorbell when data.Length == 4:
                _hasRung = true;
                if (State == AgentState.Suspended)
                    LookForNext();
                return Rcode.Complete;
            case UnsolicitedStatusEnable when data.Length == 4:
                return Rcode.Complete;
            default:
                return Rcode.TypeError;
        }
    }

    /// <summary>What is under way is forgotten, without a status.</summary>
    public void Reset()
    {
        State = AgentState.Reset;
        Abandon();
    }

    /// <summary>Something cannot go on until the initiator resets this.</summary>
    public void Die()
    {
        State = AgentState.Dead;
        Abandon();
    }

    /// <summary>The command is done; its status is not out yet.</summary>
    /// <param name="next">Its next pointer when it was fetched.</param>
    public void Done(ulong next)
    {
        _run = null;
        _next = next;
        if (Offsets.IsNull(next))
            State = AgentState.Suspended;
    }

    /// <summary>Its status is on its way: on to the next one.</summary>
    public void Continue()
    {
        if (!Offsets.IsNull(_next))
            Begin(_next & Offsets.Mask);
        else if (_hasRung)
            LookForNext();
    }

    /// <summary>Aborts a task that has not ended.</summary>
    /// <returns>False if it is none of this agent's now.</returns>
    public bool TryAbort(ulong orb)
    {
        if (_run?.OrbOffset != orb)
            return false;
        _run.Abort();
        return true;
    }

    private void Begin(ulong orb)
    {
        State = AgentState.Active;
        _current = orb;
        _next = ulong.MaxValue;
        _hasRung = false;
        _run = new CommandRun(disk, login, orb);
        _run.Start();
    }

    // The last ORB may have got a successor since.
    private void LookForNext()
    {
        _hasRung = false;
        State = AgentState.Active;
        ulong current = _current;
        bool isUnderWay = disk.TryRead(login.NodeId, current, _nextPointer.Length, (outcome, data) =>
        {
            if (State != AgentState.Active || _run != null || current != _current || outcome == Outcome.BusReset)
                return;
            if (outcome != Outcome.Complete || data.Length != _nextPointer.Length)
            {
                Die();
                return;
            }
            _next = BinaryPrimitives.ReadUInt64BigEndian(data);
            if (Offsets.IsNull(_next))
                State = AgentState.Suspended;
            Continue();
        });
        if (!isUnderWay)
            State = AgentState.Suspended;
    }

    private void Abandon()
    {
        if (_run != null)
            _run.IsAbandoned = true;
        _run = null;
        _hasRung = false;
        _next = ulong.MaxValue;
    }
}
