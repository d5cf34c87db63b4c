using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;

namespace Sluice.FireWire.Dv;

/// <summary>
/// Plug control registers with one output plug and no input plug: others connect themselves to it by compare-swap.
/// Source: IEC 61883-1, section 7.
/// </summary>
internal sealed class PlugRegisters
{
    /// <summary>From the start of a node's registers: output master, output plugs, input master.</summary>
    public const int OutputMaster = 0x900, Output = 0x904, InputMaster = 0x980, End = 0xA00;

    private const uint Online = 1u << 31, Broadcast = 1u << 30, PointToPoint = 0x3Fu << 24, Rates = 0xC000, Changeable = Broadcast | PointToPoint | (0x3F << 16) | Rates;
    private const uint Speed400 = 2u << 30, BroadcastBase = 63u << 24, Extensions = 0xFFFF00, FixedOfMaster = ~(BroadcastBase | Extensions);
    private const int BroadcastChannel = 63;

    private uint _master = BroadcastBase | Extensions | 1, _output;
    private readonly uint _inputMaster = Speed400 | Extensions;

    /// <summary>Online, and without connections.</summary>
    /// <param name="quadlets">Of the longest packet, CIP header included.</param>
    public PlugRegisters(int quadlets) => _output = Online | (BroadcastChannel << 16) | (uint)quadlets;

    /// <summary>Whether somebody listens, or all are meant to.</summary>
    public bool IsConnected => (_output & (Broadcast | PointToPoint)) != 0;

    public int Channel => (int)(_output >> 16) & 0x3F;

    public Speed Speed => (Speed)Math.Min((_output >> 14) & 3, (uint)Speed.S400);

    /// <summary>Without a connection by others, the node makes one to all, on its own channel for that.</summary>
    public void ConnectToAll() => _output = (_output & ~((0x3Fu << 16) | Rates)) | Broadcast | (_master >> 8 & 0x3F_0000);

    /// <summary>Connections do not survive a bus reset unless they are made again. Source: IEC 61883-1, section 7.10.</summary>
    public void BusReset() => _output &= ~(Broadcast | PointToPoint);

    public static bool Owns(int register) => register is >= OutputMaster and < End;

    public bool TryRead(int register, out uint value)
    {
        value = register switch { OutputMaster => _master, Output => _output, InputMaster => _inputMaster, _ => 0 };
        return register is OutputMaster or Output or InputMaster;
    }

    /// <summary>Compare-swap; what is fixed stays.</summary>
    public Rcode Lock(int register, LockOperation operation, ReadOnlySpan<byte> data, Span<byte> old)
    {
        if (!TryRead(register, out uint value))
            return Rcode.AddressError;
        if (operation != LockOperation.CompareSwap || data.Length != 8)
            return Rcode.TypeError;
        BinaryPrimitives.WriteUInt32BigEndian(old, value);
        if (BinaryPrimitives.ReadUInt32BigEndian(data) != value)
            return Rcode.Complete;
        uint wanted = BinaryPrimitives.ReadUInt32BigEndian(data[4..]);
        if (register == Output)
            _output = (value & ~Changeable) | (wanted & Changeable);
        else if (register == OutputMaster)
            _master = (value & FixedOfMaster) | (wanted & ~FixedOfMaster);
        return Rcode.Complete;
    }
}
