using System;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>The last reports of a checker, and how many there were of each class. In pages, as texts are made while the machine runs.</summary>
internal sealed unsafe class CheckReports
{
    private const int TextBytes = 248, Most = 64, Order = 2;

    private readonly byte* _memory;
    private readonly ulong[] _counts = new ulong[DmaFaults.Count];
    private SpinLock _lock;

    public CheckReports(PageAllocator pages, OwnerTag owner)
    {
        bool taken = pages.TryTake(Order, Zone.Any, owner, out PageRun run);
        Bug.If(!taken, "no memory for the DMA checker"u8);
        _memory = run.Address;
        Own.KeepForGood(ref run);
    }

    /// <summary>Reports so far; the last 64 are kept.</summary>
    public ulong Count { get; private set; }

    public ulong CountOf(DmaFault fault) => _counts[(int)fault];

    /// <summary>A report by its number, from 1 on; false if there is none, or it gave way to later ones.</summary>
    public bool TryGet(ulong number, out DmaFault fault, out ReadOnlySpan<byte> text)
    {
        bool kept = number - 1 < Count && number + Most > Count;
        byte* entry = _memory + (number - 1) % Most * (TextBytes + 8);
        fault = kept ? (DmaFault)entry[0] : default;
        text = kept ? new ReadOnlySpan<byte>(entry + 8, entry[1]) : default;
        return kept;
    }

    public void Add(DmaFault fault, ReadOnlySpan<byte> text)
    {
        _lock.Acquire();
        byte* entry = _memory + Count % Most * (TextBytes + 8);
        int length = Math.Min(text.Length, TextBytes);
        entry[0] = (byte)fault;
        entry[1] = (byte)length;
        text.Slice(0, length).CopyTo(new Span<byte>(entry + 8, TextBytes));
        Count++;
        _counts[(int)fault]++;
        _lock.Release();
        Log.Write(LogLevel.Warn, text);
    }
}
