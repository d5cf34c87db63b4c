using System;
using System.Collections.Generic;
using Sluice.Platform;

namespace Sluice.Devices;

/// <summary>
/// A machine whose devices do not look into the CPU's caches: each sees bytes of its own. The CPU's are where the CPU finds them;
/// memory, which is what devices see, is kept here. Whole lines move when they are cleaned or invalidated, with whatever else is on
/// them, and by themselves: with each access of a device and each transfer a few lines of what devices have at the moment are written
/// back, if the CPU changed them, or fetched again. Which ones comes from the seed alone.
/// </summary>
public sealed unsafe class NoncoherentCaches : DeviceRam, ICacheLines
{
    private const int MostEvictions = 4;

    private readonly Dictionary<ulong, CachedPage> _pages = [];
    private readonly byte* _cpu;
    private Random _random;
    private readonly int _seed;

    /// <param name="start">Where the CPU sees address 0.</param>
    /// <param name="lineBytes">32 to 128.</param>
    /// <param name="seed">Which lines are evicted, and when.</param>
    /// <param name="ranges">What is RAM: start and length of each range.</param>
    public NoncoherentCaches(byte* start, uint lineBytes, int seed, params (ulong Start, ulong Bytes)[] ranges) : base(start, ranges)
    {
        _cpu = start;
        _seed = seed;
        _random = new Random(seed);
        LineBytes = lineBytes;
    }

    public uint LineBytes { get; }

    /// <summary>Lines that moved by themselves so far.</summary>
    public long Evictions { get; private set; }

    /// <summary>Lets other lines be evicted from now on.</summary>
    public void Reseed(int seed) => _random = new Random(seed);

    /// <summary>Chooses one of what devices have at the moment: start and length of a range, 0 bytes if they have nothing. Without it, no line moves by itself.</summary>
    public Func<Random, (ulong Start, ulong Bytes)>? ChooseLive { get; set; }

    public override string ToString() => $"cache lines of {LineBytes}, seed {_seed}";

    public void Clean(ulong start, ulong bytes)
    {
        foreach ((CachedPage page, int offset, int length) in Lines(start, bytes))
            page.Clean(offset, length);
        Disturb();
    }

    public void Invalidate(ulong start, ulong bytes)
    {
        foreach ((CachedPage page, int offset, int length) in Lines(start, bytes))
            page.Invalidate(offset, length);
        Disturb();
    }

    public void SetUncached(ulong start, ulong bytes, bool uncached)
    {
        if (((start | bytes) & (CachedPage.Bytes - 1)) != 0)
            throw new CacheViolationException($"{bytes} bytes at {start:x} are no whole pages");
        foreach ((CachedPage page, _, _) in Lines(start, bytes))
        {
            if (uncached)
                page.SetUncached();
            else
                page.SetCached();
        }
    }

    protected override void ReadRam(ulong address, Span<byte> bytes)
    {
        Disturb();
        for (int done = 0; done < bytes.Length;)
        {
            Span<byte> from = Memory(address + (uint)done, bytes.Length - done);
            from.CopyTo(bytes[done..]);
            done += from.Length;
        }
        Disturb();
    }

    protected override void WriteRam(ulong address, ReadOnlySpan<byte> bytes)
    {
        Disturb();
        for (int done = 0; done < bytes.Length;)
        {
            Span<byte> to = Memory(address + (uint)done, bytes.Length - done);
            bytes.Slice(done, to.Length).CopyTo(to);
            done += to.Length;
        }
        Disturb();
    }

    private void Disturb()
    {
        if (ChooseLive == null)
            return;
        for (int count = _random.Next(MostEvictions); count > 0; count--)
        {
            (ulong start, ulong bytes) = ChooseLive(_random);
            if (bytes == 0)
                return;
            ulong line = start + (ulong)_random.NextInt64((long)bytes) & ~(ulong)(LineBytes - 1);
            PageAt(line).Evict((int)(line & (CachedPage.Bytes - 1)));
            Evictions++;
        }
    }

    // As much of a page's bytes as devices see from an address on.
    private Span<byte> Memory(ulong address, int most)
    {
        int offset = (int)(address & (CachedPage.Bytes - 1));
        return PageAt(address).Memory.Slice(offset, Math.Min(most, CachedPage.Bytes - offset));
    }

    // All lines that a range touches, page by page.
    private IEnumerable<(CachedPage Page, int Offset, int Length)> Lines(ulong start, ulong bytes)
    {
        if (bytes == 0)
            yield break;
        ulong end = (start + bytes + LineBytes - 1) & ~(ulong)(LineBytes - 1);
        start &= ~(ulong)(LineBytes - 1);
        while (start < end)
        {
            int offset = (int)(start & (CachedPage.Bytes - 1));
            int length = (int)Math.Min(end - start, (ulong)(CachedPage.Bytes - offset));
            yield return (PageAt(start), offset, length);
            start += (uint)length;
        }
    }

    private CachedPage PageAt(ulong address)
    {
        ulong frame = address / CachedPage.Bytes;
        if (!_pages.TryGetValue(frame, out CachedPage? page))
            _pages.Add(frame, page = new CachedPage(_cpu + frame * CachedPage.Bytes, (int)LineBytes));
        return page;
    }
}
