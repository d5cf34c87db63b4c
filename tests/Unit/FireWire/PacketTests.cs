using Sluice.FireWire.Core;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Headers bit for bit as the standard draws them, and as the model of the bus reads them.</summary>
public sealed class PacketTests
{
    private static readonly PacketHeader
        _readQuadlet = PacketHeader.ReadQuadlet(0xFFC5, 0xFFC2, 0x2A, 0xFFFF_F000_0400),
        _readBlock = PacketHeader.ReadBlock(0xFFC0, 0xFFC1, 0x3F, 0x1234_5678_9ABC, 512),
        _writeQuadlet = PacketHeader.WriteQuadlet(0xFFC3, 0xFFFE, 1, 0xFFFF_F000_0210, 0xDEAD_BEEF),
        _writeBlock = PacketHeader.WriteBlock(0xFFC1, 0xFFC0, 0, 0xFFFF_F000_0B00, 9),
        _lock = PacketHeader.Lock(0xFFC4, 0xFFC1, 0x15, 0xFFFF_F000_021C, LockOperation.CompareSwap, 8);

    [Fact]
    public void Requests_are_bit_for_bit_those_of_the_standard()
    {
        // Destination 31:16, label 15:10, retry_X 01 in 9:8, tcode 7:4, priority 3:0; source, offset; what the code adds.
        AssertQuadlets(_readQuadlet, 0xFFC5_A940, 0xFFC2_FFFF, 0xF000_0400, 0);
        AssertQuadlets(_readBlock, 0xFFC0_FD50, 0xFFC1_1234, 0x5678_9ABC, 0x0200_0000);
        AssertQuadlets(_writeQuadlet, 0xFFC3_0500, 0xFFFE_FFFF, 0xF000_0210, 0xDEAD_BEEF);
        AssertQuadlets(_writeBlock, 0xFFC1_0110, 0xFFC0_FFFF, 0xF000_0B00, 0x0009_0000);
        AssertQuadlets(_lock, 0xFFC4_5590, 0xFFC1_FFFF, 0xF000_021C, 0x0008_0002);
    }

    [Fact]
    public void Responses_are_bit_for_bit_those_of_the_standard()
    {
        AssertQuadlets(PacketHeader.Respond(_readQuadlet, _readQuadlet.Code.Answer, 0xFFC5, ResponseCode.Complete, 0x0404_1234), 0xFFC2_A960, 0xFFC5_0000, 0, 0x0404_1234);
        AssertQuadlets(PacketHeader.Respond(_readBlock, _readBlock.Code.Answer, 0xFFC0, ResponseCode.Complete, 0x0200_0000), 0xFFC1_FD70, 0xFFC0_0000, 0, 0x0200_0000);
        AssertQuadlets(PacketHeader.Respond(_writeQuadlet, _writeQuadlet.Code.Answer, 0xFFC3, ResponseCode.AddressError, 0), 0xFFFE_0520, 0xFFC3_7000, 0, 0);
        AssertQuadlets(PacketHeader.Respond(_writeBlock, _writeBlock.Code.Answer, 0xFFC1, ResponseCode.ConflictError, 0), 0xFFC0_0120, 0xFFC1_4000, 0, 0);
        AssertQuadlets(PacketHeader.Respond(_lock, _lock.Code.Answer, 0xFFC4, ResponseCode.TypeError, 0x0004_0002), 0xFFC1_55B0, 0xFFC4_6000, 0, 0x0004_0002);
    }

    [Fact]
    public void Streams_and_gasp_are_bit_for_bit_those_of_the_standard()
    {
        PacketHeader stream = PacketHeader.Stream(0x123, GaspHeader.Tag, 31, 5);
        Assert.Equal(0x0123_DFA5u, stream.Q0);
        Assert.Equal((0x123, 3, 31, 5), (stream.DataBytes, stream.Tag, stream.Channel, stream.Sync));
        GaspHeader gasp = GaspHeader.Of(0xFFC2, 0x00_5E12, 1);
        Assert.Equal((0xFFC2_005Eu, 0x1200_0001u), (gasp.Q0, gasp.Q1));
        Assert.Equal(((ushort)0xFFC2, 0x00_5E12u, 1u), (gasp.Source, gasp.Specifier, gasp.Version));
    }

    [Fact]
    public void What_was_encoded_is_decoded()
    {
        Assert.Equal((TransactionCode.ReadBlock, (ushort)0xFFC0, (ushort)0xFFC1, 0x3F, 0x1234_5678_9ABCul, 512),
            (_readBlock.Code, _readBlock.Destination, _readBlock.Source, _readBlock.Label, _readBlock.Offset, _readBlock.DataBytes));
        Assert.Equal((LockOperation.CompareSwap, 8), (_lock.Operation, _lock.DataBytes));
        Assert.Equal(ResponseCode.AddressError, PacketHeader.Respond(_lock, _lock.Code.Answer, 1, ResponseCode.AddressError, 0).Response);
        Assert.Equal(0xDEAD_BEEF, _writeQuadlet.Quadlet);
    }

    [Fact]
    public void The_bus_of_the_model_encodes_the_same()
    {
        foreach (PacketHeader header in (PacketHeader[])[_readQuadlet, _readBlock, _writeQuadlet, _writeBlock, _lock])
        {
            var packet = new Model.Packet();
            packet.Request((Model.Tcode)header.Code, header.Label, header.Destination, header.Source, header.Offset);
            packet.Q3 = header.Q3;
            AssertQuadlets(header, packet.Q0, packet.Q1, packet.Q2, packet.Q3);
            Assert.Equal(Model.CodeFacts.get_HeaderQuadlets(packet.Code), header.Code.HeaderQuadlets);
            PacketHeader answer = PacketHeader.Respond(header, header.Code.Answer, header.Destination, ResponseCode.DataError, 0);
            packet.Response((Model.Tcode)header.Code.Answer, header.Label, header.Source, header.Destination, Model.Rcode.DataError);
            AssertQuadlets(answer, packet.Q0, packet.Q1, packet.Q2, packet.Q3);
            Assert.True(header.Code.IsRequest && answer.Code.IsResponse && !header.Code.IsResponse && !answer.Code.IsRequest);
        }
    }

    [Fact]
    public void Codes_have_headers_and_data_as_the_tables_say()
    {
        int[] quadlets = [4, 4, 3, 0, 3, 4, 4, 4, 0, 4, 1, 4, 0, 0, 0, 0];
        int withData = 1 << 1 | 1 << 7 | 1 << 9 | 1 << 0xA | 1 << 0xB;
        for (int i = 0; i < 16; i++)
        {
            var code = (TransactionCode)i;
            Assert.Equal((quadlets[i], (withData >> i & 1) != 0), (code.HeaderQuadlets, code.HasData));
        }
    }

    [Theory]
    [InlineData(LockOperation.CompareSwap, 8, 4)]
    [InlineData(LockOperation.CompareSwap, 16, 8)]
    [InlineData(LockOperation.CompareSwap, 4, 0)]
    [InlineData(LockOperation.MaskSwap, 8, 4)]
    [InlineData(LockOperation.FetchAdd, 4, 4)]
    [InlineData(LockOperation.FetchAdd, 8, 8)]
    [InlineData(LockOperation.LittleAdd, 16, 0)]
    [InlineData(LockOperation.BoundedAdd, 16, 8)]
    [InlineData(LockOperation.None, 8, 0)]
    [InlineData((LockOperation)7, 8, 0)]
    public void A_lock_has_a_width_only_with_the_data_that_it_takes(LockOperation operation, int bytes, int width)
    {
        Assert.Equal(width, operation.WidthOf(bytes));
        Assert.Equal(width, Sluice.FireWire.Nodes.LockMath.WidthOf((Model.LockOperation)operation, bytes));
    }

    [Fact]
    public void Phy_packets_are_bit_for_bit_those_of_the_standard()
    {
        Assert.Equal(0x0500_0000u | 1 << 23, PhyPacket.Configuration(5, -1).Quadlet);
        Assert.Equal(0x0000_0000u | 1 << 22 | 10 << 16, PhyPacket.Configuration(-1, 10).Quadlet);
        Assert.Equal(0x3EFFu << 16, PhyPacket.Configuration(62, 63).Quadlet);
        Assert.Equal(0x4700_0000u, PhyPacket.LinkOn(7).Quadlet);
        Assert.Equal(0x0900_0000u, PhyPacket.Ping(9).Quadlet);
        Assert.Equal(0x0304_0500u, PhyPacket.ReadRegister(3, 5).Quadlet);
        Assert.Equal(0x0314_9700u | 0x8000u, PhyPacket.ReadPaged(3, 1, 2, 7).Quadlet | 0x8000);
        for (int node = 0; node < 63; node++)
        {
            Assert.Equal(Model.PhyPacket.Configuration(node, 63 - node), PhyPacket.Configuration(node, 63 - node).Quadlet);
            Assert.Equal(Model.PhyPacket.LinkOn(node), PhyPacket.LinkOn(node).Quadlet);
            Assert.Equal(Model.PhyPacket.Ping(node), PhyPacket.Ping(node).Quadlet);
            Assert.Equal(Model.PhyPacket.RemoteAccess(node, false, 0, 0, node & 7), PhyPacket.ReadRegister(node, node & 7).Quadlet);
            Assert.Equal(Model.PhyPacket.RemoteAccess(node, true, 1, node & 15, 3), PhyPacket.ReadPaged(node, 1, node & 15, 3).Quadlet);
            var reply = new PhyPacket(Model.PhyPacket.RemoteReply(node, PhyPacket.ReadRegister(node, 4).Quadlet, 0xA5));
            Assert.Equal((PhyPacketKind.Extended, ExtendedPhyType.RemoteReply, node, (byte)0xA5), (reply.Kind, reply.Type, reply.Node, reply.Data));
        }
    }

    [Fact]
    public void Phy_packets_say_what_they_are()
    {
        Assert.Equal(PhyPacketKind.Configuration, PhyPacket.Configuration(0, -1).Kind);
        Assert.Equal(PhyPacketKind.Configuration, PhyPacket.Configuration(-1, 0).Kind);
        Assert.Equal(PhyPacketKind.Extended, PhyPacket.Ping(0).Kind);
        Assert.Equal(PhyPacketKind.LinkOn, PhyPacket.LinkOn(0).Kind);
        Assert.Equal(PhyPacketKind.SelfId, new PhyPacket(0x8000_0000).Kind);
        Assert.Equal(PhyPacketKind.Reserved, new PhyPacket(0xC000_0000).Kind);
        PhyPacket both = PhyPacket.Configuration(4, 21);
        Assert.True(both is { Node: 4, GapCount: 21, IsForcingRoot: true, IsSettingGap: true });
        Assert.False(PhyPacket.Configuration(4, -1).IsSettingGap);
        Assert.False(PhyPacket.Configuration(-1, 4).IsForcingRoot);
    }

    private static void AssertQuadlets(in PacketHeader header, uint q0, uint q1, uint q2, uint q3) =>
        Assert.Equal((q0, q1, q2, q3), (header.Q0, header.Q1, header.Q2, header.Q3));
}
