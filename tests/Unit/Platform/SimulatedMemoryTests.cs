using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Platform;

public sealed unsafe class SimulatedMemoryTests
{
    [Fact]
    public void Sixteen_tebibytes_cost_only_the_pages_that_are_written()
    {
        using var memory = new SimulatedMemory(16UL << 40);
        Assert.Equal(0u, memory.Touched);
        *PhysicalMemory.At(new PhysAddr((16UL << 40) - 1)) = 1;
        *PhysicalMemory.At(new PhysAddr(5UL << 40)) = 1;
        Assert.Equal(2 * PhysAddr.PageSize, memory.Touched);
    }

    [Fact]
    public void Addresses_and_pointers_name_the_same_bytes()
    {
        using var memory = new SimulatedMemory(1 << 20);
        var address = new PhysAddr(0x1234);
        Assert.Equal(address, PhysicalMemory.Of(PhysicalMemory.At(address)));
        Assert.Throws<BugException>(() => PhysicalMemory.At(new PhysAddr(1 << 20)));
        Assert.Throws<BugException>(() => PhysicalMemory.Of(memory.Base - 1));
    }
}
