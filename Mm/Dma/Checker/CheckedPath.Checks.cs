using System;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

internal sealed unsafe partial class CheckedPath
{
    /// <summary>Looks at all that the device may not write now. What was found is reported once.</summary>
    public void CheckIdle(CheckRecord* record)
    {
        Mapping* mapping = record->Mapping;
        Look(record);
        CheckGuards(record);
        if (mapping->Side == Side.Cpu)
            Check(DmaFault.DeviceWroteEarly, record, record->Address, record->Room);
        else if (mapping->Side == Side.Watched)
            Check(DmaFault.DeviceWroteOutside, record, record->Address + mapping->Given, record->Room - mapping->Given);
    }

    private void CheckGuards(CheckRecord* record)
    {
        ulong behind = record->Address + record->Room;
        Check(DmaFault.DeviceWroteOutside, record, record->First, record->Address - record->First);
        Check(DmaFault.DeviceWroteOutside, record, behind, record->End - behind);
    }

    // What a hand-over covers was the CPU's until now.
    private void CheckUntouched(CheckRecord* record, uint offset, uint bytes)
    {
        if (record->Mapping->Side == Side.Device)
            Check(DmaFault.DeviceWroteEarly, record, record->Address, record->Room);
        else
            Check(DmaFault.DeviceWroteEarly, record, record->Address + offset, bytes);
    }

    private void Check(DmaFault fault, CheckRecord* record, ulong address, ulong bytes)
    {
        ulong intact = Pattern.Intact(address, bytes, record->Seed);
        if (intact == bytes)
            return;
        ulong changed = Pattern.Changed(address + intact, bytes - intact, record->Seed);
        checker.Report(fault, record, address + intact, changed);
        Pattern.Fill(address + intact, changed, record->Seed);
        Clean(record);
    }

    // A driver that says what its device takes after it mapped.
    private void CheckLimits(Mapping* mapping, CheckRecord* record, DmaDevice device)
    {
        ulong mask = record->Family == DmaFamily.Mapped ? device.StreamingMask : device.CoherentMask;
        if (mapping->Address + mapping->Room - 1 > mask)
            checker.Report(DmaFault.Limits, record, $"{DmaFault.Limits.Text}: the mask ends at 0x{mask:x}");
        else if (mapping->Room > device.MaxSegmentBytes && HasLimits(record))
            checker.Report(DmaFault.Limits, record, $"{DmaFault.Limits.Text}: {device.MaxSegmentBytes} bytes with one address");
        else if (Crosses(device, mapping->Address, mapping->Room) && HasLimits(record))
            checker.Report(DmaFault.Limits, record, $"{DmaFault.Limits.Text}: it crosses a multiple of 0x{device.SegmentBoundary:x}");
    }

    // Allocated memory is the driver's to cut.
    private static bool HasLimits(CheckRecord* record) => record->Family == DmaFamily.Mapped && !record->IsPiece;

    // Rows of what the page allocator, the slabs or this checker filled memory with were never written by anybody.
    private void CheckWritten(Mapping* mapping, CheckRecord* record, uint offset, uint bytes)
    {
        ulong address = mapping->Memory + offset;
        ulong row = Pattern.FirstRow(address, bytes, PageAllocator.PoisonByte);
        if (row != bytes)
        {
            checker.Report(DmaFault.Uninitialised, record, $"{DmaFault.Uninitialised.Text}: free memory's pattern from byte {offset + row} on");
            return;
        }
        row = Pattern.FirstRow(address, bytes, Pattern.Poison);
        if (row != bytes)
            checker.Report(DmaFault.Uninitialised, record, $"{DmaFault.Uninitialised.Text}: read from another buffer that the device had, from byte {offset + row} on");
    }

    // The CPU must have left the pattern alone.
    private void CheckPoison(CheckRecord* record, byte* memory, uint offset, uint bytes)
    {
        uint first = Pattern.Poisoned(memory, bytes);
        if (first != bytes)
            checker.Report(DmaFault.CpuWrite, record, $"{DmaFault.CpuWrite.Text}: byte {offset + first} is 0x{memory[first]:x2}");
    }

    private void CheckInput(CheckRecord* record, ulong address, byte* kept, uint bytes)
    {
        int same = new ReadOnlySpan<byte>(At(address), (int)bytes).CommonPrefixLength(new ReadOnlySpan<byte>(kept, (int)bytes));
        if (same != (int)bytes)
            checker.Report(DmaFault.DeviceWroteInput, record, $"{DmaFault.DeviceWroteInput.Text}: byte {address + (uint)same - record->Address} is 0x{At(address)[same]:x2}, was 0x{kept[same]:x2}");
    }

    private void CheckOutput(CheckRecord* record, ulong address, uint written)
    {
        if (address == record->Address && written > record->Front)
        {
            address += record->Front;
            written -= record->Front;
        }
        ulong at = Pattern.FirstIntact(address, written, Pattern.Unwritten);
        if (at != written)
            checker.Report(DmaFault.NotWritten, record, $"{DmaFault.NotWritten.Text}: {written} bytes, and nothing at byte {address + at - record->Address}");
    }

    // The rest of the last cache line goes back and forth with the buffer on noncoherent machines. A block's line is moved by a copy there.
    private static void KeepLine(Mapping* mapping, CheckRecord* record, uint bytes)
    {
        record->LineRest = 0;
        if (SlabBlock.IsOrigin(mapping->Origin) || mapping->Direction == DmaDirection.ToDevice)
            return;
        uint rest = (uint)(0 - (mapping->Memory + bytes)) & (Math.Min(CacheLines.Bytes, 128) - 1);
        new ReadOnlySpan<byte>(At(mapping->Memory) + bytes, (int)rest).CopyTo(new Span<byte>(record->Line, 128));
        record->LineRest = rest;
    }

    private void CheckLine(Mapping* mapping)
    {
        CheckRecord* record = CheckRecord.Of(mapping);
        var kept = new ReadOnlySpan<byte>(record->Line, (int)record->LineRest);
        if (record->LineRest != 0 && !kept.SequenceEqual(new ReadOnlySpan<byte>(At(mapping->Memory) + mapping->Given, kept.Length)))
            checker.Report(DmaFault.SharedLine, record);
    }
}
