using System;
using System.Buffers.Binary;

namespace Sluice.Drivers.Sbp2;

/// <summary>Kinds of errors. Source: SPC-2, table 106.</summary>
public enum SenseKey : byte
{
    None = 0,
    Recovered = 1,
    NotReady = 2,
    MediumError = 3,
    HardwareError = 4,
    IllegalRequest = 5,
    UnitAttention = 6,
    DataProtect = 7,
    BlankCheck = 8,
    Aborted = 0xB,
    Miscompare = 0xE,
}

/// <summary>
/// A SCSI command as four quadlets. Those of 16 bytes are used beyond the first 2^32 blocks alone, as older bridges know none. Sources: SPC-2,
/// section 7; SBC-3, section 5.
/// </summary>
internal readonly struct ScsiCommand(uint first, uint second = 0, uint third = 0, uint fourth = 0)
{
    public readonly uint First = first, Second = second, Third = third, Fourth = fourth;

    public static ScsiCommand TestUnitReady => new(0);

    /// <summary>Standard data, 36 bytes: what every device has.</summary>
    public static ScsiCommand Inquiry => new(0x1200_0000, InquiryBytes << 24);

    public static ScsiCommand ReadCapacity => new(0x2500_0000);

    /// <summary>READ CAPACITY(16), a service action.</summary>
    public static ScsiCommand ReadLongCapacity => new(0x9E10_0000, fourth: LongCapacityBytes << 16);

    /// <summary>One mode page, or all.</summary>
    public static ScsiCommand ModeSense(byte page) => new(0x1A00_0000 | (uint)page << 8, ModeBytes << 24);

    /// <summary>The unit is to start; with the power condition "active" if it wants one.</summary>
    public static ScsiCommand Start(bool hasCondition) => new(0x1B00_0000, hasCondition ? 0x1100_0000u : 0x0100_0000);

    public static ScsiCommand SynchronizeCache => new(0x3500_0000);

    /// <summary>READ(10) or READ(16); <paramref name="count"/> has 16 bits.</summary>
    public static ScsiCommand Read(ulong block, uint count) =>
        IsShort(block, count) ? Move(0x2800_0000, (uint)block, count) : LongMove(0x8800_0000, block, count);

    /// <summary>WRITE(10) or WRITE(16) likewise.</summary>
    public static ScsiCommand Write(ulong block, uint count) =>
        IsShort(block, count) ? Move(0x2A00_0000, (uint)block, count) : LongMove(0x8A00_0000, block, count);

    /// <summary>Data of the commands above.</summary>
    public const uint InquiryBytes = 36, CapacityBytes = 8, LongCapacityBytes = 32, ModeBytes = 64;

    /// <summary>The caching page, and all.</summary>
    public const byte CachingPage = 8, AllPages = 0x3F;

    private static bool IsShort(ulong block, uint count) => block + count <= ScsiData.MostShortBlocks;

    // Byte 0 operation, 2 to 5 block, 7 and 8 count.
    private static ScsiCommand Move(uint operation, uint block, uint count) => new(operation | block >> 16, block << 16 | count >> 8, count << 24);

    // Byte 0 operation, 2 to 9 block, 10 to 13 count.
    private static ScsiCommand LongMove(uint operation, ulong block, uint count) =>
        new(operation | (uint)(block >> 48), (uint)(block >> 16), (uint)block << 16 | count >> 16, count << 16);
}

/// <summary>What disks answer. Nothing is taken from outside of what was asked for.</summary>
internal static class ScsiData
{
    /// <summary>Blocks that commands of 10 bytes reach; a disk that says it has so many may have more.</summary>
    public const ulong MostShortBlocks = 1ul << 32;

    /// <summary>Whether standard inquiry data is that of a disk that is there. Source: SPC-2, section 7.3.2.</summary>
    public static bool IsDisk(ReadOnlySpan<byte> inquiry) => inquiry[0] is 0 or 0x0E;

    /// <summary>Whether its medium can be taken out: bit 7 of the second byte.</summary>
    public static bool IsRemovable(ReadOnlySpan<byte> inquiry) => (inquiry[1] & 0x80) != 0;

    /// <summary>Blocks and their size; false if it cannot be worked with. Source: SBC, section 6.1.5.</summary>
    public static bool TryReadCapacity(ReadOnlySpan<byte> data, bool isCount, out ulong blocks, out uint bytes)
    {
        blocks = BinaryPrimitives.ReadUInt32BigEndian(data) + (isCount ? 0ul : 1);
        bytes = BinaryPrimitives.ReadUInt32BigEndian(data[4..]);
        return blocks != 0 && IsBlock(bytes);
    }

    /// <summary>The same of what READ CAPACITY(16) says; nor can it be worked with if bytes have no number of 64 bits. Source: SBC-3, section 5.16.2.</summary>
    public static bool TryReadLongCapacity(ReadOnlySpan<byte> data, out ulong blocks, out uint bytes)
    {
        blocks = BinaryPrimitives.ReadUInt64BigEndian(data) + 1;
        bytes = BinaryPrimitives.ReadUInt32BigEndian(data[8..]);
        return blocks != 0 && IsBlock(bytes) && blocks <= ulong.MaxValue / bytes;
    }

    private static bool IsBlock(uint bytes) => bytes is 512 or 1024 or 2048 or 4096;

    /// <summary>Write protection, and whether what is written may stay in a cache. Source: SPC-2, section 8.3.3; SBC, section 7.1.3.</summary>
    public static void ReadMode(ReadOnlySpan<byte> data, out bool isProtected, out bool hasCache)
    {
        isProtected = (data[2] & 0x80) != 0;
        // Unless the page says that there is none.
        int page = 4 + data[3];
        hasCache = page + 2 >= data.Length || page + 2 > data[0] || (data[page] & 0x3F) != ScsiCommand.CachingPage || (data[page + 2] & 4) != 0;
    }
}
