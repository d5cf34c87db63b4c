using System;
using System.Numerics;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

internal sealed unsafe partial class CheckedPath
{
    // Fewer bytes behind the device's are too few to see an overrun.
    private const uint LeastGuard = 64;

    private readonly OwnerTag _tag = OwnerTag.Register("dma checker"u8);

    // Pages with the device's bytes and a guard on either side; addresses keep their low bits as the device asks for.
    private Error OpenShadow(Mapping* mapping, CheckRecord* record)
    {
        DmaDevice device = mapping->Device.Target;
        bool isMapped = mapping->Kind.PlainFamily == DmaFamily.Mapped;
        ulong keep = Math.Max(device.MinAlignment, PhysAddr.PageSize), offset = isMapped ? mapping->Memory & (keep - 1) : 0;
        // A page's offset is kept for devices that count on it, but not across a boundary.
        if (isMapped && Crosses(device, offset, record->Room))
            offset = mapping->Memory & (device.MinAlignment - 1);
        // What is allocated is aligned to its size; what is mapped only where it would cross a boundary otherwise.
        ulong front = isMapped && !Crosses(device, keep + offset, record->Room) ? keep : Math.Max(keep, PhysAddr.PageSize << OrderOf(offset + record->Room));
        ulong bytes = front + offset + record->Room + LeastGuard, most = PhysAddr.PageSize << PageAllocator.MaxOrder;
        if (bytes > most)
        {
            front = 0;
            bytes = Math.Min(offset + record->Room + LeastGuard, most);
        }
        int order = OrderOf(bytes);
        ulong mask = isMapped ? device.StreamingMask : device.CoherentMask;
        if (!TryTake(order, mask, record->IsShared ? device.Owner : _tag, out PageRun run))
            return checker.Refuse(device, "a shadow"u8);
        record->Shadow = run.Value;
        record->First = run.Start.Value;
        record->End = record->First + run.Bytes;
        mapping->Address = record->First + front + offset;
        if (record->IsShared && !device.IsCoherent)
        {
            CacheLines.Clean(run.Start, run.Bytes);
            CacheLines.Invalidate(run.Start, run.Bytes);
            CacheLines.SetUncached(run.Start, run.Bytes, uncached: true);
        }
        Pattern.Fill(record->First, run.Bytes, Pattern.Guard);
        Clean(record);
        Own.KeepForGood(ref run);       // until the record is let go
        if (front == 0)
            checker.Report(DmaFault.Unguarded, device, $"{mapping->Room} bytes are too many for guards on both sides");
        return Error.None;
    }

    private Error OpenSlots(Mapping* mapping, CheckRecord* record)
    {
        Error error = system.Bounce.Open(mapping);
        if (error != Error.None)
            return error;
        // They are not at hand for the next one: all hand-overs come this way.
        mapping->IsReady = false;
        record->First = mapping->Area->Start + ((ulong)mapping->FirstSlot << BounceArea.SlotShift);
        record->End = record->First + ((ulong)BounceArea.SlotBytes << mapping->SlotOrder);
        // Free slots are zero.
        Look(record);
        ulong bytes = record->End - record->First, intact = Pattern.Intact(record->First, bytes, Pattern.Zero);
        if (intact == bytes)
            return Error.None;
        checker.ReportSlot(record->First + intact);
        Pattern.Fill(record->First, bytes, Pattern.Zero);
        Clean(record);
        return Error.None;
    }

    private static int OrderOf(ulong bytes) => bytes <= PhysAddr.PageSize ? 0 : BitOperations.Log2((bytes - 1) >> 12) + 1;

    private static bool Crosses(DmaDevice device, ulong start, uint bytes) =>
        start / device.SegmentBoundary != (start + bytes - 1) / device.SegmentBoundary;

    // The CPU's bytes wait here while the device has them.
    private bool TryTakeKept(CheckRecord* record)
    {
        if (!TryTake(OrderOf(record->Room), ulong.MaxValue, _tag, out PageRun run))
            return false;
        record->Kept = run.Value;
        Own.KeepForGood(ref run);
        return true;
    }

    /// <summary>Gives the page run of a record back in which no device works any more.</summary>
    [OwnershipInternals("the record was the owner")]
    public void GiveShadow(CheckRecord* record)
    {
        var run = new PageRun(record->Shadow);
        if (record->IsShared && !record->Mapping->Device.Target.IsCoherent)
            CacheLines.SetUncached(run.Start, run.Bytes, uncached: false);
        system.Memory.Give(ref run);
        record->Shadow = 0;
    }

    [OwnershipInternals("the record was the owner")]
    private void GiveKept(CheckRecord* record)
    {
        var run = new PageRun(record->Kept);
        system.Memory.Give(ref run);
        record->Kept = 0;
    }

    [OwnershipInternals("the record is the owner")]
    private static byte* KeptAt(CheckRecord* record, uint offset) => new PageRun(record->Kept).Address + offset;

    // Ended mappings are let go before memory runs out.
    private bool TryTake(int order, ulong mask, OwnerTag owner, out PageRun run)
    {
        if (TryTakeOnce(order, mask, owner, out run))
            return true;
        checker.Drain();
        return TryTakeOnce(order, mask, owner, out run);
    }

    // Where a mask counts, the highest: a device that has fewer bits than its driver says does not get there.
    private bool TryTakeOnce(int order, ulong mask, OwnerTag owner, out PageRun run) => mask == ulong.MaxValue
        ? system.Memory.Pages.TryTake(order, Zone.Any, owner, out run)
        : system.Memory.Pages.TryTakeHighest(order, mask, owner, out run);
}
