using System;
using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// A packet, or a part of one, that the CPU has: a page of a <see cref="FramePool"/> with data in it, and no address.
/// <see cref="DmaDevice.TryGiveToSend"/> hands it to a device, <see cref="Free"/> ends it; each empties the handle. Moving one is moving a
/// pointer. Do not copy it. Any context but interrupt handlers.
/// </summary>
[NonCopyable]
public unsafe struct Frame
{
    /// <summary>Bytes of memory behind each frame.</summary>
    public const uint PageBytes = (uint)PhysAddr.PageSize;

    internal FrameRecord* Record;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Frame(FrameRecord* record) => Record = record;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Record == null;
    }

    /// <summary>
    /// Its data, of this part of the packet alone. May be read and written; what lies outside may be somebody's old bytes. Not to be
    /// used after the frame went on.
    /// </summary>
    public readonly Span<byte> Bytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Record->Data, Record->Extent.Length);
    }

    /// <summary>Bytes of data, of this part alone.</summary>
    public readonly uint Length
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Record->Extent.Length;
    }

    /// <summary>Bytes that there is room for, from where the data begins.</summary>
    public readonly uint Room => PageBytes - Record->Extent.Offset;

    /// <summary>What is known of it.</summary>
    public readonly FrameFlags Flags
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Record->Extent.Flags & ~FrameExtent.HasRest;
    }

    /// <summary>Whether it is a packet in one part that is sent as it is: nothing is to be inserted.</summary>
    public readonly bool IsPlain
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (Record->Extent.Flags & (FrameFlags.Vlan | FrameFlags.InsertChecksum | FrameExtent.HasRest)) == 0;
    }

    /// <summary>With <see cref="FrameFlags.Vlan"/>: priority, DEI and VLAN id as in IEEE 802.1Q, in the CPU's byte order.</summary>
    public readonly ushort VlanTag => Record->Extent.VlanTag;

    /// <summary>With <see cref="FrameFlags.InsertChecksum"/>: where the summed-up bytes begin; they end with the packet.</summary>
    public readonly ushort ChecksumStart => Record->ChecksumStart;

    /// <summary>With <see cref="FrameFlags.InsertChecksum"/>: where the sum goes; the pseudo header's sum stands there before.</summary>
    public readonly ushort ChecksumAt => Record->ChecksumAt;

    /// <summary>Whether the packet goes on in another frame.</summary>
    public readonly bool HasRest
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Record->Rest != null;
    }

    /// <summary>Bytes of the whole packet.</summary>
    public readonly uint PacketLength
    {
        get
        {
            uint length = 0;
            for (FrameRecord* part = Record; part != null; part = part->Rest)
                length += part->Extent.Length;
            return length;
        }
    }

    /// <summary>Makes the data so long; stops the machine if there is no room for it. What is new in it must be written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void SetLength(uint bytes)
    {
        if (bytes > PageBytes - Record->Extent.Offset)
            Bug.Stop("a frame was made longer than its page"u8);
        Record->Extent.Length = (ushort)bytes;
    }

    /// <summary>Lets the data begin further on: the first bytes are gone. Stops the machine if there are not so many.</summary>
    public readonly void TrimFront(uint bytes)
    {
        Bug.If(bytes > Record->Extent.Length, "a frame was cut by more than it has"u8);
        Record->Extent.Offset += (ushort)bytes;
        Record->Extent.Length -= (ushort)bytes;
    }

    /// <summary>Lets the data of an empty frame begin so many bytes behind the page's start. Stops the machine if it has data, or there is no room.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Reserve(uint bytes)
    {
        if (Record->Extent.Length != 0 || bytes > PageBytes)
            Bug.Stop("room was to be left before the data of a frame that has some"u8);
        Record->Extent.Offset = (ushort)bytes;
    }

    /// <summary>Lets the data begin earlier, where <see cref="Reserve"/> or <see cref="TrimFront"/> left room. Stops the machine if it did not.</summary>
    public readonly void ExtendFront(uint bytes)
    {
        Bug.If(bytes > Record->Extent.Offset, "a frame was to begin before its page"u8);
        Record->Extent.Offset -= (ushort)bytes;
        Record->Extent.Length += (ushort)bytes;
    }

    /// <summary>Notes what a device found when it received the frame, or nothing.</summary>
    public readonly void SetFlags(FrameFlags flags, ushort vlanTag = 0)
    {
        Record->Extent.Flags = Record->Rest == null ? flags & ~FrameExtent.HasRest : flags | FrameExtent.HasRest;
        Record->Extent.VlanTag = vlanTag;
    }

    /// <summary>Asks the device that sends it for a checksum, see <see cref="ChecksumStart"/> and <see cref="ChecksumAt"/>.</summary>
    public readonly void AskForChecksum(uint start, uint at)
    {
        Record->Extent.Flags |= FrameFlags.InsertChecksum;
        Record->ChecksumStart = (ushort)start;
        Record->ChecksumAt = (ushort)at;
    }

    /// <summary>Lets the packet go on in another frame, behind all that it has.</summary>
    [OwnershipInternals("the frame before becomes the owner")]
    public readonly void Append(ref Frame rest)
    {
        FrameRecord* last = Record;
        while (last->Rest != null)
            last = last->Rest;
        last->Rest = rest.Record;
        last->Extent.Flags |= FrameExtent.HasRest;
        rest.Record = null;
    }

    /// <summary>Takes off what comes behind this part of the packet; empty if nothing does.</summary>
    [OwnershipInternals("the frame before was the owner")]
    public readonly Frame TakeRest()
    {
        var rest = new Frame(Record->Rest);
        Record->Rest = null;
        Record->Extent.Flags &= ~FrameExtent.HasRest;
        return rest;
    }

    /// <summary>Gives it back to its pool, with all parts of the packet that follow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [NotInInterrupt]
    [OwnershipInternals("here the handle ends")]
    public void Free()
    {
        FrameRecord* record = Record;
        Record = null;
        FramePoolState* pool = record->Pool;
        if (record->Rest != null)
            FreeRest(record);
        record->Next = pool->Free;
        pool->Free = record;
        pool->FreeCount = pool->FreeCount + 1;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FreeRest(FrameRecord* record)
    {
        FrameRecord* rest = record->Rest;
        record->Rest = null;
        while (rest != null)
        {
            FrameRecord* next = rest->Rest;
            rest->Rest = null;
            rest->Next = rest->Pool->Free;
            rest->Pool->Free = rest;
            rest->Pool->FreeCount++;
            rest = next;
        }
    }
}

/// <summary>
/// A frame that a device has: an address, no bytes. <see cref="DmaDevice.TakeSent"/> and <see cref="DmaDevice.TakeFilled"/> make it the CPU's again. Do not copy it.
/// </summary>
[NonCopyable]
public unsafe struct DeviceFrame
{
    internal FrameRecord* Record;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal DeviceFrame(FrameRecord* record) => Record = record;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Record == null;
    }

    /// <summary>What to tell the device: where the data begins.</summary>
    public readonly DmaAddr Address
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Record->Address + Record->Extent.Offset);
    }

    /// <summary>Where the page begins for the device, with what <see cref="Frame.Reserve"/> left room for.</summary>
    public readonly DmaAddr PageAddress
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Record->Address);
    }

    /// <summary>Bytes of data that were given to be sent; of a frame to receive into, 0.</summary>
    public readonly uint Length
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Record->Extent.Length;
    }
}
