using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Sbp2;
using Sluice.Tests.FireWire.Model;
using Xunit;

namespace Sluice.Tests.FireWire.Sbp2;

/// <summary>A node with several logical units, of which each has 2^33 blocks that hold their numbers.</summary>
public sealed class LogicalUnitTests
{
    private const ulong Blocks = 1UL << 33, SecondBase = 1UL << Sbp2Disk.UnitShift;

    private readonly TestBus _test = new();
    private readonly Sbp2Disk _disk = new(new BusInformation(0x00AABB_0000000001, Speed.S400, 10),
        [new DiskImage((long)Blocks * DiskImage.BlockBytes, 0), new DiskImage((long)Blocks * DiskImage.BlockBytes, SecondBase)], null);
    private readonly Initiator _one, _other;

    public LogicalUnitTests()
    {
        Phy phy = _test.Bus.Add("disk", _disk, new PhyTraits());
        (_one, _other) = (new Initiator(_test, _disk), new Initiator(_test, _disk));
        _test.Bus.Connect(phy, _one.Phy);
        _test.Bus.Connect(phy, _other.Phy);
        _test.Settle();
    }

    [Fact]
    public void More_blocks_than_32_bits_count_are_asked_for_read_and_written_with_64()
    {
        _one.LogIn();
        _one.Do([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Initiator.At(Initiator.Data), 8);
        Assert.Equal("FFFFFFFF00000200", Data(8));
        _one.Do([0x9E, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0], Initiator.At(Initiator.Data), 32);
        Assert.Equal($"00000001FFFFFFFF00000200{0:X40}", Data(32));
        _one.Do([0x88, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0, 2, 0, 0], Initiator.At(Initiator.Data), 1024);
        Assert.Equal((0x1_0203_0405ul, 0x1_0203_0406ul), (Number(0), Number(1023 & ~7)));
        _one.Memory.Slice(Initiator.Data, 1024).Fill(0xAB);
        _one.Do([0x8A, 0, 0, 0, 0, 1, 2, 3, 4, 6, 0, 0, 0, 2, 0, 0], Initiator.At(Initiator.Data), 1024, isIn: false);
        _one.Do([0x88, 0, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0, 4, 0, 0], Initiator.At(Initiator.Data), 2048);
        Assert.Equal((0x1_0203_0405ul, 0xABAB_ABAB_ABAB_ABABul, 0xABAB_ABAB_ABAB_ABABul, 0x1_0203_0408ul), (Number(0), Number(512), Number(1024), Number(1536)));
        // The same place in 32 bits was not touched; 10 bytes reach it.
        _one.Do([0x28, 0, 2, 3, 4, 6, 0, 0, 1, 0, 0, 0], Initiator.At(Initiator.Data), 512);
        Assert.Equal(0x0203_0406ul, Number(0));
        Assert.Equal(0, _disk.FailedCommands);
        // Beyond the end: the information has no room for which block.
        Assert.Equal([0x0205_2100u, 0], _one.Do([0x88, 0, 0, 0, 0, 1, 255, 255, 255, 255, 0, 0, 0, 2, 0, 0], Initiator.At(Initiator.Data), 1024)[2..]);
    }

    [Fact]
    public void Each_unit_has_blocks_and_logins_of_its_own()
    {
        const uint exclusive = 1u << 28;
        _one.LogIn(exclusive);
        (ulong agent, int login) = (_one.Agent, _one.LoginId);
        Assert.Equal((Response.RequestComplete, SbpStatus.AccessDenied), _other.Manage(ManagementFunction.Login, 0));
        Assert.Equal((Response.RequestComplete, SbpStatus.LogicalUnitNotSupported), _other.Manage(ManagementFunction.Login, 2));
        _other.LogIn(exclusive, unit: 1);
        Assert.Equal((Response.RequestComplete, SbpStatus.AccessDenied), _one.Manage(ManagementFunction.Login, 1));
        _other.Do([0x28, 0, 0, 0, 0, 7, 0, 0, 1, 0, 0, 0], Initiator.At(Initiator.Data), 512);
        Assert.Equal(SecondBase + 7, BinaryPrimitives.ReadUInt64BigEndian(_other.Memory[Initiator.Data..]));
        _one.Do([0x28, 0, 0, 0, 0, 7, 0, 0, 1, 0, 0, 0], Initiator.At(Initiator.Data), 512);
        Assert.Equal(7ul, Number(0));
        Assert.NotEqual(_one.Agent, _other.Agent);
        // A reset of one leaves the other alone; one of the target does not.
        Assert.Equal((Response.RequestComplete, SbpStatus.None), _other.Manage(ManagementFunction.LogicalUnitReset, _other.LoginId));
        Assert.Equal((2, 0), (State(_one, agent), State(_other, _other.Agent)));
        Assert.Equal((Response.RequestComplete, SbpStatus.None), _other.Manage(ManagementFunction.TargetReset, _other.LoginId));
        Assert.Equal(0, State(_one, agent));
        // One initiator in both units.
        Assert.Equal((Response.RequestComplete, SbpStatus.None), _other.Manage(ManagementFunction.Logout, _other.LoginId));
        _one.LogIn(exclusive, unit: 1);
        Assert.Equal((2, true), (_disk.LoginCount, _one.LoginId != login));
    }

    [Fact]
    public void A_silent_unit_ends_what_is_aborted_and_disturbs_no_other()
    {
        _one.LogIn(unit: 1);
        _other.LogIn();
        _disk.Units[1].IsSilent = true;
        Assert.Equal([0u], _one.Do([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0));
        Assert.Equal(2, _other.Do([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0).Length);
        Assert.Equal((0L, 1L), (_disk.FailedCommands, _disk.Commands));
        Assert.Null(_other.Manage(ManagementFunction.Login, 1));
        Assert.Equal((Response.RequestComplete, SbpStatus.None), _other.Manage(ManagementFunction.Logout, _other.LoginId));
        // Its task ends with "request aborted", then the abort with a status of its own at the same place.
        Assert.Equal((Response.RequestComplete, SbpStatus.None), _one.Manage(ManagementFunction.AbortTask, _one.LoginId, Initiator.At(Initiator.Orbs)));
        Assert.Equal(2, State(_one, _one.Agent));
        Assert.Equal((Response.RequestComplete, SbpStatus.FunctionRejected), _one.Manage(ManagementFunction.AbortTask, _one.LoginId, Initiator.At(Initiator.Orbs)));
    }

    private static int State(Initiator initiator, ulong agent) => initiator.Read(agent, 4).Data[3];

    private ulong Number(int at) => BinaryPrimitives.ReadUInt64BigEndian(_one.Memory[(Initiator.Data + at)..]);

    private string Data(int bytes) => Convert.ToHexString(_one.Memory.Slice(Initiator.Data, bytes));
}
