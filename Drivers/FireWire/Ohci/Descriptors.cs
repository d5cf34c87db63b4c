using System.Runtime.InteropServices;
using Sluice.Dma;

namespace Sluice.Drivers.Ohci;

/// <summary>
/// The first quadlet of a descriptor: command 31:28, status 27, key 26:24, interrupt 21:20, branch 19:18, bytes 15:0. Source: OHCI 1.1,
/// sections 7.1 (transmit) and 8.1 (receive).
/// </summary>
internal static class DescriptorControl
{
    /// <summary>Bytes of a descriptor; branch addresses count blocks in these.</summary>
    public const uint Bytes = 16;

    /// <summary>OUTPUT_MORE-Immediate: a header whose data follows in the next descriptor but one.</summary>
    public const uint HeaderAndMore = 2u << 24;

    /// <summary>OUTPUT_LAST-Immediate: a header, and that is the packet.</summary>
    public const uint HeaderAlone = 1u << 28 | 2u << 24 | 3u << 18;

    /// <summary>OUTPUT_LAST: data, the packet's last.</summary>
    public const uint LastData = 1u << 28 | 3u << 18;

    /// <summary>Interrupts when it was sent; only if it was acknowledged neither as complete nor as pending.</summary>
    public const uint Interrupt = 3u << 20, InterruptIfNotTaken = 1u << 20;

    /// <summary>INPUT_MORE with status: a buffer of a stream.</summary>
    public const uint Buffer = 2u << 28 | 1u << 27 | 3u << 18;

    /// <summary>DUALBUFFER with status, which interrupts. Source: OHCI 1.1, section 10.1.2.</summary>
    public const uint Dual = 1u << 27 | 3u << 20 | 3u << 18;

    /// <summary>INPUT_MORE: a packet's front. INPUT_LAST with status: its end. Source: OHCI 1.1, section 10.1.1.</summary>
    public const uint ReceiveMore = 2u << 28, ReceiveLast = 3u << 28 | 1u << 27 | 3u << 18;

    /// <summary>OUTPUT_LAST with status: the end of a packet of a stream, or a cycle without one; a header is in the descriptor. Source: OHCI 1.1, section 9.1.</summary>
    public const uint SendLast = 1u << 28 | 1u << 27 | 3u << 18, Immediate = 2u << 24;

    /// <summary>STORE_VALUE: a value of 16 bits is written to memory as a quadlet before the packet that follows in the block. Source: OHCI 1.1, section 9.1.</summary>
    public const uint StoreValue = 8u << 28 | 6u << 24;

    /// <summary>Tells what became of it; waits for a packet with the right synchronization code.</summary>
    public const uint Status = 1u << 27, Wait = 3u << 16;
}

/// <summary>
/// A descriptor block for any asynchronous packet, and room for short data behind it: with the block's last descriptor 16 bytes before the
/// end, no controller that reads 32 bytes at a time reads beyond the page.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SendSlot
{
    public const uint Bytes = 64, InlineOffset = 48;

    /// <summary>Descriptors in a block without data, and with data.</summary>
    public const uint Alone = 2, WithData = 3;

    public Descriptor First;

    /// <summary>The header, as the controller wants it.</summary>
    public Shared<uint> Header0, Header1, Header2, Header3;

    /// <summary>What says where the data is.</summary>
    public Descriptor Data;

    /// <summary>Data of up to 16 bytes.</summary>
    public Shared<ulong> Inline0, Inline1;
}

/// <summary>A descriptor.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Descriptor
{
    public Shared<uint> Control;

    /// <summary>dataAddress; in the first one of a response the time stamp at which it is too late is in <see cref="Status"/>.</summary>
    public Shared<uint> Address;

    /// <summary>branchAddress: the next block 31:4, its number of descriptors 3:0; 0 at the end.</summary>
    public Shared<uint> Branch;

    /// <summary>xferStatus 31:16 and resCount or timeStamp 15:0: written by the controller.</summary>
    public Shared<uint> Status;
}
