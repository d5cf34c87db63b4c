using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Sluice.Tests.Boot.Harness;

/// <summary>The partition tables of a disk image, read and checked as firmware does.</summary>
/// <remarks>Source: UEFI Specification 2.10, chapter 5 (MBR in 5.2, GPT header and entries in 5.3).</remarks>
internal sealed class DiskImage(byte[] image)
{
    private const int Sector = 512;

    /// <summary>One entry of a table: its type, and first and last sector.</summary>
    public sealed record Partition(string Type, ulong First, ulong Last);

    /// <summary>The type of an EFI system partition.</summary>
    public const string EfiSystem = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

    private ulong Sectors => (ulong)image.Length / Sector;

    /// <summary>The MBR's entries that are in use; the type is a number in hexadecimal.</summary>
    /// <exception cref="InvalidDataException">The table is broken.</exception>
    public IReadOnlyList<Partition> Mbr()
    {
        Require(image[510] == 0x55 && image[511] == 0xAA, "the MBR has no signature");
        var table = new List<Partition>();
        for (int at = 446; at < 510; at += 16)
        {
            uint first = BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(at + 8)), count = BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(at + 12));
            if (image[at + 4] != 0) table.Add(new Partition($"{image[at + 4]:x2}", first, (ulong)first + count - 1));
        }
        return table;
    }

    /// <summary>The GPT's entries that are in use, after both copies of the table were found sound and equal.</summary>
    /// <exception cref="InvalidDataException">A header or table is broken, or partitions leave the image or overlap.</exception>
    public IReadOnlyList<Partition> Gpt()
    {
        List<Partition> primary = Gpt(1, Sectors - 1), backup = Gpt(Sectors - 1, 1);
        Require(primary.SequenceEqual(backup), "the two partition tables differ");
        ulong free = 0;
        foreach (Partition partition in primary.OrderBy(p => p.First))
        {
            Require(partition.First >= free && partition.Last >= partition.First, $"{partition} overlaps another or is empty");
            free = partition.Last + 1;
        }
        return primary;
    }

    private List<Partition> Gpt(ulong at, ulong other)
    {
        ReadOnlySpan<byte> header = image.AsSpan((int)at * Sector, Sector);
        Require(header.StartsWith("EFI PART"u8), $"no GPT header in sector {at}");
        uint size = U32(header[12..]);
        Require(size is >= 92 and <= Sector, "a GPT header's size is odd");
        byte[] unsigned = header[..(int)size].ToArray();
        unsigned.AsSpan(16, 4).Clear();
        Require(Crc32(unsigned) == U32(header[16..]), $"the checksum of the GPT header in sector {at} is wrong");
        Require(U64(header[24..]) == at && U64(header[32..]) == other, "a GPT header does not say where it and the other one are");
        ulong firstUsable = U64(header[40..]), lastUsable = U64(header[48..]), table = U64(header[72..]);
        int count = (int)U32(header[80..]), bytes = (int)U32(header[84..]);
        Require(count is > 0 and <= 1024 && bytes is >= 128 and <= 1024 && table < Sectors, "a GPT header describes no table");
        ReadOnlySpan<byte> entries = image.AsSpan((int)table * Sector, count * bytes);
        Require(Crc32(entries) == U32(header[88..]), "the checksum of a partition table is wrong");

        var found = new List<Partition>();
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = entries.Slice(i * bytes, bytes);
            var type = new Guid(entry[..16]);
            if (type == Guid.Empty) continue;
            var partition = new Partition(type.ToString(), U64(entry[32..]), U64(entry[40..]));
            Require(partition.First >= firstUsable && partition.Last <= lastUsable && lastUsable < Sectors, $"{partition} leaves the usable sectors");
            found.Add(partition);
        }
        return found;
    }

    private static uint U32(ReadOnlySpan<byte> at) => BinaryPrimitives.ReadUInt32LittleEndian(at);

    private static ulong U64(ReadOnlySpan<byte> at) => BinaryPrimitives.ReadUInt64LittleEndian(at);

    /// <summary>CRC-32 as in Ethernet and GPT: polynomial 0x04C11DB7, reflected.</summary>
    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        uint crc = ~0u;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
        }
        return ~crc;
    }

    private static void Require(bool condition, string otherwise)
    {
        if (!condition) throw new InvalidDataException(otherwise);
    }
}
