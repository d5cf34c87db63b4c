using System;
using System.Buffers.Binary;
using System.Collections.Generic;

namespace Sluice.Devices.Pci;

/// <summary>What a simulated base address register decodes.</summary>
public enum BarShape
{
    Ports,
    Memory32,
    Memory64,
}

/// <summary>
/// One PCI function: configuration space with the bits that can be written, base address registers that size themselves, a list of
/// capabilities, interrupts by pin, MSI or MSI-X. Devices derive from it and answer at their BARs; hostile ones override what
/// configuration reads give. What no driver may do is noted in <see cref="Violations"/>.
/// Source: PCI Local Bus 3.0, sections 6.1, 6.2, 6.7, 6.8.
/// </summary>
public class SimulatedFunction
{
    public const int MostBars = 6;

    private const int CommandOffset = 4, StatusOffset = 6, HeaderTypeOffset = 14, BarOffset = 0x10, CapabilitiesOffset = 0x34, LineOffset = 0x3C, PinOffset = 0x3D;
    private const ushort PortSpace = 1, MemorySpace = 2, BusMaster = 4, InterruptDisable = 1 << 10, InterruptStatus = 1 << 3, HasCapabilities = 1 << 4;

    private readonly byte[] _space = new byte[4096];
    private readonly byte[] _writable = new byte[4096];
    private readonly SimulatedBar?[] _bars = new SimulatedBar?[MostBars];
    private int _lastCapability = -1, _nextCapability = 0x40;
    private int _lastExtended = -1, _nextExtended = 0x100;
    private bool _line;

    public SimulatedFunction(ushort vendor, ushort device, uint classCode, byte headerType = 0)
    {
        Set(0, vendor, 2);
        Set(2, device, 2);
        Set(8, classCode << 8 | 1, 4);
        Set(HeaderTypeOffset, headerType, 1);
        Allow(CommandOffset, 0x0547, 2);
        Allow(LineOffset, 0xFF, 1);
    }

    /// <summary>What drivers did that they must not, in words.</summary>
    public List<string> Violations { get; } = [];

    /// <summary>Pulled out: reads give all ones, writes go nowhere.</summary>
    public bool IsGone { get; set; }

    /// <summary>Reads of configuration space after which the function is gone; counts down.</summary>
    public int? ReadsUntilGone { get; set; }

    public bool IsMultiFunction
    {
        get => (_space[HeaderTypeOffset] & 0x80) != 0;
        set => _space[HeaderTypeOffset] = (byte)(_space[HeaderTypeOffset] & 0x7F | (value ? 0x80 : 0));
    }

    public IReadOnlyList<SimulatedBar?> Bars => _bars;

    public SimulatedMsi? Msi { get; private set; }

    public SimulatedMsiX? MsiX { get; private set; }

    public bool DecodesMemory => !IsGone && (Get(CommandOffset, 2) & MemorySpace) != 0;

    public bool DecodesPorts => !IsGone && (Get(CommandOffset, 2) & PortSpace) != 0;

    public bool IsBusMaster => !IsGone && (Get(CommandOffset, 2) & BusMaster) != 0;

    /// <summary>Where messages go: address and datum.</summary>
    public Action<ulong, uint>? SendMessage { get; set; }

    /// <summary>Where the pin goes: the line that firmware chose, and whether it is raised.</summary>
    public Action<byte, bool>? SetLine { get; set; }

    /// <summary>Number in a field, as the device sees it.</summary>
    public uint Get(int offset, int bytes)
    {
        ReadOnlySpan<byte> field = _space.AsSpan(offset, bytes);
        return bytes switch
        {
            4 => BinaryPrimitives.ReadUInt32LittleEndian(field),
            2 => BinaryPrimitives.ReadUInt16LittleEndian(field),
            1 => field[0],
            _ => throw new ArgumentOutOfRangeException(nameof(bytes)),
        };
    }

    /// <summary>Sets a field, whether or not software could.</summary>
    public void Set(int offset, uint value, int bytes)
    {
        for (int i = 0; i < bytes; i++)
            _space[offset + i] = (byte)(value >> (8 * i));
    }

    /// <summary>Lets software write some bits of a field.</summary>
    public void Allow(int offset, uint mask, int bytes)
    {
        for (int i = 0; i < bytes; i++)
            _writable[offset + i] = (byte)(mask >> (8 * i));
    }

    /// <summary>Adds a base address register of a power of two bytes, at the address that firmware chose; 0 for none.</summary>
    public SimulatedFunction WithBar(int index, BarShape shape, ulong bytes, ulong address, bool prefetchable = false)
    {
        uint flags = shape switch { BarShape.Ports => 1u, BarShape.Memory64 => 4u, _ => 0u } | (prefetchable ? 8u : 0u);
        ulong mask = ~(bytes - 1);
        int offset = BarOffset + 4 * index;
        _bars[index] = new SimulatedBar(shape, bytes);
        Set(offset, (uint)address | flags, 4);
        Allow(offset, (uint)mask & (shape == BarShape.Ports ? ~3u : ~15u), 4);
        if (shape == BarShape.Memory64)
        {
            Set(offset + 4, (uint)(address >> 32), 4);
            Allow(offset + 4, (uint)(mask >> 32), 4);
        }
        return this;
    }

    /// <summary>Where a BAR is now.</summary>
    public ulong AddressOf(int index)
    {
        int offset = BarOffset + 4 * index;
        return _bars[index]!.Shape switch
        {
            BarShape.Ports => Get(offset, 4) & ~3u,
            BarShape.Memory32 => Get(offset, 4) & ~15u,
            _ => (ulong)Get(offset + 4, 4) << 32 | Get(offset, 4) & ~15u,
        };
    }

    /// <summary>Adds a capability of a body behind id and pointer; returns its offset.</summary>
    public int AddCapability(byte id, params byte[] body)
    {
        int offset = _nextCapability;
        _nextCapability += (body.Length + 2 + 3) & ~3;
        Set(_lastCapability < 0 ? CapabilitiesOffset : _lastCapability + 1, (uint)offset, 1);
        Set(StatusOffset, Get(StatusOffset, 2) | HasCapabilities, 2);
        Set(offset, id, 1);
        body.CopyTo(_space, offset + 2);
        _lastCapability = offset;
        return offset;
    }

    /// <summary>Adds an extended capability of a body behind the header; returns its offset.</summary>
    public int AddExtendedCapability(ushort id, params byte[] body)
    {
        int offset = _nextExtended;
        _nextExtended += (body.Length + 4 + 3) & ~3;
        if (_lastExtended >= 0)
            Set(_lastExtended + 2, Get(_lastExtended + 2, 2) & 0xF | (uint)offset << 4, 2);
        Set(offset, id | 1u << 16, 4);
        body.CopyTo(_space, offset + 4);
        _lastExtended = offset;
        return offset;
    }

    /// <summary>Adds the capability to send one message.</summary>
    public SimulatedFunction WithMsi(bool wide = true, bool masks = false)
    {
        int offset = AddCapability(0x05, new byte[(wide ? 12 : 8) + (masks ? 10 : 0)]);
        Msi = new SimulatedMsi(this, offset, wide, masks);
        return this;
    }

    /// <summary>Adds a table of messages in a BAR that is there already.</summary>
    public SimulatedFunction WithMsiX(int bar, uint tableOffset, uint pendingOffset, int entries)
    {
        int offset = AddCapability(0x11, new byte[10]);
        Set(offset + 2, (uint)entries - 1, 2);
        Set(offset + 4, tableOffset | (uint)bar, 4);
        Set(offset + 8, pendingOffset | (uint)bar, 4);
        Allow(offset + 2, 0xC000, 2);
        MsiX = new SimulatedMsiX(this, offset, tableOffset, pendingOffset, entries);
        _bars[bar]!.MsiX = MsiX;
        return this;
    }

    /// <summary>Connects the pin: 1 to 4 for A to D, and the ISA line that firmware chose.</summary>
    public SimulatedFunction WithPin(byte pin, byte line)
    {
        Set(PinOffset, pin, 1);
        Set(LineOffset, line, 1);
        return this;
    }

    /// <summary>
    /// Interrupts the way that software chose. A pin stays raised until <see cref="LowerPin"/>. False if no way is open: nothing is
    /// enabled, or messages are and the function may not write memory.
    /// </summary>
    public bool Interrupt(int vector = 0)
    {
        if (IsGone)
            return false;
        if (MsiX is { IsEnabled: true })
            return MsiX.Send(vector);
        if (Msi is { IsEnabled: true })
            return Msi.Send();
        _line = true;
        return UpdatePin();
    }

    /// <summary>Ends an interrupt by pin.</summary>
    public void LowerPin()
    {
        _line = false;
        UpdatePin();
    }

    /// <summary>What software reads from configuration space.</summary>
    public virtual uint ReadConfiguration(int offset, int bytes)
    {
        if (ReadsUntilGone is int reads)
        {
            IsGone |= reads <= 0;
            ReadsUntilGone = reads - 1;
        }
        return IsGone ? uint.MaxValue : Get(offset, bytes);
    }

    /// <summary>What software writes to configuration space.</summary>
    public virtual void WriteConfiguration(int offset, int bytes, uint value)
    {
        if (IsGone)
            return;
        NoteBarWrite(offset, bytes, value);
        for (int i = 0; i < bytes; i++)
        {
            ref byte target = ref _space[offset + i];
            byte mask = _writable[offset + i];
            target = (byte)(target & ~mask | (byte)(value >> (8 * i)) & mask);
        }
        if (offset < StatusOffset)
            UpdatePin();
        MsiX?.OnControlWritten();
    }

    /// <summary>A device's registers; plain memory unless a device says otherwise.</summary>
    public virtual ulong ReadBar(int bar, uint offset, int bytes) => _bars[bar]!.ReadMemory(offset, bytes);

    /// <summary>The same, written.</summary>
    public virtual void WriteBar(int bar, uint offset, int bytes, ulong value) => _bars[bar]!.WriteMemory(offset, bytes, value);

    internal ulong Read(int bar, uint offset, int bytes) =>
        IsGone ? ulong.MaxValue : _bars[bar]!.MsiX is { } table && table.Contains(offset) ? table.Read(offset, bytes) : ReadBar(bar, offset, bytes);

    internal void Write(int bar, uint offset, int bytes, ulong value)
    {
        if (IsGone)
            return;
        if (_bars[bar]!.MsiX is { } table && table.Contains(offset))
            table.Write(offset, bytes, value);
        else
            WriteBar(bar, offset, bytes, value);
    }

    internal bool SendIfMaster(ulong address, uint data)
    {
        if (!IsBusMaster)
            return false;
        SendMessage?.Invoke(address, data);
        return true;
    }

    private bool UpdatePin()
    {
        uint status = Get(StatusOffset, 2) & ~(uint)InterruptStatus;
        Set(StatusOffset, status | (_line ? InterruptStatus : 0u), 2);
        bool raised = _line && (Get(CommandOffset, 2) & InterruptDisable) == 0 && _space[PinOffset] != 0;
        SetLine?.Invoke(_space[LineOffset], raised);
        return raised;
    }

    // Moving or sizing a BAR while it decodes would let it answer at somebody else's address for a moment.
    private void NoteBarWrite(int offset, int bytes, uint value)
    {
        int index = (offset - BarOffset) / 4;
        bool isBar = offset >= BarOffset && index < MostBars && (_bars[index] ?? (index > 0 && _bars[index - 1]?.Shape == BarShape.Memory64 ? _bars[index - 1] : null)) is not null;
        if (isBar && (DecodesMemory || DecodesPorts) && value != Get(offset, bytes))
            Violations.Add($"BAR {index} written while the function decodes");
    }
}

/// <summary>A base address register's extent, with memory behind it for devices that need no more.</summary>
public sealed class SimulatedBar(BarShape shape, ulong bytes)
{
    private readonly Dictionary<uint, byte> _memory = [];

    public BarShape Shape { get; } = shape;

    public ulong Bytes { get; } = bytes;

    internal SimulatedMsiX? MsiX { get; set; }

    internal ulong ReadMemory(uint offset, int bytes)
    {
        ulong value = 0;
        for (int i = bytes - 1; i >= 0; i--)
            value = value << 8 | _memory.GetValueOrDefault(offset + (uint)i);
        return value;
    }

    internal void WriteMemory(uint offset, int bytes, ulong value)
    {
        for (int i = 0; i < bytes; i++)
            _memory[offset + (uint)i] = (byte)(value >> (8 * i));
    }
}
