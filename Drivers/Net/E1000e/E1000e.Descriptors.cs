using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Drivers.E1000e;

/// <summary>
/// A receive descriptor of the legacy kind. Source: Intel 82574 datasheet 3.4, section 7.1.4. Of the two kinds this is the one whose status
/// comes behind length and checksum: a device's write is seen in the order of addresses (PCI Express 6.0, section 2.4.3), so whoever
/// reads both at once and sees that it is done sees the rest as well.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ReceiveDescriptor
{
    public const uint Bytes = 16;

    /// <summary>Where the device writes the packet.</summary>
    public Shared<ulong> Address;

    /// <summary>What it says about it; zero before.</summary>
    public Shared<ReceiveResult> Result;

    // Both words through a pointer, as each is one access all the same: for the loop that receives this is shorter code than the fields.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe ulong ReadResult(ReceiveDescriptor* descriptor)
    {
        DeviceTurn.BeforeRead();
        return Volatile.Read(ref *((ulong*)descriptor + 1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Renew(ReceiveDescriptor* descriptor, ulong address)
    {
        Volatile.Write(ref *(ulong*)descriptor, address);
        Volatile.Write(ref *((ulong*)descriptor + 1), 0);
    }
}

/// <summary>What the device says about a buffer that it filled: one word, read once. Source: as <see cref="ReceiveDescriptor"/>.</summary>
internal readonly struct ReceiveResult(ulong word)
{
    /// <summary>Status: the buffer is filled; it is the packet's last.</summary>
    public const ulong Done = 1UL << 32, End = 1UL << 33;

    /// <summary>Status: the checksum bits mean nothing; a VLAN tag was taken out; sums of UDP, of TCP or UDP, and of the IPv4 header were looked at.</summary>
    public const ulong IgnoreChecksums = 1UL << 34, Vlan = 1UL << 35, UdpChecked = 1UL << 36, TransportChecked = 1UL << 37, HeaderChecked = 1UL << 38;

    /// <summary>Errors: the sum of TCP or UDP, of the IPv4 header.</summary>
    public const ulong TransportWrong = 1UL << 45, HeaderWrong = 1UL << 46;

    /// <summary>Errors that make the data worthless: CRC or alignment, symbol, sequence, carrier extension, received data.</summary>
    public const ulong Bad = 0x97UL << 40;

    /// <summary>Whatever a packet may have beside its data.</summary>
    public const ulong Findings = Vlan | UdpChecked | TransportChecked | HeaderChecked;

    public readonly ulong Word = word;

    /// <summary>Bytes written to this buffer, as the device says.</summary>
    public uint Length => (ushort)Word;

    /// <summary>With <see cref="Vlan"/>: the tag.</summary>
    public ushort VlanTag => (ushort)(Word >> 48);
}

/// <summary>A transmit descriptor of any kind. Source: Intel 82574 datasheet 3.4, section 7.2.10.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TransmitDescriptor
{
    public const uint Bytes = 16;

    /// <summary>Where the device reads; of a context: which bytes are summed up, and where the sum goes.</summary>
    public Shared<ulong> Address;

    /// <summary>What to do with them, and whether it is done.</summary>
    public Shared<TransmitCommand> Command;

    // As ReceiveDescriptor.Renew.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Write(TransmitDescriptor* descriptor, ulong address, ulong command)
    {
        Volatile.Write(ref *(ulong*)descriptor, address);
        Volatile.Write(ref *((ulong*)descriptor + 1), command);
    }
}

/// <summary>
/// The second word of a transmit descriptor: length in bits 15:0 (legacy) or 19:0, command in 31:24, status from bit 32 on, VLAN tag in
/// 63:48. Source: as <see cref="TransmitDescriptor"/>.
/// </summary>
internal readonly struct TransmitCommand(ulong word)
{
    /// <summary>The packet's last part; the device is to append the frame check sequence; to write <see cref="Done"/>; to insert a tag.</summary>
    public const ulong End = 1 << 24, InsertFcs = 1 << 25, ReportStatus = 1 << 27, InsertVlan = 1 << 30;

    /// <summary>A descriptor of a new kind: a context, or with <see cref="Data"/> a part of a packet that uses the context.</summary>
    public const ulong Extended = 1 << 29, Data = 1 << 20;

    /// <summary>Of data: insert the checksum of TCP or UDP.</summary>
    public const ulong InsertChecksum = 1UL << 41;

    /// <summary>The device is done with it.</summary>
    public const ulong Done = 1UL << 32;

    public readonly ulong Word = word;

    public bool IsDone
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (Word & Done) != 0;
    }

    /// <summary>The tag in its place.</summary>
    public static ulong Tag(ushort tag) => (ulong)tag << 48;

    /// <summary>A context's first word: sums from a byte to the packet's end (TUCSE 0) and where the sum goes; no header's sum.</summary>
    public static ulong Context(uint start, uint at) => (ulong)(start | at << 8) << 32;
}
