using Sluice.Devices;
using Sluice.Devices.Pci;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Ohci;
using Sluice.Pci;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>The cycle timer, where a read of it may reset the computer: VT6306 to VT6308 behind ASMedia's ASM1083 and ASM1085.</summary>
public sealed class OhciCycleTimerTests
{
    private const ushort Asmedia = 0x1B21, Asm108x = 0x1080;
    private const int FarBus = 1;

    [Theory]
    [InlineData("vt6306", Asmedia, Asm108x, true)]
    [InlineData("vt6308", Asmedia, Asm108x, true)]
    [InlineData("vt6308", Asmedia, 0x1187, false)]
    [InlineData("vt6308", 0x1B36, Asm108x, false)]
    [InlineData("fw643", Asmedia, Asm108x, false)]
    public void It_is_left_alone_behind_a_bridge_where_it_resets_the_computer(string card, ushort vendor, ushort device, bool isLeftAlone)
    {
        ControllerFunction.Maker = (found, memory, guid) => new Watched(found, memory, guid);
        try
        {
            using var machine = new OhciMachine(card: card);
            machine.Pci.Host.Root.Plug(0, 0, Pci.PciMachine.HostBridge());
            machine.Pci.Host.Root.Plug(1, 0, new SimulatedBridge(vendor, device)).Below.Plug(0, 0, machine.Function);
            machine.Pci.Host.NumberBuses();
            PciFunction function = Assert.Single(machine.Pci.Scan().Functions.ToArray(), found => found.Address.Bus == FarBus);
            function.AttachDma(machine.Dma.System.NewDevice("01:00.0"u8, machine.Dma.Kind.Bounced));
            Assert.Equal(Error.None, Ohci.Probe(function, out Driver? probed));
            var driver = (Ohci)probed!;
            machine.Pass(500_000);
            Assert.True(driver.Bus.IsUp);
            uint last = driver.CycleTime;
            for (int i = 0; i < 100; i++)
            {
                machine.Pass(20_000, 10_000);
                uint cycles = Cycles(driver.CycleTime) - Cycles(last);
                // Three reads, and what passes meanwhile.
                Assert.InRange(cycles, 160u, 170u);
                last = driver.CycleTime;
            }
            Assert.Equal(isLeftAlone, ((Watched)machine.Function).TimerReads == 0);
            driver.Quiesce();
        }
        finally
        {
            ControllerFunction.Maker = null;
        }
    }

    [Theory]
    [InlineData(0ul, 0u, 0u, 0u)]
    [InlineData(124ul, 0u, 0u, 3047u)]
    [InlineData(125ul, 0u, 1u, 0u)]
    [InlineData(999_999ul, 0u, 7999u, 3047u)]
    [InlineData(127_000_000ul, 127u, 0u, 0u)]
    [InlineData(128_000_001ul, 0u, 0u, 24u)]
    public void Time_is_shown_as_the_timer_would(ulong microseconds, uint seconds, uint cycles, uint offset) =>
        Assert.Equal(seconds << 25 | cycles << 12 | offset, Sluice.FireWire.Core.CycleMath.TimerAt(microseconds));

    private static uint Cycles(uint time) => (time >> 25) * 8000 + (time >> 12 & 0x1FFF);

    private sealed class Watched(OhciCard card, IDeviceMemory memory, ulong guid) : OhciFunction(card, memory, guid)
    {
        public int TimerReads { get; private set; }

        public override ulong ReadBar(int bar, uint offset, int bytes)
        {
            TimerReads += offset == OhciRegister.CycleTimer ? 1 : 0;
            return base.ReadBar(bar, offset, bytes);
        }
    }
}
