using System.Linq;
using Sluice.Devices;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Platform;

/// <summary>The bus of simulated devices.</summary>
public sealed unsafe class DeviceMemoryTests
{
    [Fact]
    public void Devices_reach_RAM_and_nothing_else()
    {
        using var memory = new SimulatedMemory(1 << 20);
        var ram = new DeviceRam(memory.Base, (0x1000, 0x2000), (0x8000, 0x1000));
        ram.Write(0x2FFF, [1]);
        ram.Write(0x8000, [2, 3]);
        Assert.Equal((1, 2, 3), (memory.Base[0x2FFF], memory.Base[0x8000], memory.Base[0x8001]));
        ram.Write(0x2FFF, [7, 7]);
        ram.Write(ulong.MaxValue, [7, 7]);
        Assert.Equal((1, 0), (memory.Base[0x2FFF], memory.Base[0x3000]));
        byte[] read = new byte[4];
        ram.Read(0xFFC, read);
        Assert.True(read.All(b => b == 0xFF));
        DeviceFault[] expected = [new(0x2FFF, 2, true), new(ulong.MaxValue, 2, true), new(0xFFC, 4, false)];
        Assert.Equal(expected, ram.Faults);
    }

    [Fact]
    public void A_narrow_bus_loses_the_upper_bits_and_wraps()
    {
        using var memory = new SimulatedMemory(32 << 20);
        var bus = new NarrowBus(new DeviceRam(memory.Base, (0, 32 << 20)), 24);
        bus.Write(0xAB_CD01_2345, [5]);
        Assert.Equal(5, memory.Base[0x1_2345]);
        bus.Write(0xFF_FFFE, [1, 2, 3, 4]);
        Assert.Equal((1, 2, 3, 4), (memory.Base[0xFF_FFFE], memory.Base[0xFF_FFFF], memory.Base[0], memory.Base[1]));
        byte[] read = new byte[4];
        bus.Read(0x1FF_FFFE, read);
        Assert.Equal(new byte[] { 1, 2, 3, 4 }, read);
        Assert.Equal(0, memory.Base[0x100_0000]);
    }
}
