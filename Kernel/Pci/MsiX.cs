using System;
using System.Diagnostics.CodeAnalysis;
using Sluice.Platform;

namespace Sluice.Pci;

/// <summary>MSI-X's message control. Source: PCI Local Bus 3.0, section 6.8.2.3.</summary>
[Flags]
internal enum MsiXControl : ushort
{
    /// <summary>Entries in the table, less one (bits 10:0).</summary>
    LastEntryMask = 0x7FF,
    MaskAll = 1 << 14,
    Enable = 1 << 15,
}

/// <summary>
/// A function's table of messages, mapped and checked against the BAR that it is in. Source: PCI Local Bus 3.0, section 6.8.2.
/// </summary>
internal sealed class MsiX
{
    private const uint CapabilityBytes = 12, TableOffset = 4, PendingOffset = 8;
    private const uint EntryBytes = 16, EntryAddress = 0, EntryUpperAddress = 4, EntryData = 8, EntryControl = 12;
    private const uint EntryMasked = 1;
    private const uint BarMask = 7;

    private readonly PciFunction _function;
    private readonly uint _capability;
    private readonly Mmio _table;

    private MsiX(PciFunction function, uint capability, Mmio table, int entries)
    {
        _function = function;
        _capability = capability;
        _table = table;
        Entries = entries;
    }

    /// <summary>Messages that the function can send.</summary>
    public int Entries { get; }

    private ConfigurationRegister<MsiXControl> Control => new(_function, _capability + 2);

    /// <summary>
    /// Finds and maps the table. False if there is none, or table or pending bits are not inside a usable memory BAR: said in the log.
    /// </summary>
    public static bool TryCreate(PciFunction function, [NotNullWhen(true)] out MsiX? msiX)
    {
        msiX = null;
        if (!function.TryFind(CapabilityId.MsiX, CapabilityBytes, out uint at))
            return false;
        var control = (MsiXControl)function.Read(at + 2, 2);
        uint entries = (uint)(control & MsiXControl.LastEntryMask) + 1;
        uint table = function.Read(at + TableOffset, 4), pending = function.Read(at + PendingOffset, 4);
        // All the pending bits come in 64-bit words.
        if (!Fits(function, table, entries * EntryBytes) || !Fits(function, pending, (entries + 63) / 64 * 8) ||
            !TryMap(function, table, entries * EntryBytes, out Mmio mapped))
        {
            Log.Warn($"pci: {function.Address}: MSI-X table of {entries} entries at {table:x} or pending bits at {pending:x} lie in no usable BAR");
            return false;
        }
        msiX = new MsiX(function, at, mapped, (int)entries);
        return true;
    }

    /// <summary>
    /// Sends entry 0 to a message and turns the table on; the other entries stay masked. False if the function does not take it. Memory
    /// decoding is turned on, as the table is memory.
    /// </summary>
    public bool TryEnable(InterruptMessage message)
    {
        if (_function.EnableMemory() != Error.None)
            return false;
        // On, but all masked: some functions take writes to the table only then.
        Control.Change(0, MsiXControl.Enable | MsiXControl.MaskAll);
        for (uint i = 0; i < Entries; i++)
            _table.Write32(i * EntryBytes + EntryControl, EntryMasked);
        _table.Write32(EntryAddress, (uint)message.Address);
        _table.Write32(EntryUpperAddress, (uint)(message.Address >> 32));
        _table.Write32(EntryData, message.Data);
        _table.Write32(EntryControl, 0);
        bool taken = _table.Read32(EntryAddress) == (uint)message.Address && _table.Read32(EntryData) == message.Data;
        Control.Change(MsiXControl.MaskAll | (taken ? 0 : MsiXControl.Enable), 0);
        if (taken && (Control.Read() & MsiXControl.Enable) != 0 && !_function.IsGone)
            return true;
        Log.Warn($"pci: {_function.Address}: MSI-X table does not keep what is written");
        return false;
    }

    /// <summary>Masks the table and turns it off.</summary>
    public void Disable()
    {
        Control.Change(0, MsiXControl.MaskAll);
        Control.Change(MsiXControl.Enable, 0);
    }

    private static bool Fits(PciFunction function, uint place, uint bytes)
    {
        int index = (int)(place & BarMask);
        ReadOnlySpan<Bar> bars = function.Bars;
        return index < bars.Length && bars[index].IsUsable && bars[index].IsMemory && (place & ~BarMask) + (ulong)bytes <= bars[index].Bytes;
    }

    private static bool TryMap(PciFunction function, uint place, uint bytes, out Mmio table)
    {
        bool mapped = function.TryMapBar((int)(place & BarMask), (place & ~BarMask) + bytes, out Mmio registers);
        table = mapped ? registers.Slice(place & ~BarMask, bytes) : default;
        return mapped;
    }
}
