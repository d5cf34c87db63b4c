using System;
using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// Finds misuse that types and the analyzer let through, and devices that do what they were not told. With it on, devices never work on
/// the CPU's memory but on copies of it (<see cref="CheckedPath"/>), so that a forgotten hand-over shows on any machine. Any context but
/// interrupt handlers.
/// </summary>
public sealed unsafe partial class DmaChecker
{
    private const uint MostLeaksTold = 16;

    private readonly DmaSystem _system;
    private readonly CheckReports _reports;
    private readonly Slab<CheckRecord> _records;
    private readonly OwnerTag _tag = OwnerTag.Register("dma checker"u8);

    // Ends of the list of the living; the newest comes first.
    private CheckRecord* _newest;
    private SpinLock _lock;
    private ulong _serial, _live;

    internal DmaChecker(DmaSystem system, PageAllocator pages, SlabHeap slabs)
    {
        _system = system;
        _reports = new CheckReports(pages, _tag);
        _records = new Slab<CheckRecord>(slabs, "dma check records"u8);
        Path = new CheckedPath(system, this);
        _endedLimit = LimitFor(pages);
    }

    internal CheckedPath Path { get; }

    /// <summary>Reports so far.</summary>
    public ulong Reports => _reports.Count;

    /// <summary>Mappings that are checked now.</summary>
    public ulong Live => _live;

    /// <summary>Mappings that were refused because there was no memory to check them.</summary>
    public ulong Refused { get; private set; }

    /// <summary>Noncontiguous buffers that are not checked: copies would have taken too many segments, or too much memory.</summary>
    public ulong Unchecked { get; private set; }

    /// <summary>How often a class was reported.</summary>
    public ulong CountOf(DmaFault fault) => _reports.CountOf(fault);

    /// <summary>A report by its number, from 1 on; false if there is none, or it is no more among the last 64.</summary>
    public bool TryGet(ulong number, out DmaFault fault, out ReadOnlySpan<byte> text) => _reports.TryGet(number, out fault, out text);

    /// <summary>To be compared with later: what is mapped from now on has a higher number.</summary>
    public ulong Mark() => _serial;

    /// <summary>
    /// Reports each mapping that was made after a mark and still lives; of one device, or of all for null. Not the pages of pools, which keep
    /// theirs for good. Of very many the newest; returns how many there are.
    /// </summary>
    public uint ReportLeaks(ulong mark, DmaDevice? device = null)
    {
        uint leaks = 0;
        for (CheckRecord* record = _newest; record != null && record->Serial > mark; record = record->Next)
        {
            if (record->Family == DmaFamily.Pool || (device != null && record->Mapping->Device.Target != device))
                continue;
            if (leaks++ < MostLeaksTold)
                Report(DmaFault.Leak, record);
        }
        if (leaks > MostLeaksTold)
            Log.Warn($"dma check: {leaks - MostLeaksTold} more not released");
        return leaks;
    }

    /// <summary>Looks at all memory that no device may have written: around and in buffers, ended ones, free bounce slots.</summary>
    public void Sweep()
    {
        for (CheckRecord* record = _newest; record != null; record = record->Next)
            Path.CheckIdle(record);
        for (CheckRecord* record = _oldestEnded; record != null; record = record->Next)
            CheckEnded(record);
        while (_system.Pool.TryFindDirty(out ulong address))
            ReportSlot(address);
    }

    internal CheckRecord* TryBegin(Mapping* mapping)
    {
        if (!_records.TryTake(out CheckRecord* record))
            return null;
        record->Mapping = mapping;
        // Guards do not share pages with what the CPU does not see.
        record->Room = mapping->Kind.PlainFamily == DmaFamily.Hidden ? (uint)CheckedPath.PageBytes(mapping) : mapping->Room;
        record->Direction = mapping->Direction;
        record->Family = mapping->Kind.PlainFamily;
        record->Since = Clock.Microseconds;
        return record;
    }

    /// <summary>A record is complete: its mapping lives.</summary>
    internal void Enter(CheckRecord* record)
    {
        record->Address = record->Mapping->Address;
        record->Mapping->Checked = (ulong)record;
        CheckOverlap(record);
        _lock.Acquire();
        record->Serial = ++_serial;
        record->Next = _newest;
        if (_newest != null)
            _newest->Previous = record;
        _newest = record;
        _live++;
        _lock.Release();
    }

    internal void Abandon(CheckRecord* record) => _records.Give(ref record);

    /// <summary>Says who made a mapping.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Sign(Mapping* mapping, string method, int line)
    {
        if (mapping->Checked != 0)
            SignRecord(mapping, method, line);
    }

    private static void SignRecord(Mapping* mapping, string method, int line)
    {
        CheckRecord.Of(mapping)->Method = new StableReference<string>(method);
        CheckRecord.Of(mapping)->SourceLine = line;
    }

    /// <summary>A mapping cannot be checked, and so is not made.</summary>
    internal Error Refuse(DmaDevice device, ReadOnlySpan<byte> what)
    {
        // Once for 1, 2, 4, 8 ... times.
        if ((++Refused & (Refused - 1)) == 0)
            Log.Warn($"dma check: {device.Name}: no memory for {what}: {Refused} requests refused");
        return Error.NoResources;
    }

    /// <summary>Noncontiguous memory is used where it lies: said, not silent.</summary>
    internal void CountUnchecked(DmaDevice device)
    {
        // Once for 1, 2, 4, 8 ... mappings.
        if ((++Unchecked & (Unchecked - 1)) == 0)
            Log.Warn($"dma check: {device.Name}: a noncontiguous buffer is not checked, for want of segments or memory; so far {Unchecked}");
    }

    // A 64th of memory, at most 4 MiB.
    private static ulong LimitFor(PageAllocator pages)
    {
        ulong managed = 0;
        for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
            managed += pages.Report(zone).Managed;
        return Math.Min(managed * PhysAddr.PageSize / 64, 4 << 20);
    }

    private void CheckOverlap(CheckRecord* record)
    {
        Mapping* mapping = record->Mapping;
        if (record->IsShared)
            return;
        for (CheckRecord* other = _newest; other != null; other = other->Next)
        {
            if (other->IsShared || other->Mapping->Memory >= mapping->Memory + mapping->Room || mapping->Memory >= other->Mapping->Memory + other->Room)
                continue;
            Report(DmaFault.Overlap, record);
            return;
        }
    }
}
