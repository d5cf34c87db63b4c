using System;
using Sluice.Platform;

namespace Sluice.Dma;

public sealed unsafe partial class DmaChecker
{
    /// <summary>Reports what happened to a mapping as a whole.</summary>
    internal void Report(DmaFault fault, CheckRecord* record) => Report(fault, record, $"{fault.Text}");

    /// <summary>Reports what happened to some bytes of a mapping, by the device's address.</summary>
    internal void Report(DmaFault fault, CheckRecord* record, ulong address, ulong bytes)
    {
        bool before = address < record->Address;
        ulong offset = before ? record->Address - address : address - record->Address;
        ReadOnlySpan<byte> sign = before ? "-"u8 : ""u8;
        Report(fault, record, $"{fault.Text}: {bytes} bytes from byte {sign}{offset} on");
    }

    /// <summary>Misuse of a handle; the machine stops right after it.</summary>
    internal void ReportHandle(DmaFault fault, Mapping* mapping)
    {
        CheckRecord* record = CheckRecord.Of(mapping);
        if (record == null)
            Report(fault, mapping->Device.Target, $"{fault.Text}");
        else
            Report(record->HasEnded && fault == DmaFault.StaleHandle ? DmaFault.UsedAfterEnd : fault, record);
    }

    /// <summary>Misuse that no single mapping stands for.</summary>
    internal void Report(DmaFault fault, DmaDevice device, scoped in Utf8Message what)
    {
        Utf8Message text = $"dma check: {device.Name}: {DriverOf(device)}: {what.Text}";
        _reports.Add(fault, text.Text);
    }

    /// <summary>A free bounce slot was written to.</summary>
    internal void ReportSlot(ulong address)
    {
        // Who had the slots last, if that is still known.
        CheckRecord* last = null;
        for (CheckRecord* record = _oldestEnded; record != null; record = record->Next)
        {
            if (record->Shadow == 0 && address >= record->First && address < record->End)
                last = record;
        }
        if (last != null)
        {
            Report(DmaFault.DeviceWroteLate, last, address, 1);
            return;
        }
        Utf8Message text = $"dma check: a device wrote to a free bounce slot at 0x{address:x}, after a buffer's end or beside one";
        _reports.Add(DmaFault.DeviceWroteLate, text.Text);
    }

    internal void Report(DmaFault fault, CheckRecord* record, scoped in Utf8Message what)
    {
        DmaDevice device = record->Mapping->Device.Target;
        ReadOnlySpan<byte> state = record->HasEnded ? "released"u8 : "mapped"u8;
        ulong age = (Clock.Microseconds - (record->HasEnded ? record->Ended : record->Since)) / 1000;
        Utf8Message text = $"dma check: {device.Name}: {DriverOf(device)}: {what.Text}; {record->Family.Text} {record->Direction.Text}, {record->Room} bytes at 0x{record->Address:x}, {state} {age} ms ago";
        if (record->SourceLine != 0)
        {
            text.AppendLiteral(", by ");
            text.AppendFormatted(record->Method.Target);
            text.AppendLiteral(":");
            text.AppendFormatted(record->SourceLine);
        }
        _reports.Add(fault, text.Text);
    }

    private static ReadOnlySpan<byte> DriverOf(DmaDevice device) => device.Driver.IsEmpty ? "no driver"u8 : device.Driver;
}
