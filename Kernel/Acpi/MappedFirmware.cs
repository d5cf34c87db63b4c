using System;
using Sluice.Boot;
using Sluice.Mm;

namespace Sluice.Acpi;

/// <summary>
/// Firmware's tables, by the memory map: addresses in none of its ranges are not memory. What is read is mapped, once, for good,
/// as tables mostly lie in ranges that firmware calls its own, which the direct map leaves out.
/// </summary>
internal sealed unsafe class MappedFirmware : FirmwareMemory
{
    private const int Capacity = 320;

    private readonly Window[] _windows = new Window[Capacity];
    private int _count;

    public override bool TryRead(PhysAddr start, uint bytes, out ReadOnlySpan<byte> data)
    {
        data = default;
        if (!IsMemory(start, bytes) || !TryMap(start, bytes, out byte* pointer))
            return false;
        data = new ReadOnlySpan<byte>(pointer, (int)bytes);
        return true;
    }

    private static bool IsMemory(PhysAddr start, uint bytes)
    {
        ulong at = start.Value, end = at + bytes;
        // A table may run over several ranges: each step goes to the end of one.
        for (int steps = 0; at < end && steps < BootInformation.MemoryMap.Length; steps++)
        {
            if (!TrySkipRange(ref at))
                return false;
        }
        return at >= end;
    }

    private static bool TrySkipRange(ref ulong at)
    {
        foreach (MemoryRange range in BootInformation.MemoryMap)
        {
            if (at - range.Start.Value >= range.Bytes || range.Kind == MemoryKind.Unusable)
                continue;
            at = range.Start.Value + range.Bytes;
            return true;
        }
        return false;
    }

    private bool TryMap(PhysAddr start, uint bytes, out byte* pointer)
    {
        foreach (Window window in new ReadOnlySpan<Window>(_windows, 0, _count))
        {
            if (start >= window.Start && start + bytes <= window.Start + window.Bytes)
            {
                pointer = window.Pointer + (start - window.Start);
                return true;
            }
        }
        pointer = null;
        if (_count == Capacity || !VirtualMemory.TryMapDevice(start, bytes, CacheMode.WriteBack, out pointer))
            return false;
        _windows[_count++] = new Window { Start = start, Bytes = bytes, Pointer = pointer };
        return true;
    }

    private struct Window
    {
        public PhysAddr Start;
        public ulong Bytes;
        public byte* Pointer;
    }
}
