using System;
using System.Buffers.Binary;
using System.Numerics;

namespace Sluice.VfioUser;

/// <summary>What a function says it is. Source: PCI Local Bus 3.0, section 6.2.1.</summary>
/// <param name="ClassCode">Class, subclass and programming interface, in bits 23:16, 15:8 and 7:0.</param>
public readonly record struct PciIdentity(ushort Vendor, ushort Device, uint ClassCode, byte Revision = 0, ushort SubsystemVendor = 0, ushort Subsystem = 0);

/// <summary>
/// A function's 256 bytes of configuration space: what the guest may change is what the masks say. Used by the thread that serves the
/// guest; the device may read from others. Source: PCI Local Bus 3.0, sections 6.1, 6.2 and 6.7.
/// </summary>
public sealed class ConfigurationSpace
{
    public const int Bytes = 256;

    private const int Command = 4, Status = 6, Bar0 = 0x10, CapabilityPointer = 0x34, InterruptLine = 0x3C, InterruptPin = 0x3D;
    private const ushort BusMaster = 4, InterruptDisable = 1 << 10, InterruptStatus = 1 << 3, HasCapabilities = 1 << 4;

    private readonly byte[] _bytes = new byte[Bytes];
    private readonly byte[] _initial = new byte[Bytes];
    private readonly byte[] _writable = new byte[Bytes];
    private readonly uint[] _barBytes = new uint[RegionIndex.Bars];
    private int _end = 0x40, _lastCapability = CapabilityPointer;

    internal ConfigurationSpace(PciIdentity identity)
    {
        Write16(0, identity.Vendor);
        Write16(2, identity.Device);
        _bytes[8] = identity.Revision;
        Write16(9, (ushort)identity.ClassCode);
        _bytes[11] = (byte)(identity.ClassCode >> 16);
        Write16(0x2C, identity.SubsystemVendor);
        Write16(0x2E, identity.Subsystem);
        // I/O, memory, bus master, parity, SERR, INTx disable.
        Allow(Command, [0x47, 0x05]);
        Allow(0x0C, [0xFF, 0xFF]);
        Allow(InterruptLine, [0xFF]);
    }

    /// <summary>Whether the guest lets the function access memory.</summary>
    public bool IsBusMaster => (Read16(Command) & BusMaster) != 0;

    /// <summary>Whether the guest forbids it to use its pin.</summary>
    public bool IsPinDisabled => (Read16(Command) & InterruptDisable) != 0;

    /// <summary>Whether it has a pin.</summary>
    public bool HasPin => _bytes[InterruptPin] != 0;

    /// <summary>Whether it has MSI.</summary>
    public bool HasMsi { get; private set; }

    /// <summary>Bytes of a BAR; 0 if there is none.</summary>
    public uint BarBytes(int bar) => _barBytes[bar];

    /// <summary>Gives it registers in memory. While the device is made.</summary>
    /// <param name="bar">0 to 5.</param>
    /// <param name="bytes">A power of two, at least 16.</param>
    public void AddMemoryBar(int bar, uint bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bar, RegionIndex.Bars - 1);
        if (bytes < 16 || !BitOperations.IsPow2(bytes))
            throw new ArgumentException("a BAR has a power of two of bytes, 16 at least", nameof(bytes));
        _barBytes[bar] = bytes;
        Span<byte> mask = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(mask, ~(bytes - 1));
        Allow(Bar0 + (bar * 4), mask);
    }

    /// <summary>Gives it the interrupt pin INTA. While the device is made.</summary>
    public void AddPin() => _bytes[InterruptPin] = 1;

    /// <summary>Gives it one MSI message with a 64-bit address. While the device is made.</summary>
    public void AddMsi()
    {
        AddCapability(0x05, [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0x01, 0, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        HasMsi = true;
    }

    /// <summary>Gives it power management, version 3, with D0 and D3hot. While the device is made. Source: PCI Power Management 1.2, section 3.2.</summary>
    public void AddPowerManagement() => AddCapability(0x01, [0x03, 0, 0x08, 0, 0, 0], [0, 0, 0x03, 0, 0, 0]);

    /// <summary>Adds a capability. While the device is made.</summary>
    /// <param name="id">Its identifier.</param>
    /// <param name="body">What follows the identifier and the pointer to the next.</param>
    /// <param name="writable">Which bits of that the guest may change.</param>
    public void AddCapability(byte id, ReadOnlySpan<byte> body, ReadOnlySpan<byte> writable)
    {
        int at = _end;
        if (at + 2 + body.Length > Bytes)
            throw new InvalidOperationException("configuration space is full");
        Write16(Status, (ushort)(Read16(Status) | HasCapabilities));
        _bytes[_lastCapability] = (byte)at;
        _bytes[at] = id;
        body.CopyTo(_bytes.AsSpan(at + 2));
        Allow(at + 2, writable);
        _lastCapability = at + 1;
        _end = (at + 2 + body.Length + 3) & ~3;
    }

    /// <summary>All bytes, as the guest sees them.</summary>
    public ReadOnlySpan<byte> Contents => _bytes;

    /// <summary>The bytes from an offset on, in the guest's byte order.</summary>
    public void Read(int offset, Span<byte> bytes) => _bytes.AsSpan(offset, bytes.Length).CopyTo(bytes);

    /// <summary>What the guest writes, as far as it may. Nothing there is cleared by writing ones: no error is ever reported.</summary>
    internal void Write(int offset, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            byte mask = _writable[offset + i];
            _bytes[offset + i] = (byte)((_bytes[offset + i] & ~mask) | (bytes[i] & mask));
        }
    }

    /// <summary>Remembers what it is like now, for <see cref="Reset"/>.</summary>
    internal void Seal() => _bytes.CopyTo(_initial, 0);

    internal void Reset() => _initial.CopyTo(_bytes, 0);

    internal void ShowInterrupt(bool stands)
    {
        ushort status = Read16(Status);
        Write16(Status, (ushort)(stands ? status | InterruptStatus : status & ~InterruptStatus));
    }

    private void Allow(int offset, ReadOnlySpan<byte> mask) => mask.CopyTo(_writable.AsSpan(offset));

    private ushort Read16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(offset));

    private void Write16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(offset), value);
}
