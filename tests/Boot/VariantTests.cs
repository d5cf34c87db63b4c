using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>The kernel's self-tests on machines that differ from the plain one in one thing: something missing, or a lot of something.</summary>
public sealed class VariantTests
{
    private static readonly Dictionary<string, MachineSetup> _machines = new()
    {
        ["no-acpi"] = new() { Type = "pc,acpi=off" },
        ["no-serial"] = new() { Serial = false },
        ["no-debug-console"] = new() { DebugConsole = false },
        ["no-ps2"] = new() { Type = "q35,i8042=off" },
        ["no-hpet"] = new() { Type = "q35,hpet=off" },
        ["no-screen"] = new() { More = ["-vga", "none"] },
        ["many-cards"] = new() { Type = "pc", More = [.. Enumerable.Range(0, 24).SelectMany(i => Device($"e1000,addr={3 + i:x}"))] },
        ["other-screen"] = new() { More = ["-vga", "cirrus"] },
        ["two-cpus"] = new() { Cpu = "max", More = ["-smp", "2"] },
        ["many-cpus"] = new() { More = ["-smp", "8,sockets=2,cores=2,threads=2"] },
        ["two-nodes"] = new()
        {
            MemoryMiB = 1024,
            More =
            [
                "-object", MachineSetup.LazyMemory("near", 640), "-object", MachineSetup.LazyMemory("far", 384),
                "-numa", "node,memdev=near", "-numa", "node,memdev=far",
            ],
        },
        ["ports-and-bridges"] = new()
        {
            More =
            [
                .. Device("pcie-root-port,id=slot1,chassis=1,slot=1"), .. Device("e1000e,bus=slot1"),
                .. Device("pcie-root-port,id=slot2,chassis=1,slot=2"), .. Device("pcie-pci-bridge,id=old,bus=slot2"), .. Device("edu,bus=old,addr=1"),
                .. Device("pci-bridge,id=older,bus=old,chassis_nr=3,addr=2"), .. Device("i82557b,bus=older,addr=1"),
                .. Device("pcie-root-port,id=slot3,chassis=1,slot=3"),
            ],
        },
        ["functions-and-bars"] = new()
        {
            More =
            [
                .. Device("e1000e,addr=5.0,multifunction=on"), .. Device("pci-testdev,addr=5.3,membar=4G"), .. Device("edu,addr=5.7"), .. Device("ivshmem-plain,memdev=big,addr=6"),
                "-object", "memory-backend-ram,id=big,size=1G,share=on",
            ],
        },
        ["low-hole"] = new() { Type = "pc,max-ram-below-4g=1G", MemoryMiB = 3 * 1024 },
        ["no-apic"] = new() { Type = "pc", Cpu = "qemu64,apic=off" },
        ["x2apic"] = new() { Cpu = "max", Arguments = "apic=msr" },
        ["iommu"] = new() { More = Device("intel-iommu") },
        ["instructions-as-time"] = new() { CountInstructions = true },
        ["dma-checked"] = new() { MemoryMiB = 6 * 1024, Arguments = "dma=check", More = Device("edu") },
        ["24-MiB"] = new() { MemoryMiB = 24 },
        ["64-GiB"] = new() { MemoryMiB = 64 * 1024 },
    };

    public static IEnumerable<TheoryDataRow<string>> Machines => _machines.Keys.Select(name => new TheoryDataRow<string>(name));

    [Theory, MemberData(nameof(Machines))]
    public Task Tests_itself(string machine) => SelfTestRun.Check("variant-" + machine, _machines[machine]);

    private static string[] Device(string description) => ["-device", description];
}
