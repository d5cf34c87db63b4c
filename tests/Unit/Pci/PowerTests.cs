using Sluice.Devices.Pci;
using Sluice.Pci;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Pci;

/// <summary>Functions that somebody switched off. Source: PCI Power Management 1.2, sections 3.2.4 and 5.4.1.</summary>
public sealed class PowerTests
{
    private const ulong At = 0xFE00_0000;

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(3, false)]
    [InlineData(3, true)]
    public void A_function_that_sleeps_is_woken_and_decodes_where_it_did(uint state, bool keepsHeader)
    {
        using var machine = new PciMachine();
        using var clock = new SimulatedClock();
        var device = new Sleeper(state, keepsHeader);
        PciFunction function = machine.ScanFor(device);
        Assert.True(function.TryMapBar(0, 0x1000, out Mmio registers));
        ulong before = clock.ElapsedMicroseconds;
        Assert.Equal(Error.None, function.EnableMemory());
        Assert.Equal((0u, At, true), (device.State, device.AddressOf(0), device.HasPendingEvent));
        Assert.Equal(state == 0, clock.ElapsedMicroseconds - before < 10_000);
        registers.Write32(0x10, 7);
        Assert.Equal(7u, registers.Read32(0x10));
        Assert.Equal(Error.None, function.EnableMemoryAndBusMaster());
        Assert.Equal((5, Line), (function.InterruptLineRegister, device.Get(0x3C, 1)));
        Assert.Empty(device.Violations);
    }

    private const uint Line = 5;

    // It forgets its header on the way from D3 to D0, unless it says that it does not.
    private sealed class Sleeper : SimulatedFunction
    {
        private const ushort StateBits = 3, NoSoftReset = 1 << 3, Event = 1 << 15;

        private readonly int _control;
        private readonly bool _keepsHeader;

        public Sleeper(uint state, bool keepsHeader) : base(0x1234, 0x5678, 0x0C_0010)
        {
            _keepsHeader = keepsHeader;
            WithBar(0, BarShape.Memory32, 0x1000, At);
            WithPin(1, (byte)Line);
            _control = AddCapability(0x01, new byte[6]) + 4;
            Set(_control, state | (keepsHeader ? NoSoftReset : 0u) | Event, 2);
        }

        public uint State => Get(_control, 2) & StateBits;

        public bool HasPendingEvent => (Get(_control, 2) & Event) != 0;

        public override void WriteConfiguration(int offset, int bytes, uint value)
        {
            if (offset != _control)
            {
                base.WriteConfiguration(offset, bytes, value);
                return;
            }
            uint before = Get(_control, 2);
            Set(_control, before & ~(uint)(StateBits | value & Event) | value & StateBits, 2);
            if ((before & StateBits) != 3 || (value & StateBits) != 0 || _keepsHeader)
                return;
            Set(4, 0, 2);
            Set(0x10, 0, 4);
            Set(0x3C, 0, 1);
        }

        public override ulong ReadBar(int bar, uint offset, int bytes) => State == 0 ? base.ReadBar(bar, offset, bytes) : uint.MaxValue;

        public override void WriteBar(int bar, uint offset, int bytes, ulong value)
        {
            if (State == 0)
                base.WriteBar(bar, offset, bytes, value);
        }
    }
}
