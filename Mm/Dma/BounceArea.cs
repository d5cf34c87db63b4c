using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Threading;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// A piece of memory cut into bounce slots, which one CPU takes from first. A bit for each free slot; bits change by compare and
/// exchange, so nobody waits for anybody.
/// </summary>
internal unsafe struct BounceArea
{
    /// <summary>Bytes of a slot.</summary>
    public const uint SlotBytes = 1 << SlotShift;

    /// <summary>Slots are handed out by powers of two, up to 2^7: 256 KiB.</summary>
    public const int MaxOrder = 7;

    /// <summary>Bytes of the longest row.</summary>
    public const uint MostBytes = SlotBytes << MaxOrder;

    /// <summary>An area has at most this many words of 64 slots: 1 MiB.</summary>
    public const int MostWords = 8;

    public const int SlotShift = 11;

    private const int WordShift = 6;

    /// <summary>The next area of the same CPU.</summary>
    public BounceArea* Next;

    /// <summary>Physical address of the first and of the last byte.</summary>
    public ulong Start, Last;

    public int Words;

    private fixed ulong _free[MostWords];

    /// <summary>The order of the smallest row that has room for so many bytes, at least 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nuint OrderOf(uint bytes)
    {
        uint more = (bytes - 1) >> SlotShift;
        return more == 0 ? 0 : (nuint)(uint)BitOperations.Log2(more) + 1;
    }

    /// <summary>Makes all slots free.</summary>
    public void Open(PhysAddr start, ulong bytes)
    {
        Start = start.Value;
        Last = Start + bytes - 1;
        Words = (int)(bytes >> SlotShift + WordShift);
        for (int i = 0; i < Words; i++)
            _free[i] = ulong.MaxValue;
    }

    /// <summary>Finds the first byte of a free slot that is not zero, and clears the slot.</summary>
    public bool TryFindDirty(out ulong address)
    {
        for (int slot = 0; slot < Words << WordShift; slot++)
        {
            address = Start + ((ulong)slot << SlotShift);
            if ((_free[slot >> WordShift] & 1UL << slot) == 0)
                continue;
            CacheLines.Invalidate(new PhysAddr(address), SlotBytes);
            ulong clean = Pattern.Intact(address, SlotBytes, Pattern.Zero);
            if (clean == SlotBytes)
                continue;
            Pattern.Fill(address, SlotBytes, Pattern.Zero);
            CacheLines.Clean(new PhysAddr(address), SlotBytes);
            address += clean;
            return true;
        }
        address = 0;
        return false;
    }

    /// <summary>Takes 2^order slots in a row, at a multiple of their number.</summary>
    public bool TryTake(int order, out uint first)
    {
        for (int word = 0; word < Words; word++)
        {
            if (order <= WordShift ? TryTakeWithin(word, order, out first) : TryTakeTwo(word, out first))
                return true;
        }
        first = 0;
        return false;
    }

    /// <summary>Makes slots free again. Stops the machine if one is free already.</summary>
    public void Give(uint first, int order)
    {
        var word = (int)(first >> WordShift);
        GiveWithin(word, Row(Math.Min(order, WordShift)) << (int)(first & 63));
        if (order > WordShift)
            GiveWithin(word + 1, ulong.MaxValue);
    }

    private bool TryTakeWithin(int word, int order, out uint first)
    {
        while (true)
        {
            // Bits from which on as many are free as wanted.
            ulong free = _free[word], starts = free;
            for (int step = 1; step < 1 << order; step <<= 1)
                starts &= starts >> step;
            starts &= Starts(order);
            first = 0;
            if (starts == 0)
                return false;
            int bit = BitOperations.TrailingZeroCount(starts);
            first = (uint)(word << WordShift | bit);
            if (Change(word, free, free & ~(Row(order) << bit)))
                return true;
        }
    }

    // The largest row takes two words.
    private bool TryTakeTwo(int word, out uint first)
    {
        first = (uint)(word << WordShift);
        if ((word & 1) != 0 || word + 1 >= Words || !Change(word, ulong.MaxValue, 0))
            return false;
        if (Change(word + 1, ulong.MaxValue, 0))
            return true;
        GiveWithin(word, ulong.MaxValue);
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void GiveWithin(int word, ulong bits)
    {
        ulong free;
        do
        {
            free = _free[word];
            Bug.If((free & bits) != 0, "a bounce slot was given back twice"u8);
        }
        while (!Change(word, free, free | bits));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Change(int word, ulong from, ulong to)
    {
        fixed (ulong* free = _free)
            return Interlocked.CompareExchange(ref *(long*)(free + word), (long)to, (long)from) == (long)from;
    }

    // As many ones as slots, from bit 0 on.
    private static ulong Row(int order) => ulong.MaxValue >> (64 - (1 << order));

    // A bit at each multiple of 2^order.
    private static ulong Starts(int order) => order switch
    {
        0 => ulong.MaxValue,
        1 => 0x5555_5555_5555_5555,
        2 => 0x1111_1111_1111_1111,
        3 => 0x0101_0101_0101_0101,
        4 => 0x0001_0001_0001_0001,
        5 => 0x0000_0001_0000_0001,
        _ => 1,
    };
}
