using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Sluice.Boot;
using Sluice.Mm;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>The boot loader's tags, well-formed and not.</summary>
public sealed class BootInformationTests
{
    [Fact]
    public void Everything_is_read_from_a_well_formed_list()
    {
        BootInformation.Read(Tags(
            Tag(1, [.. "test=* after=exit"u8, 0]),
            Tag(2, [.. "GRUB 2.06"u8, 0]),
            Tag(6, [.. Words(24, 0), .. Entry(0, 0x9FC00, 1), .. Entry(0x100000, 0x1000, 3), .. Entry(0xFEE00000, 0x1000, 77)]),
            Tag(8, [.. Longs(0xFD000000), .. Words(5120, 1280, 800), 32, 1, 0, 0, 16, 8, 8, 8, 0, 8]),
            Tag(14, Enumerable.Repeat((byte)1, 20).ToArray()),
            Tag(15, Enumerable.Repeat((byte)2, 36).ToArray())));

        Assert.Equal("test=* after=exit", Encoding.UTF8.GetString(BootInformation.CommandLine));
        Assert.Equal("GRUB 2.06", Encoding.UTF8.GetString(BootInformation.LoaderName));
        Assert.Equal([(0UL, MemoryKind.Usable), (0x100000UL, MemoryKind.AcpiReclaimable), (0xFEE00000UL, MemoryKind.Reserved)],
            BootInformation.MemoryMap.ToArray().Select(range => (range.Start.Value, range.Kind)));
        Assert.Equal((5120u, 1280u, 800u, (byte)32, (byte)16), (BootInformation.Framebuffer.Pitch, BootInformation.Framebuffer.Width,
            BootInformation.Framebuffer.Height, BootInformation.Framebuffer.BitsPerPixel, BootInformation.Framebuffer.RedPosition));
        Assert.Equal(Enumerable.Repeat((byte)2, 36), BootInformation.Rsdp.ToArray());
    }

    [Fact]
    public void An_old_root_pointer_does_not_replace_a_new_one()
    {
        BootInformation.Read(Tags(Tag(15, new byte[36]), Tag(14, Enumerable.Repeat((byte)1, 20).ToArray())));
        Assert.Equal(36, BootInformation.Rsdp.Length);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(7u)]
    [InlineData(1000u)]
    [InlineData(uint.MaxValue)]
    public void A_size_that_cannot_be_ends_the_list(uint size)
    {
        byte[] bad = [.. Words(1, size), .. "evil"u8];
        BootInformation.Read(Tags(Tag(2, [.. "GRUB"u8]), bad, Tag(1, [.. "after"u8])));
        Assert.Equal("GRUB", Encoding.UTF8.GetString(BootInformation.LoaderName));
        Assert.True(BootInformation.CommandLine.IsEmpty);
    }

    [Fact]
    public void Too_many_ranges_and_too_long_texts_are_cut()
    {
        IEnumerable<byte> entries = Enumerable.Range(0, 1000).SelectMany(i => Entry((ulong)i << 20, 4096, 1));
        BootInformation.Read(Tags(Tag(6, [.. Words(24, 0), .. entries]), Tag(1, Enumerable.Repeat((byte)'x', 5000).ToArray())));
        Assert.Equal((256, 744), (BootInformation.MemoryMap.Length, BootInformation.IgnoredRanges));
        Assert.Equal(1024, BootInformation.CommandLine.Length);
    }

    [Fact]
    public void Random_bytes_and_random_damage_are_survived()
    {
        var random = new Random(20260101);
        for (int run = 0; run < 20_000; run++)
        {
            byte[] tags = Tags(Tag(1, [.. "quiet"u8, 0]), Tag(6, [.. Words(24, 0), .. Entry(0, 4096, 1)]), Tag(8, new byte[24]), Tag(14, new byte[20]));
            if (run % 4 == 0)
                random.NextBytes(tags);
            for (int i = random.Next(4); i >= 0; i--)
                tags[random.Next(tags.Length)] = (byte)random.Next(256);
            BootInformation.Read(tags.AsSpan(0, random.Next(tags.Length + 1)));
            Assert.True(BootInformation.MemoryMap.Length <= 256);
        }
    }

    private static byte[] Tags(params byte[][] tags)
    {
        byte[] all = [.. Words(0, 0), .. tags.SelectMany(tag => Pad(tag)), .. Words(0, 8)];
        BinaryPrimitives.WriteInt32LittleEndian(all, all.Length);
        return all;
    }

    private static byte[] Tag(uint type, byte[] body) => [.. Words(type, (uint)body.Length + 8), .. body];

    private static byte[] Pad(byte[] tag) => [.. tag, .. new byte[-tag.Length & 7]];

    private static byte[] Entry(ulong start, ulong bytes, uint kind) => [.. Longs(start, bytes), .. Words(kind, 0)];

    private static byte[] Words(params uint[] words) => words.SelectMany(BitConverter.GetBytes).ToArray();

    private static byte[] Longs(params ulong[] longs) => longs.SelectMany(BitConverter.GetBytes).ToArray();
}
