using System;
using System.Collections.Generic;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Mm;

namespace Sluice.Tests.Mm;

/// <summary>Memory maps: those of known machines, and made-up ones that no firmware should give.</summary>
public static class MachineMaps
{
    private const ulong KiB = Machine.KiB, MiB = Machine.MiB, GiB = Machine.GiB, TiB = Machine.TiB;

    /// <summary>As a PC with a BIOS shows its memory: 640 KiB, a hole, the rest below 3 GiB, then above 4 GiB.</summary>
    public static MachineMap Pc(ulong bytes)
    {
        ulong low = Math.Min(bytes, 3 * GiB);
        var firmware = new List<MemoryRange>
        {
            Usable(0, 0x9FC00), Reserved(0x9FC00, 0x400), Reserved(0xF0000, 0x10000),
            Usable(MiB, low - MiB - 0x20000), Reserved(low - 0x20000, 0x20000),
            Reserved(0xFEFFC000, 0x4000),
        };
        if (bytes > low)
            firmware.Add(Usable(4 * GiB, bytes - low));
        return new MachineMap(firmware, [Reserved(2 * MiB, 700 * KiB)]);
    }

    /// <summary>Machines of all kinds, with the name of each.</summary>
    public static readonly (string Name, MachineMap Map)[] Known =
    [
        ("no memory", new MachineMap([Reserved(0, GiB)], [])),
        ("one page", MachineMap.Of((0x5000, 4 * KiB))),
        ("page zero", MachineMap.Of((0, 4 * KiB))),
        ("less than a page", MachineMap.Of((0x5001, 4 * KiB))),
        ("640 KiB", MachineMap.Of((0, 640 * KiB))),
        ("12 MiB", MachineMap.Of((0, 12 * MiB))),
        ("nothing below 16 MiB", MachineMap.Of((20 * MiB, 20 * MiB))),
        ("everything above 4 GiB", MachineMap.Of((4 * GiB, 200 * MiB))),
        ("above 4 GiB, unaligned", MachineMap.Of((4 * GiB + 0x1234567, 100 * MiB + 77))),
        ("128 MiB", Pc(128 * MiB)),
        ("512 MiB", Pc(512 * MiB)),
        ("6 GiB", Pc(6 * GiB)),
        ("64 GiB", Pc(64 * GiB)),
        ("16 TiB", MachineMap.Of((0, 16 * TiB))),
        ("16 TiB, sparse", MachineMap.Of(
            (MiB, 63 * MiB), (2 * TiB, 64 * MiB + 4096), (9 * TiB + 12345, 100 * MiB), (16 * TiB - 32 * MiB, 64 * MiB))),
        ("a hole in each section", Holes()),
    ];

    /// <summary>Any of the known machines or a made-up one.</summary>
    public static readonly Gen<MachineMap> Any = Gen.OneOf(Gen.Elements(Array.ConvertAll(Known, known => known.Map)), Random());

    private static Gen<MachineMap> Random()
    {
        // Around the borders of zones and sections, where mistakes live.
        Gen<ulong> place = Gen.OneOf(
            Gen.Choose(0, 48).Select(n => (ulong)n * MiB),
            Gen.Choose(0, 12).Select(n => 4 * GiB - 96 * MiB + (ulong)n * 16 * MiB),
            Gen.Choose(0, 40).Select(n => (ulong)n * 64 * MiB),
            Gen.Choose(0, 300).Select(n => (ulong)n * 52 * KiB));
        Gen<ulong> length = Gen.OneOf(
            Gen.Choose(0, 200).Select(n => (ulong)n * 4 * KiB),
            Gen.Choose(0, 70).Select(n => (ulong)n * MiB),
            Gen.Choose(0, 70_000).Select(n => (ulong)n),
            Gen.Choose(0, 4).Select(n => (ulong)n * 64 * MiB));
        Gen<ulong> offset = Gen.Frequency((3, Gen.Constant(0ul)), (1, Gen.Choose(0, 10_000).Select(n => (ulong)n)));
        Gen<MemoryRange> usable = from start in place from more in offset from bytes in length select Usable(start + more, bytes);
        Gen<MemoryRange> reserved = from start in place from more in offset from bytes in length select Reserved(start + more, bytes / 8);
        return from memory in usable.ArrayOf(6)
               from first in usable
               from holes in reserved.ArrayOf(5)
               from taken in reserved.ArrayOf(3)
               select new MachineMap([.. holes, first, .. memory], taken);
    }

    // 40 MiB of pieces of 1 to 40 pages, then a section with nothing large enough for its metadata.
    private static MachineMap Holes()
    {
        var firmware = new List<MemoryRange> { Usable(0, 256 * MiB) };
        ulong at = MiB;
        for (ulong i = 0; at < 40 * MiB; i++)
        {
            firmware.Add(Reserved(at, 4 * KiB));
            at += (i % 40 + 2) * 4 * KiB;
        }
        for (at = 64 * MiB; at < 128 * MiB; at += 256 * KiB)
            firmware.Add(Reserved(at + 4 * KiB, 200 * KiB));
        return new MachineMap(firmware, []);
    }

    private static MemoryRange Usable(ulong start, ulong bytes) => new(new PhysAddr(start), bytes, MemoryKind.Usable);

    private static MemoryRange Reserved(ulong start, ulong bytes) => new(new PhysAddr(start), bytes, MemoryKind.Reserved);
}
