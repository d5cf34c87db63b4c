using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Nodes;

/// <summary>The registers that every node has, and those of a manager. Source: IEEE 1394-1995, section 8.3.2.</summary>
internal sealed class NodeRegisters(Node node, bool hasManager)
{
    // STATE bits: lost, cmstr (cycle master).
    private const uint Lost = 0x20, CycleMaster = 0x100;

    private readonly ManagerRegisters _manager = new();
    private uint _state, _splitHi, _splitLo = 800u << 19, _busyTimeout, _broadcastChannel = 0x8000_001F;

    /// <summary>Whether the node was told to be cycle master.</summary>
    public bool IsCycleMaster => (_state & CycleMaster) != 0;

    /// <summary>Microseconds until a request without response fails: seconds, and 8,000ths in bits 31:19.</summary>
    public double SplitMicroseconds => ((_splitHi & 7) * 1e6) + (Math.Max(_splitLo >> 19, 800) * 125.0);

    /// <summary>Sets that to whole seconds, 7 at most.</summary>
    public void SetSplitSeconds(int seconds) => (_splitHi, _splitLo) = ((uint)seconds & 7, 800u << 19);

    public void BusReset()
    {
        _manager.Reset();
        _broadcastChannel &= ~0x4000_0000u;
    }

    /// <summary>A reset is over: a root stays cycle master; who is none any more stops. Source: IEEE 1394-1995, section 8.3.2.2.1.</summary>
    public void SelfIdentified()
    {
        if (!node.Phy.IsRoot)
            _state &= ~CycleMaster;
    }

    public Rcode Read(int register, Span<byte> data)
    {
        if ((register & 3) != 0 || (data.Length & 3) != 0)
            return Rcode.AddressError;
        for (int i = 0; i < data.Length; i += 4)
        {
            if (!TryRead(register + i, out uint value))
                return i == 0 ? Rcode.AddressError : Rcode.TypeError;
            BinaryPrimitives.WriteUInt32BigEndian(data[i..], value);
        }
        return Rcode.Complete;
    }

    public Rcode Write(int register, ReadOnlySpan<byte> data)
    {
        if (data.Length != 4)
            return Rcode.TypeError;
        uint value = BinaryPrimitives.ReadUInt32BigEndian(data);
        switch (register)
        {
            case Csr.StateClear:
                _state &= ~(value & (Lost | CycleMaster));
                node.Phy.Segment.CyclesChanged();
                return Rcode.Complete;
            case Csr.StateSet:
                if (node.Phy.IsRoot)
                    _state |= value & CycleMaster;
                node.Phy.Segment.CyclesChanged();
                return Rcode.Complete;
            case Csr.NodeIds or Csr.BusTime or Csr.CycleTime:
                return Rcode.Complete;
            case Csr.ResetStart:
                _state |= Lost;
                return Rcode.Complete;
            case Csr.SplitTimeoutHi:
                _splitHi = value & 7;
                return Rcode.Complete;
            case Csr.SplitTimeoutLo:
                _splitLo = value & 0xFFF8_0000;
                return Rcode.Complete;
            case Csr.BusyTimeout:
                _busyTimeout = value & 0xF;
                return Rcode.Complete;
            case Csr.BroadcastChannel when hasManager:
                _broadcastChannel = (_broadcastChannel & ~0x4000_0000u) | (value & 0x4000_0000);
                return Rcode.Complete;
            default:
                return TryRead(register, out _) ? Rcode.TypeError : Rcode.AddressError;
        }
    }

    public Rcode Lock(int register, LockOperation operation, ReadOnlySpan<byte> data, Span<byte> old)
    {
        int index = hasManager ? ManagerRegisters.IndexOf((ulong)register) : -1;
        if (index < 0)
            return TryRead(register, out _) ? Rcode.TypeError : Rcode.AddressError;
        if (operation != LockOperation.CompareSwap || data.Length != 8)
            return Rcode.TypeError;
        uint was = _manager.CompareSwap(index, BinaryPrimitives.ReadUInt32BigEndian(data), BinaryPrimitives.ReadUInt32BigEndian(data[4..]));
        BinaryPrimitives.WriteUInt32BigEndian(old, was);
        return Rcode.Complete;
    }

    private bool TryRead(int register, out uint value)
    {
        value = 0;
        switch (register)
        {
            case Csr.StateClear or Csr.StateSet:
                value = _state;
                return true;
            case Csr.NodeIds:
                value = (uint)node.NodeId << 16;
                return true;
            case Csr.SplitTimeoutHi:
                value = _splitHi;
                return true;
            case Csr.SplitTimeoutLo:
                value = _splitLo;
                return true;
            case Csr.CycleTime:
                value = node.CycleTime;
                return true;
            case Csr.BusTime:
                value = node.CycleTime >> 25;
                return true;
            case Csr.BusyTimeout:
                value = _busyTimeout;
                return true;
            case Csr.BroadcastChannel when hasManager:
                value = _broadcastChannel;
                return true;
            case >= Csr.Rom and < Csr.RomEnd:
                ReadOnlySpan<uint> rom = node.Rom.Span;
                int quadlet = (register - Csr.Rom) / 4;
                value = quadlet < rom.Length ? rom[quadlet] : 0;
                return quadlet < rom.Length;
            default:
                int index = hasManager ? ManagerRegisters.IndexOf((ulong)register) : -1;
                value = index >= 0 ? _manager[index] : 0;
                return index >= 0;
        }
    }
}
