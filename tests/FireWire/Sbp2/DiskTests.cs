using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Sbp2;
using Sluice.FireWire.Simulation;
using Sluice.Tests.FireWire.Model;
using Xunit;

namespace Sluice.Tests.FireWire.Sbp2;

/// <summary>The disk, asked by initiators whose memory is looked at.</summary>
public sealed class DiskTests
{
    private const int Blocks = 256;

    private static readonly (Response, SbpStatus)? _complete = (Response.RequestComplete, SbpStatus.None);

    private readonly TestBus _test = new();
    private readonly Sbp2Disk _disk = new(new BusInformation(0x00AABB_0000000001, Speed.S400, 10), new DiskImage(Blocks * DiskImage.BlockBytes));
    private readonly Phy _phy;
    private readonly Initiator _one, _other;

    public DiskTests()
    {
        _phy = _test.Bus.Add("disk", _disk, new PhyTraits());
        (_one, _other) = (new Initiator(_test, _disk), new Initiator(_test, _disk));
        _test.Bus.Connect(_phy, _one.Phy);
        _test.Bus.Connect(_phy, _other.Phy);
        _test.Settle();
    }

    [Fact]
    public void Blocks_are_written_and_read_from_one_piece_of_memory()
    {
        _one.LogIn();
        new Random(1).NextBytes(_one.Memory.Slice(Initiator.Data, 8192));
        byte[] data = _one.Memory.Slice(Initiator.Data, 8192).ToArray();
        Assert.Equal([0x4100_0000u | High, Low(Initiator.Orbs)], _one.Do([0x2A, 0, 0, 0, 0, 5, 0, 0, 16, 0, 0, 0], Initiator.At(Initiator.Data), 8192, isIn: false));
        _one.Memory.Slice(Initiator.Data, 8192).Clear();
        _one.Do([0x28, 0, 0, 0, 0, 5, 0, 0, 16, 0, 0, 0], Initiator.At(Initiator.Data), 8192);
        Assert.True(_one.Memory.Slice(Initiator.Data, 8192).SequenceEqual(data));
        Assert.Equal((2, 0, 16, 16), (_disk.Commands, _disk.FailedCommands, _disk.Unit.BlocksRead, _disk.Unit.BlocksWritten));
    }

    [Fact]
    public void A_page_table_names_the_pieces_of_memory_in_order()
    {
        var random = new SeededRandom(9);
        _one.LogIn();
        for (int round = 0; round < 50; round++)
        {
            int left = (1 + random.Below(8)) * DiskImage.BlockBytes, at = Initiator.Data, count = 0, bytes = left;
            var pieces = new int[64];
            while (left > 0)
            {
                int piece = count == 63 ? left : Math.Min(left, 1 + random.Below(700));
                BinaryPrimitives.WriteUInt64BigEndian(_one.Memory[(Initiator.Tables + (count * 8))..], ((ulong)piece << 48) | Initiator.At(at));
                pieces[count++] = at;
                at += piece + random.Below(30);
                left -= piece;
            }
            byte block = (byte)random.Below(Blocks - 8), blocks = (byte)(bytes / DiskImage.BlockBytes);
            var data = new byte[bytes];
            Random.Shared.NextBytes(data);
            Assert.True(_disk.Unit.Image.TryWrite(block, data));
            _one.Memory[Initiator.Data..].Clear();
            _one.Do([0x28, 0, 0, 0, 0, block, 0, 0, blocks, 0, 0, 0], Initiator.At(Initiator.Tables), count, flags: 1 << 19);
            int compared = 0;
            for (int i = 0; i < count; i++)
            {
                int piece = BinaryPrimitives.ReadUInt16BigEndian(_one.Memory[(Initiator.Tables + (i * 8))..]);
                Assert.True(_one.Memory.Slice(pieces[i], piece).SequenceEqual(data.AsSpan(compared, piece)));
                compared += piece;
            }
            Assert.Equal(bytes, compared);
        }
    }

    [Fact]
    public void A_list_of_commands_is_done_in_order_and_a_doorbell_goes_on_from_its_end()
    {
        _one.LogIn();
        for (int i = 0; i < 3; i++)
        {
            _one.Memory.Slice(Initiator.Data + (i * 512), 512).Fill((byte)(i + 1));
            int orb = Initiator.Orbs + (i * 32);
            _one.Put(orb, [0x2A, 0, 0, 0, 0, 7, 0, 0, 1, 0, 0, 0], Initiator.At(Initiator.Data + (i * 512)), 512, isIn: false, next: i < 2 ? orb + 32 : -1);
        }
        Assert.Equal(Outcome.Complete, _one.Ring(Initiator.Orbs));
        Assert.Equal(3, _disk.Commands);
        // Status of the last: its next pointer was null.
        Assert.Equal(0x41u, _one.LastStatus()[0] >> 24);
        Assert.Equal(3, FirstByteOf(7));
        Assert.Equal((byte[])[0, 0, 0, 2], _one.Read(_one.Agent, 4).Data);

        _one.Put(Initiator.Orbs + 96, [0x2A, 0, 0, 0, 0, 7, 0, 0, 1, 0, 0, 0], Initiator.At(Initiator.Data), 512, isIn: false);
        BinaryPrimitives.WriteUInt64BigEndian(_one.Memory[(Initiator.Orbs + 64)..], Initiator.At(Initiator.Orbs + 96));
        Assert.Equal(Outcome.Complete, _one.Write(_one.Agent + 0x10, 0, 0, 0, 0));
        Assert.Equal(4, _disk.Commands);
        Assert.Equal(1, FirstByteOf(7));
        // Nothing new: it looks, and rests.
        Assert.Equal(Outcome.Complete, _one.Write(_one.Agent + 0x10, 0, 0, 0, 0));
        Assert.Equal((byte[])[0, 0, 0, 2], _one.Read(_one.Agent, 4).Data);
        Assert.Equal(4, _disk.Commands);
    }

    [Fact]
    public void A_command_that_fails_tells_why_in_its_status()
    {
        _one.LogIn();
        // CHECK CONDITION, illegal request, block out of range, and which.
        Assert.Equal([0x4300_0000u | High, Low(Initiator.Orbs), 0x0285_2100, Blocks], _one.Do([0x28, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], Initiator.At(Initiator.Data), 512));
        Assert.Equal(0x0205_2000u, _one.Do([0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0)[2]);
        Assert.Equal(0x0205_2400u, _one.Do([0x12, 1, 0x99, 0, 64, 0, 0, 0, 0, 0, 0, 0], Initiator.At(Initiator.Data), 64)[2]);
        Assert.Equal(0x0205_2400u, _one.Do([0x2A, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0], Initiator.At(Initiator.Data), 512, isIn: false)[2]);
        Assert.Equal((0, 4), (_disk.Commands, _disk.FailedCommands));
    }

    [Fact]
    public void An_orb_that_cannot_be_done_stops_the_agent_until_it_is_reset()
    {
        _one.LogIn();
        // Format 1; data where there is no memory; an S800 command for an S400 disk.
        Assert.Equal(0x6901_0000u | High, _one.Do([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0, flags: 1u << 29)[0]);
        Assert.Equal((byte[])[0, 0, 0, 3], _one.Read(_one.Agent, 4).Data);
        Assert.Equal(Outcome.ConflictError, _one.Ring(Initiator.Orbs));
        Assert.Equal(Outcome.Complete, _one.Write(_one.Agent + 4, 0, 0, 0, 0));
        Assert.Equal(0x59FF_0000u | High, _one.Do([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], 0x1000, 512)[0]);
        Assert.Equal(Outcome.Complete, _one.Write(_one.Agent + 4, 0, 0, 0, 0));
        Assert.Equal(0x6902_0000u | High, _one.Do([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0, flags: 1 << 24)[0]);
        Assert.Equal(Outcome.Complete, _one.Write(_one.Agent + 4, 0, 0, 0, 0));
        Assert.Equal(0x410B_0000u | High, _one.Do([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0, flags: 3u << 29)[0]);
    }

    [Fact]
    public void After_a_bus_reset_an_initiator_comes_back_or_is_forgotten()
    {
        _one.LogIn(flags: 1 << 20);
        int login = _one.LoginId;
        _phy.InitiateReset(isLong: true);
        _test.Settle();
        Assert.Equal(Outcome.TypeError, _one.Ring(Initiator.Orbs));
        Assert.Equal((Response.RequestComplete, SbpStatus.LoginIdNotRecognized), _other.Manage(ManagementFunction.Reconnect, login));
        Assert.Equal(_complete, _one.Manage(ManagementFunction.Reconnect, login));
        Assert.Equal(0x41u, _one.Do([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0)[0] >> 24);
        // It came back in time: it stays.
        _test.Simulator.RunFor(5 * BusTime.TicksPerSecond);
        Assert.Equal(1, _disk.LoginCount);

        _phy.InitiateReset(isLong: false);
        _test.Simulator.RunFor(3 * BusTime.TicksPerSecond);
        Assert.Equal(0, _disk.LoginCount);
        Assert.Equal((Response.RequestComplete, SbpStatus.LoginIdNotRecognized), _one.Manage(ManagementFunction.Reconnect, login));
        _one.LogIn();
    }

    [Fact]
    public void A_reset_in_the_middle_of_a_command_leaves_nothing_of_it()
    {
        _one.LogIn();
        for (int events = 1; events < 200; events++)
        {
            _one.Memory.Slice(Initiator.Data, 4096).Fill((byte)events);
            _one.Put(Initiator.Orbs, [0x2A, 0, 0, 0, 0, 9, 0, 0, 8, 0, 0, 0], Initiator.At(Initiator.Data), 4096, isIn: false);
            var pointer = new byte[8];
            BinaryPrimitives.WriteUInt64BigEndian(pointer, Initiator.At(Initiator.Orbs));
            Assert.True(_one.Node.TryWrite(_disk.NodeId, _one.Agent + 8, pointer, (_, _) => { }));
            _test.Simulator.RunActivity(events);
            _one.Phy.InitiateReset(isLong: true);
            _test.Settle();
            // All of it, or nothing.
            byte first = FirstByteOf(9);
            Assert.True(first == events || first == events - 1);
            Assert.All(Enumerable.Range(9, 8), block => Assert.Equal(first, FirstByteOf((ulong)block)));
            Assert.Equal(_complete, _one.Manage(ManagementFunction.Reconnect, _one.LoginId));
            Assert.Equal(0x41u, _one.Do([0x2A, 0, 0, 0, 0, 9, 0, 0, 8, 0, 0, 0], Initiator.At(Initiator.Data), 4096, isIn: false)[0] >> 24);
            Assert.Equal((byte)events, FirstByteOf(9));
        }
    }

    [Fact]
    public void Two_initiators_are_served_side_by_side_and_an_exclusive_one_alone()
    {
        _one.LogIn();
        _other.LogIn();
        Assert.NotEqual(_one.Agent, _other.Agent);
        Assert.Equal((Response.RequestComplete, SbpStatus.AccessDenied), _one.Manage(ManagementFunction.Login, 0));
        // The other one's registers are not for it.
        Assert.Equal(Outcome.TypeError, _one.Read(_other.Agent, 4).Outcome);
        Assert.Equal(_complete, _one.Manage(ManagementFunction.QueryLogins, 0));
        Assert.Equal((byte[])[0, 28, 0, 8], _one.Memory.Slice(Initiator.LoginResponse, 4).ToArray());
        Assert.Equal((ushort)_other.LoginId, BinaryPrimitives.ReadUInt16BigEndian(_one.Memory[(Initiator.LoginResponse + 18)..]));
        Assert.Equal(_complete, _one.Manage(ManagementFunction.Logout, _one.LoginId));
        Assert.Equal((Response.RequestComplete, SbpStatus.AccessDenied), _one.Manage(ManagementFunction.Login, 0, flags: 1 << 28));
        Assert.Equal((Response.RequestComplete, SbpStatus.LoginIdNotRecognized), _one.Manage(ManagementFunction.Logout, _other.LoginId));
        Assert.Equal(_complete, _other.Manage(ManagementFunction.Logout, _other.LoginId));
        _one.LogIn(flags: 1 << 28);
        Assert.Equal((Response.RequestComplete, SbpStatus.AccessDenied), _other.Manage(ManagementFunction.Login, 0));
        Assert.Equal((Response.RequestComplete, SbpStatus.LogicalUnitNotSupported), _other.Manage(ManagementFunction.Login, 1));
        Assert.Equal((Response.IllegalRequest, SbpStatus.RequestTypeNotSupported), _one.Manage(ManagementFunction.SetPassword, _one.LoginId));
        Assert.Equal((Response.RequestComplete, SbpStatus.FunctionRejected), _one.Manage(ManagementFunction.AbortTask, _one.LoginId, Initiator.At(Initiator.Orbs)));
    }

    [Fact]
    public void An_initiator_that_lies_gets_no_more_than_an_error()
    {
        _one.LogIn();
        var random = new SeededRandom(77);
        for (int i = 0; i < 3000; i++)
        {
            for (int j = 0; j < 32; j++)
                _one.Memory[Initiator.Orbs + j] = (byte)random.Next();
            for (int j = 0; j < 256; j++)
                _one.Memory[Initiator.Tables + j] = (byte)random.Next();
            if (random.Coin())
                BinaryPrimitives.WriteUInt64BigEndian(_one.Memory[(Initiator.Orbs + 8)..], ((ulong)_one.Node.NodeId << 48) | Initiator.At(random.Coin() ? Initiator.Tables : Initiator.Data));
            // The list ends here, or has no end.
            BinaryPrimitives.WriteUInt64BigEndian(_one.Memory[Initiator.Orbs..], random.Coin() ? 1UL << 63 : Initiator.At(Initiator.Orbs));
            _one.Memory[Initiator.Orbs + CommandOrb.CommandAt] = (byte)(random.Coin() ? 0x28 : 0x2A);
            var pointer = new byte[8];
            BinaryPrimitives.WriteUInt64BigEndian(pointer, Initiator.At(Initiator.Orbs));
            Assert.True(_one.Node.TryWrite(_disk.NodeId, _one.Agent + 8, pointer, (_, _) => { }));
            _test.Simulator.RunActivity(2000);
            Assert.True(_one.Node.TryWrite(_disk.NodeId, _one.Agent + 4, [0, 0, 0, 0], (_, _) => { }));
            Assert.True(_test.Simulator.RunActivity(100_000));
        }
        Assert.Equal(0x41u, _one.Do([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0)[0] >> 24);
    }

    [Fact]
    public void Its_rom_says_what_it_is()
    {
        uint[] rom = _disk.Rom.ToArray();
        foreach (uint entry in (uint[])[0x1200_609E, 0x1301_0483, 0x3800_609E, 0x3901_04D8, 0x5400_4000, 0x3A00_1409, 0x1400_0000])
            Assert.Contains(entry, rom);
    }

    [Fact]
    public void An_image_file_is_the_disk_and_stays()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, [.. Enumerable.Range(0, 1024 + 17).Select(i => (byte)i)]);
            using (var image = new DiskImage(path, isReadOnly: false))
            {
                Assert.Equal(2u, image.Blocks);
                var block = new byte[512];
                Assert.True(image.TryRead(1, block));
                Assert.Equal([0, 1, 2, 3], block[..4]);
                Assert.True(image.TryWrite(1, Enumerable.Repeat((byte)9, 512).ToArray()));
            }
            Assert.Equal((byte[])[9, 0, 1], File.ReadAllBytes(path)[1023..1026]);
            using var guarded = new DiskImage(path, isReadOnly: true);
            Assert.Equal(Sense.WriteProtected, new ScsiDisk(guarded, "").Execute([0x2A, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], new byte[512], default, out _));
            File.WriteAllBytes(path, new byte[100]);
            Assert.Throws<IOException>(() => new DiskImage(path, isReadOnly: true));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static uint High => (uint)(Initiator.At(0) >> 32);

    private static uint Low(int place) => (uint)Initiator.At(place);

    private byte FirstByteOf(ulong block)
    {
        var data = new byte[DiskImage.BlockBytes];
        Assert.True(_disk.Unit.Image.TryRead(block, data));
        return data[0];
    }
}
