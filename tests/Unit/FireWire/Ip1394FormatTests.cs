using System;
using Sluice.Drivers.Ip1394;
using Sluice.FireWire.Core;
using Sluice.Tests.Net;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Headers and ARP packets, bit by bit as RFC 2734 draws them.</summary>
public sealed class Ip1394FormatTests
{
    [Fact]
    public void Headers_are_as_drawn()
    {
        EncapsulationHeader whole = EncapsulationHeader.Whole(0x0800);
        Assert.Equal((0x0000_0800u, LinkFragment.Whole, (ushort)0x0800), (whole.Q0, whole.Kind, whole.EtherType));
        // lf 31:30, buffer_size 27:16 (one less than the bytes), ether_type or fragment_offset; dgl in the upper half of the second.
        Check(EncapsulationHeader.Fragment(0x0800, 1500, 0, 504, 0xABCD), 0x45DB_0800, LinkFragment.First, 0);
        Check(EncapsulationHeader.Fragment(0x0800, 1500, 504, 504, 0xABCD), 0xC5DB_01F8, LinkFragment.Interior, 504);
        Check(EncapsulationHeader.Fragment(0x0800, 1500, 1008, 492, 0xABCD), 0x85DB_03F0, LinkFragment.Last, 1008);

        static void Check(EncapsulationHeader header, uint first, LinkFragment kind, int offset)
        {
            Assert.Equal((first, 0xABCD_0000u), (header.Q0, header.Q1));
            Assert.Equal((kind, 1500, offset, (ushort)0xABCD), (header.Kind, header.DatagramBytes, header.Offset, header.Label));
        }
    }

    [Fact]
    public void Sizes_from_1_to_4096_and_reserved_bits_are_read()
    {
        Assert.Equal(1, new EncapsulationHeader(0x8000_0000, 0).DatagramBytes);
        var longest = new EncapsulationHeader(0xFFFF_FFFF, 0xFFFF_FFFF);
        Assert.Equal((4096, 4095, LinkFragment.Interior, (ushort)0xFFFF), (longest.DatagramBytes, longest.Offset, longest.Kind, longest.Label));
        Assert.Equal(LinkFragment.Whole, new EncapsulationHeader(0x3FFF_0806, 0).Kind);
    }

    [Fact]
    public void An_ARP_packet_is_as_drawn_and_is_read_again()
    {
        var arp = new Arp1394 { Operation = Arp1394.Reply, Guid = 0x0102_0304_0506_0708, MaxRecord = 10, Speed = 2, Fifo = 0x1122_3344_5566 };
        (arp.Sender, arp.Target) = (NetMachine.Ip("10.1.2.3"), NetMachine.Ip("10.1.2.4"));
        byte[] bytes = new byte[32];
        arp.Write(bytes);
        Assert.Equal("0018080010040002" + "0102030405060708" + "0A02112233445566" + "0A010203" + "0A010204", Convert.ToHexString(bytes));
        Assert.True(Arp1394.TryRead(bytes, out Arp1394 read));
        Assert.Equal(arp, read);
        Assert.True(Arp1394.TryRead([.. bytes, 0, 0], out _));
    }

    [Fact]
    public void What_is_no_ARP_packet_of_this_bus_is_none()
    {
        byte[] right = new byte[32];
        new Arp1394 { Operation = Arp1394.Request }.Write(right);
        Assert.True(Arp1394.TryRead(right, out _));
        Assert.False(Arp1394.TryRead(right.AsSpan(0, 31), out _));
        // Hardware, protocol, lengths, operation: every bit of the first eight bytes counts.
        for (int bit = 0; bit < 64; bit++)
        {
            byte[] wrong = [.. right];
            wrong[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.False(Arp1394.TryRead(wrong, out _), $"bit {bit}");
        }
    }

    [Fact]
    public void The_unit_in_our_ROM_is_found_by_who_looks_for_it()
    {
        var rom = new OwnRom(0x1234_5678_9ABC_DEF0, default);
        Assert.Equal(Error.None, rom.Add(new Ip1394Unit()));
        var image = new RomImage();
        for (int i = 0; i < rom.Next.Length; i++)
            image.Set(i, rom.Next[i]);
        RomEntries entries = image.Entries(image.Root);
        Assert.True(image.TryFindUnit(ref entries, 0x5E, 1, out int unit));
        Span<byte> text = new byte[8];
        Assert.Equal("IANA"u8, text[..image.TextOf(unit, RomKey.Specifier, text)]);
        Assert.Equal("IPv4"u8, text[..image.TextOf(unit, RomKey.Version, text)]);
    }
}
