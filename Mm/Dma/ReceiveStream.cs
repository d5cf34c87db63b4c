using System;
using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// Pages that a device fills front to back, in a ring and for good, with packets that do not care where a page ends. What the device says it
/// has written is the CPU's, as one span also across the end, as the pages are seen twice in a row; a page whose last byte has been read is
/// the device's again. In between the device fills the rest of a page whose front the CPU reads. Any context but interrupt handlers.
/// </summary>
public sealed unsafe class ReceiveStream
{
    private const uint PageBytes = (uint)PhysAddr.PageSize;

    private readonly byte* _twice;

    // Whether bytes move when they change sides: bounced, checked, caches that devices do not look into.
    private readonly bool _moves;
    private DividedBuffer<FromDevice> _pages;

    // What was shown and not read: the first byte's place, and how many.
    private uint _begin, _count;

    private ReceiveStream(ref DividedBuffer<FromDevice> pages, byte* twice)
    {
        _pages = Own.Move(ref pages);
        _twice = twice;
        _moves = _pages.Mapping->Sides->Of[0] == (byte)PartSide.DeviceWithWork;
        Pages = _pages.Count;
        Bytes = (uint)Pages * PageBytes;
    }

    /// <summary>Pages of the ring.</summary>
    public int Pages { get; }

    /// <summary>Bytes of the ring.</summary>
    public uint Bytes { get; }

    /// <summary>Bytes that were shown and not read.</summary>
    public uint Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _count;
    }

    /// <summary>The first of them, the others behind it. Not to be used after <see cref="Release"/> or <see cref="Restart"/>.</summary>
    public byte* First
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _twice + _begin;
    }

    /// <summary>Where the device sees a page.</summary>
    public DmaAddr AddressOf(int page) => _pages.AddressOf(page);

    /// <summary>
    /// Makes one; the device has all pages, none bounced. Only while the kernel starts.
    /// </summary>
    /// <param name="device">Whose it is.</param>
    /// <param name="pages">2 to 256, in a row.</param>
    /// <param name="stream">Null on an error.</param>
    /// <param name="method">For the checker's reports, as <paramref name="line"/>: the compiler fills them in.</param>
    /// <param name="line"></param>
    /// <returns><see cref="Error.NoResources"/> without memory or room in the window; others as of the allocation.</returns>
    [NotInInterrupt]
    public static Error TryMake(DmaDevice device, int pages, out ReceiveStream? stream, [CallerMemberName] string method = "", [CallerLineNumber] int line = 0)
    {
        stream = null;
        Error error = device.TryAllocatePages((uint)pages * PageBytes, out CpuBuffer<FromDevice> memory, method, line);
        if (error != Error.None)
            return error;
        DeviceBuffer<FromDevice> given = memory.GiveToDevice();
        error = given.TryDivide(PageBytes, out DividedBuffer<FromDevice> divided);
        if (error != Error.None)
        {
            memory = given.TakeBack(written: 0);
            memory.Free();
            return error;
        }
        var first = (uint)(divided.Mapping->Memory >> 12);
        var range = new FrameRange(first, first + (uint)pages);
        if (!DirectMap.TryMapRuns([range, range], out byte* twice))
        {
            Free(ref divided);
            return Error.NoResources;
        }
        stream = new ReceiveStream(ref divided, twice);
        return Error.None;
    }

    /// <summary>
    /// Makes more bytes the CPU's to read, behind those that are. The machine stops if the ring does not have so many: what a device says is
    /// to be checked before.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Show(uint bytes)
    {
        if (bytes > Bytes - _count)
            Bug.Stop("dma: more of a receive stream is shown than there is"u8);
        if (_moves)
            MoveToCpu(bytes);
        _count += bytes;
    }

    /// <summary>Ends the reading of the first bytes, if no page does with them; else false, and <see cref="Release"/> ends it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRelease(uint bytes)
    {
        uint begin = _begin, end = begin + bytes;
        if (bytes > _count || (begin ^ end) >= PageBytes)
            return false;
        _begin = end;
        _count -= bytes;
        return true;
    }

    /// <summary>Ends the reading of the first bytes.</summary>
    /// <returns>Pages that went to the device by that, the next in the ring.</returns>
    public int Release(uint bytes)
    {
        if (bytes > _count)
            Bug.Stop("dma: more of a receive stream is released than was shown"u8);
        uint end = _begin + bytes, page = _begin / PageBytes, last = end / PageBytes;
        for (uint each = page; _moves && each < last; each++)
            ForDevice(each % (uint)Pages);
        _begin = end >= Bytes ? end - Bytes : end;
        _count -= bytes;
        return (int)(last - page);
    }

    /// <summary>The device was stopped: all pages are its again, and it begins with the first.</summary>
    public void Restart()
    {
        Mapping* mapping = _pages.Mapping;
        uint end = _begin + _count, into = end % PageBytes;
        // The rest of a page that it did not fill: only the checker minds.
        if (into != 0 && mapping->Checked != 0)
            mapping->Device.Target.System.Checker!.Path.TakeBack(mapping, end % Bytes, PageBytes - into, 0);
        for (uint each = _begin / PageBytes; _moves && each < (end + PageBytes - 1) / PageBytes; each++)
            ForDevice(each % (uint)Pages);
        _begin = _count = 0;
    }

    /// <summary>Gives the memory back. The device must no longer use it; nor is this to be used.</summary>
    public void Free()
    {
        Restart();
        DirectMap.UnmapRuns(_twice, 2 * Bytes);
        Free(ref _pages);
    }

    private static void Free(ref DividedBuffer<FromDevice> pages)
    {
        DeviceBuffer<FromDevice> given = pages.Join();
        CpuBuffer<FromDevice> memory = given.TakeBack(written: 0);
        memory.Free();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void MoveToCpu(uint bytes)
    {
        uint at = _begin + _count;
        at -= at >= Bytes ? Bytes : 0;
        uint front = Math.Min(bytes, Bytes - at);
        ForCpu(at, front);
        ForCpu(0, bytes - front);
    }

    private void ForCpu(uint offset, uint bytes)
    {
        if (bytes != 0)
            _pages.Mapping->Path.Target.ForCpu(_pages.Mapping, offset, bytes);
    }

    private void ForDevice(uint page) => _pages.Mapping->Path.Target.ForDevice(_pages.Mapping, page * PageBytes, PageBytes);
}
