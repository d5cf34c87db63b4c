using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.Platform;
using Sluice.Tests.FireWire.Second;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Cards whose memory of their GUID is empty. Source: 1394 OHCI 1.1, section 5.5.5.</summary>
public sealed class OhciGuidTests
{
    private const uint GuidHigh = 0x024, GuidLow = 0x028;
    private const byte LocallyAdministered = 2;

    [Fact]
    public void A_card_that_has_none_takes_one_that_nobody_assigned()
    {
        using var machine = new OhciMachine(guid: 0);
        ulong guid = GuidOfWorking(machine);
        Assert.Equal(LocallyAdministered, (byte)(guid >> 56));
        Assert.Equal(guid, (ulong)machine.Read(GuidHigh) << 32 | machine.Read(GuidLow));
    }

    [Fact]
    public void Two_that_start_after_each_other_take_different_ones()
    {
        ulong[] guids = new ulong[2];
        for (uint i = 0; i < guids.Length; i++)
        {
            using var machine = new OhciMachine(guid: 0);
            machine.Clock.Advance(1_000 + i);
            guids[i] = GuidOfWorking(machine);
        }
        Assert.NotEqual(guids[0], guids[1]);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(ulong.MaxValue)]
    public void A_card_that_has_none_and_takes_none_works(ulong empty) => SecondModel.Use(1, () =>
    {
        using var machine = new OhciMachine(guid: empty);
        Assert.Equal(empty, GuidOfWorking(machine));
    });

    [Fact]
    public void One_that_is_there_stays()
    {
        using var machine = new OhciMachine();
        Assert.Equal(OhciMachine.Guid, GuidOfWorking(machine));
    }

    // What it goes by once it has found another node.
    private static ulong GuidOfWorking(OhciMachine machine)
    {
        var peer = new MemoryNode(new BusInformation(0x1234));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        var nodes = new RemoteNodes(driver.Bus);
        Assert.Equal(Error.None, driver.Reset(isLong: false));
        machine.Pass(2_000_000);
        Assert.Equal(peer.Phy.PhysicalId, nodes.NodeOf(0x1234));
        Assert.Equal(driver.Guid, driver.Bus.OwnRom.Guid);
        machine.CheckNothingLeaks(driver);
        return driver.Guid;
    }
}
