using System;
using System.Collections.Generic;
using System.Text;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;
using Xunit;

namespace Sluice.Tests.FireWire.Model;

/// <summary>Bits, held against vectors that others published or that follow from the standards' figures by hand.</summary>
public sealed class CodingTests
{
    [Fact]
    public void The_crc_of_packets_is_that_of_the_standard()
    {
        // CRC-32/BZIP2: the same polynomial, order of bits, start and inversion; check value of the catalogue of parametrised CRCs.
        Assert.Equal(0xFC891918u, Crc.Packet("123456789"u8));
        // A message followed by its check leaves the residue C704DD7B, inverted here (1394-1995, 6.2.4).
        byte[] message = [0xFF, 0xC1, 0x01, 0x40, 0xFF, 0xC0, 0xFF, 0xFF, 0xF0, 0x00, 0x04, 0x00, 0, 0, 0, 0];
        uint crc = Crc.Packet(message.AsSpan(0, 12));
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(12), crc);
        Assert.Equal(~0xC704DD7Bu, Crc.Packet(message));
    }

    [Fact]
    public void The_crc_of_the_rom_is_that_of_the_standard()
    {
        // CRC-16/XMODEM of "1234" and of "12345678".
        Assert.Equal(0xD789, Crc.Rom([0x31323334]));
        Assert.Equal(Xmodem("12345678"u8), Crc.Rom([0x31323334, 0x35363738]));
        Assert.Equal(0x31C3, Xmodem("123456789"u8));
    }

    [Fact]
    public void A_rom_has_the_bus_block_a_root_directory_and_leaves_with_right_lengths_and_checks()
    {
        var information = new BusInformation(0x0050C5_01_23456789, Speed.S800, 10, 0xF);
        uint[] rom = ConfigurationRom.Build(information, new RomDirectory().Value(0x03, 0x50C5).Text("Sluice").Directory(0xD1, new RomDirectory().Value(0x12, 0x609E)));
        Assert.Equal(0x0404u, rom[0] >> 16);
        Assert.Equal(0x31333934u, rom[1]);
        Assert.Equal(0xF064A213u, rom[2]);
        Assert.Equal((0x0050C501u, 0x23456789u), (rom[3], rom[4]));
        Assert.Equal(Crc.Rom(rom.AsSpan(1, 4)), (ushort)rom[0]);
        Assert.Equal(3u, rom[5] >> 16);
        Assert.Equal(Crc.Rom(rom.AsSpan(6, 3)), (ushort)rom[5]);
        Assert.Equal(0x030050C5u, rom[6]);
        int leaf = 7 + (int)(rom[7] & 0xFFFFFF), unit = 8 + (int)(rom[8] & 0xFFFFFF);
        Assert.Equal(4u, rom[leaf] >> 16);
        Assert.Equal([0u, 0u, 0x536C7569u, 0x63650000u], rom[(leaf + 1)..(leaf + 5)]);
        Assert.Equal((1u, 0x1200609Eu), (rom[unit] >> 16, rom[unit + 1]));
        Assert.Equal(rom.Length, unit + 2);
    }

    [Fact]
    public void Requests_and_responses_have_their_fields_where_the_standard_has_them()
    {
        var packet = new Packet();
        packet.Request(Tcode.ReadQuadlet, 0x2A, 0xFFC2, 0xFFC1, 0xFFFF_F000_0400);
        Assert.Equal((0xFFC2A940u, 0xFFC1FFFFu, 0xF0000400u), (packet.Q0, packet.Q1, packet.Q2));
        Assert.Equal((0x2A, (ushort)0xFFC2, (ushort)0xFFC1, 0xFFFF_F000_0400u), (packet.Label, packet.Destination, packet.Source, packet.Offset));
        packet.Response(Tcode.ReadBlockResponse, 1, 0xFFC0, 0xFFC3, Rcode.TypeError);
        packet.SetData([1, 2, 3, 4, 5]);
        Assert.Equal((0xFFC00570u, 0xFFC36000u, 0u, 0x00050000u), (packet.Q0, packet.Q1, packet.Q2, packet.Q3));
        packet.Stream(31, 3, 9, [1, 2, 3, 4]);
        Assert.Equal(0x0004DFA9u, packet.Q0);
    }

    [Fact]
    public void A_packet_takes_the_time_of_its_bits()
    {
        var packet = new Packet { Speed = Speed.S100 };
        packet.Request(Tcode.WriteBlock, 0, 0xFFC0, 0xFFC1, 0);
        int empty = packet.Ticks(4);
        packet.SetData(new byte[512]);
        // 128 quadlets and their CRC.
        Assert.Equal(empty + (129 * 32), packet.Ticks(4));
        packet.Speed = Speed.S800;
        Assert.Equal((5 + 129) * 4, packet.Ticks(4) - (empty - (5 * 32)));
    }

    [Fact]
    public void Phy_packets_have_their_fields_where_the_standard_has_them()
    {
        Assert.Equal(0x02FF0000u, PhyPacket.Configuration(2, 0x3F) & ~0u);
        Assert.Equal(0x05800000u, PhyPacket.Configuration(5, -1));
        Assert.Equal(0x00450000u, PhyPacket.Configuration(-1, 5));
        Assert.Equal(0x43000000u, PhyPacket.LinkOn(3));
        // Register 2 of PHY 4; then register 1 (1001b) of page 0, port 2.
        Assert.Equal(0x04040200u, PhyPacket.RemoteAccess(4, false, 0, 0, 2));
        Assert.Equal(0x04141100u, PhyPacket.RemoteAccess(4, true, 0, 2, 1));
        Assert.Equal(0x040C02E3u, PhyPacket.RemoteReply(4, 0x04040200, 0xE3));
        Assert.Equal(0x041C1140u, PhyPacket.RemoteReply(4, 0x04141100, 0x40));
    }

    [Fact]
    public void A_cycle_timer_counts_3072_steps_8000_cycles_and_128_seconds()
    {
        var clock = new CycleClock();
        Assert.Equal(0u, clock.Read(0));
        Assert.Equal(0xBFFu, clock.Read(BusTime.TicksPerCycle - 1));
        Assert.Equal(1u << 12, clock.Read(BusTime.TicksPerCycle));
        Assert.Equal(1u << 25, clock.Read(BusTime.TicksPerSecond));
        clock.Write(0xFFF3FBFF, 1000);
        Assert.Equal(0xFFF3FBFFu, clock.Read(1000));
        Assert.Equal(0u, clock.Read(1000 + BusTime.TicksPerOffset));
        clock.Write(uint.MaxValue, 5);
        Assert.Equal((127u << 25) | (7999u << 12) | 3071u, clock.Read(5));
    }

    [Theory]
    [InlineData(LockOperation.MaskSwap, 0x0F0F0F0Fu, 0x12345678u, 0xA0B0C0D0u, 0xA2B4C6D8u)]
    [InlineData(LockOperation.CompareSwap, 0xA0B0C0D0u, 0x12345678u, 0xA0B0C0D0u, 0x12345678u)]
    [InlineData(LockOperation.CompareSwap, 0xA0B0C0D1u, 0x12345678u, 0xA0B0C0D0u, 0xA0B0C0D0u)]
    [InlineData(LockOperation.BoundedAdd, 5u, 1u, 5u, 5u)]
    [InlineData(LockOperation.BoundedAdd, 6u, 1u, 5u, 6u)]
    [InlineData(LockOperation.WrapAdd, 5u, 1u, 5u, 1u)]
    [InlineData(LockOperation.WrapAdd, 6u, 1u, 5u, 6u)]
    public void Locks_compute_what_the_standard_says(LockOperation operation, uint argument, uint value, uint memory, uint expected)
    {
        byte[] data = [.. Big(argument), .. Big(value)];
        byte[] place = Big(memory);
        LockMath.Apply(operation, place, data);
        Assert.Equal(Big(expected), place);
    }

    [Fact]
    public void Additions_carry_in_their_own_byte_order()
    {
        byte[] big = [0, 0, 0, 0xFF], little = [0xFF, 0, 0, 0];
        LockMath.Apply(LockOperation.FetchAdd, big, (byte[])[0, 0, 0, 1]);
        LockMath.Apply(LockOperation.LittleAdd, little, (byte[])[1, 0, 0, 0]);
        Assert.Equal([0, 0, 1, 0], big);
        Assert.Equal([0, 1, 0, 0], little);
    }

    private static byte[] Big(uint value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];

    // Bit by bit, as the catalogue defines CRC-16/XMODEM.
    private static ushort Xmodem(ReadOnlySpan<byte> bytes)
    {
        int crc = 0;
        foreach (byte one in bytes)
        {
            crc ^= one << 8;
            for (int i = 0; i < 8; i++)
                crc = ((crc << 1) ^ ((crc & 0x8000) != 0 ? 0x1021 : 0)) & 0xFFFF;
        }
        return (ushort)crc;
    }
}
