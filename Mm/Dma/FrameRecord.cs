using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>What is known of a frame beside its bytes.</summary>
[Flags]
public enum FrameFlags : ushort
{
    None = 0,

    /// <summary>Received: the device found the IPv4 header's checksum right.</summary>
    HeaderChecksumGood = 1 << 0,

    /// <summary>Received: the device found the checksum of TCP or UDP right.</summary>
    ChecksumGood = 1 << 1,

    /// <summary>Received: it had a VLAN tag, taken out. To be sent: one is to be put in. <see cref="Frame.VlanTag"/> says which.</summary>
    Vlan = 1 << 2,

    /// <summary>To be sent: the device is to sum up the bytes from <see cref="Frame.ChecksumStart"/> on.</summary>
    InsertChecksum = 1 << 3,
}

/// <summary>
/// What is known of one frame, a cache line of memory that no device reaches: what a device can write, nobody believes. Whoever has the
/// handle owns it.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct FrameRecord
{
    public const int Bytes = 64;

    /// <summary>
    /// The record of the device that has it, or had it last and reaches it where it lies: then going back there is nothing but a
    /// comparison. Null if the next hand-over has something to do.
    /// </summary>
    public Mapping* Mapping;

    /// <summary>Where that device sees the page.</summary>
    public ulong Address;

    /// <summary>The page's run.</summary>
    public ulong Origin;

    /// <summary>Where the data is in the page; reset as a whole.</summary>
    public FrameExtent Extent;

    public ushort ChecksumStart, ChecksumAt;

    /// <summary>The frame that the packet goes on in.</summary>
    public FrameRecord* Rest;

    /// <summary>In a list: the next. Of free frames, or of whoever queues them.</summary>
    public FrameRecord* Next;

    public FramePoolState* Pool;

    /// <summary>Where its data begins, as the CPU sees it.</summary>
    public readonly byte* Data
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PhysicalMemory.At(new PhysAddr(Origin >> 32 << 12)) + Extent.Offset;
    }
}

/// <summary>The part of a page that is a frame's data, and what it is.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FrameExtent
{
    /// <summary>Among the flags: the packet goes on in another frame. So that one look tells what needs more than a descriptor.</summary>
    public const FrameFlags HasRest = (FrameFlags)(1 << 15);

    public ushort Offset, Length;
    public FrameFlags Flags;
    public ushort VlanTag;
}

/// <summary>What frames know of their pool.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct FramePoolState
{
    /// <summary>Free frames, last freed first.</summary>
    public FrameRecord* Free;

    /// <summary>How many they are.</summary>
    public ulong FreeCount;
}
