using Sluice.Drivers.Ohci;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>PHYs that are older than 1394a, or say something by themselves.</summary>
public sealed class OhciPhyTests
{
    private const uint HcControl = 0x050, PhyControl = 0x0EC, Enhanced = 1 << 22, ProgramPhy = 1 << 23;
    private const byte Enhancements = 3;

    /// <summary>A PHY of 1394-1995 has neither the enhancements nor the register by which resets are short: from register 3 on it tells of its ports.</summary>
    [Fact]
    public void A_PHY_without_enhancements_leaves_those_of_the_link_off_and_is_reset_all_the_same()
    {
        using var machine = new OhciMachine(phy: new Model.PhyTraits(3, Model.Speed.S400, IsContender: true, Compliance: 0));
        machine.Add(new MemoryNode(new BusInformation(0x1234)));
        Ohci driver = machine.Probe();
        Assert.Equal(0u, machine.Read(HcControl) & (Enhanced | ProgramPhy));
        byte generation = driver.Bus.Generation;
        Assert.Equal(Error.None, driver.Reset(isLong: false));
        machine.Pass(10_000);
        Assert.Equal((true, 2), (driver.Bus.IsUp && driver.Bus.Generation != generation, driver.Bus.Topology.Count));
        machine.CheckNothingLeaks(driver);
    }

    /// <summary>Whoever had the computer before left the PHY's enhancements on; those of the link stay off (5.7.3).</summary>
    [Theory]
    [InlineData("fw643", Enhancements)]
    [InlineData("tsb12lv22", 0)]
    public void Enhancements_are_on_in_PHY_and_link_or_in_neither(string card, byte expected)
    {
        ControllerFunction.Maker = (found, memory, guid) => new Programmable(found, memory, guid);
        using var machine = new OhciMachine(card: card);
        ControllerFunction.Maker = null;
        machine.Phy.Registers.Write(5, Enhancements);
        Ohci driver = machine.Probe();
        Assert.Equal((expected, expected != 0 ? Enhanced : 0u), (machine.Phy.Registers.Read(5) & Enhancements, machine.Read(HcControl) & (Enhanced | ProgramPhy)));
        machine.CheckNothingLeaks(driver);
    }

    /// <summary>After a bus reset the PHY says what is in register 0, before the answer to a question or in its place (5.12).</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_PHY_says_unasked_is_no_answer(bool isInPlace)
    {
        ControllerFunction.Maker = (found, memory, guid) => new Talkative(found, memory, guid, isInPlace);
        using var machine = new OhciMachine();
        ControllerFunction.Maker = null;
        var peer = new MemoryNode(new BusInformation(0x1234));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        Assert.Equal((Enhancements, peer.Phy.GapCount), (machine.Phy.Registers.Read(5) & 0x83, machine.Phy.GapCount));
        for (int i = 0; i < 8; i++)
        {
            machine.Phy.Registers.Write(1, (byte)(5 + i));
            peer.Phy.Registers.Write(1, (byte)(5 + i));
            Assert.Equal(Error.None, driver.Reset(isLong: i % 2 == 0));
            machine.Pass(20_000);
            Assert.Equal((5 + i, Enhancements), (driver.Bus.Topology.GapCount, machine.Phy.Registers.Read(5) & 0x83));
        }
        Assert.NotEqual(0, ((Talkative)machine.Function).Said);
        machine.CheckNothingLeaks(driver);
    }

    // A link that may be programmed, whatever its card can.
    private sealed class Programmable(OhciCard card, Sluice.Devices.IDeviceMemory memory, ulong guid) : OhciFunction(card, memory, guid)
    {
        private bool _isProgrammed;

        public override ulong ReadBar(int bar, uint offset, int bytes) => base.ReadBar(bar, offset, bytes) | (offset == HcControl && !_isProgrammed ? ProgramPhy : 0);

        public override void WriteBar(int bar, uint offset, int bytes, ulong value)
        {
            _isProgrammed |= offset == HcControl + 4 && (value & ProgramPhy) != 0;
            base.WriteBar(bar, offset, bytes, value);
        }
    }

    // Each other question finds register 0 first, or finds it alone and must be asked again.
    private sealed class Talkative(OhciCard card, Sluice.Devices.IDeviceMemory memory, ulong guid, bool isInPlace) : OhciFunction(card, memory, guid)
    {
        private const uint Done = 1u << 31, Read = 1 << 15;

        private int _asked;
        private bool _isUnasked;

        public int Said { get; private set; }

        public override ulong ReadBar(int bar, uint offset, int bytes)
        {
            ulong value = base.ReadBar(bar, offset, bytes);
            if (offset != PhyControl || !_isUnasked)
                return value;
            _isUnasked = isInPlace;
            Said++;
            return Done | (uint)Link.Phy.Registers.Read(0) << 16 | value & 0xF00;
        }

        public override void WriteBar(int bar, uint offset, int bytes, ulong value)
        {
            if (offset == PhyControl)
                _isUnasked = (value & Read) != 0 && _asked++ % 2 == 0;
            base.WriteBar(bar, offset, bytes, value);
        }
    }
}
