using System;

namespace Sluice.Devices.Pci;

/// <summary>MSI with one message. Source: PCI Local Bus 3.0, section 6.8.1.</summary>
public sealed class SimulatedMsi
{
    private readonly SimulatedFunction _function;
    private readonly int _offset;
    private readonly bool _wide, _masks;

    internal SimulatedMsi(SimulatedFunction function, int offset, bool wide, bool masks)
    {
        _function = function;
        _offset = offset;
        _wide = wide;
        _masks = masks;
        function.Set(offset + 2, (wide ? 1u << 7 : 0) | (masks ? 1u << 8 : 0), 2);
        function.Allow(offset + 2, 0x0071, 2);
        function.Allow(offset + 4, 0xFFFF_FFFC, 4);
        if (wide)
            function.Allow(offset + 8, uint.MaxValue, 4);
        function.Allow(DataOffset, 0xFFFF, 2);
        if (masks)
        {
            function.Allow(DataOffset + 4, 1, 4);
            function.Set(DataOffset + 4, 1, 4);         // masked at reset
        }
    }

    public bool IsEnabled => (_function.Get(_offset + 2, 2) & 1) != 0;

    private int DataOffset => _offset + (_wide ? 12 : 8);

    internal bool Send()
    {
        if (_masks && (_function.Get(DataOffset + 4, 4) & 1) != 0)
            return false;
        ulong address = _function.Get(_offset + 4, 4) | (_wide ? (ulong)_function.Get(_offset + 8, 4) << 32 : 0);
        return _function.SendIfMaster(address, _function.Get(DataOffset, 2));
    }
}

/// <summary>
/// MSI-X: entries in a BAR, each masked at reset; a masked one is remembered in the pending bits. Notes as a violation when an entry is
/// changed while it could be sent. Source: PCI Local Bus 3.0, section 6.8.2.
/// </summary>
public sealed class SimulatedMsiX
{
    private const int EntryBytes = 16;
    private readonly SimulatedFunction _function;
    private readonly int _offset;
    private readonly uint _table, _pending;
    private readonly byte[] _entries;
    private readonly bool[] _isPending;

    internal SimulatedMsiX(SimulatedFunction function, int offset, uint table, uint pending, int entries)
    {
        _function = function;
        _offset = offset;
        _table = table;
        _pending = pending;
        _entries = new byte[entries * EntryBytes];
        _isPending = new bool[entries];
        for (int i = 0; i < entries; i++)
            _entries[i * EntryBytes + 12] = 1;
    }

    public bool IsEnabled => (_function.Get(_offset + 2, 2) & 0x8000) != 0;

    public bool AllMasked => (_function.Get(_offset + 2, 2) & 0x4000) != 0;

    /// <summary>Whether an entry's own mask is set.</summary>
    public bool IsMasked(int entry) => (_entries[entry * EntryBytes + 12] & 1) != 0;

    internal bool Contains(uint offset) => offset - _table < _entries.Length || offset - _pending < (_isPending.Length + 63) / 64 * 8;

    internal ulong Read(uint offset, int bytes)
    {
        ulong value = 0;
        for (int i = bytes - 1; i >= 0; i--)
            value = value << 8 | ReadByte(offset + (uint)i);
        return value;
    }

    internal void Write(uint offset, int bytes, ulong value)
    {
        uint at = offset - _table;
        if (at >= _entries.Length)
            return;
        int entry = (int)at / EntryBytes;
        if (bytes is not (4 or 8) || at % bytes != 0)
            _function.Violations.Add($"MSI-X entry {entry} written with {bytes} bytes at {at % EntryBytes}");
        if (at % EntryBytes < 12 && IsEnabled && !AllMasked && !IsMasked(entry))
            _function.Violations.Add($"MSI-X entry {entry} changed while it is not masked");
        for (int i = 0; i < bytes; i++)
            _entries[at + i] = (byte)(value >> (8 * i));
        Flush();
    }

    internal bool Send(int entry)
    {
        if (entry >= _isPending.Length)
            return false;
        _isPending[entry] = true;
        Flush();
        return !_isPending[entry];
    }

    internal void OnControlWritten() => Flush();

    private void Flush()
    {
        for (int i = 0; i < _isPending.Length; i++)
        {
            if (!_isPending[i] || !IsEnabled || AllMasked || IsMasked(i))
                continue;
            int at = i * EntryBytes;
            ulong address = BitConverter.ToUInt64(_entries, at);
            _isPending[i] = !_function.SendIfMaster(address, BitConverter.ToUInt32(_entries, at + 8));
        }
    }

    private byte ReadByte(uint offset)
    {
        if (offset - _table < _entries.Length)
            return _entries[offset - _table];
        int first = (int)(offset - _pending) * 8;
        int bits = 0;
        for (int i = 0; i < 8 && first + i < _isPending.Length; i++)
            bits |= _isPending[first + i] ? 1 << i : 0;
        return (byte)bits;
    }
}
