using System;
using System.Linq;
using System.Threading.Tasks;
using Sluice.FireWire.Hostile;
using Sluice.FireWire.Tool;
using Sluice.Tests.Boot.Harness;
using Xunit;
using static Sluice.Tests.Boot.FireWireModelBus;

namespace Sluice.Tests.Boot;

/// <summary>A node that breaks the rules, on the bus of a running kernel.</summary>
public sealed class FireWireHostileTests
{
    private const ulong Theirs = 0x5254_0066_7788_99AA;

    [Theory]
    [InlineData("q35", 512, "dma=check", 1)]
    [InlineData("pc", 6144, "dma=bounce dma=check", 2)]
    public async Task All_scripts_of_a_hostile_node_are_survived_and_nothing_of_ours_is_read(string type, int mebibytes, string arguments, int seed)
    {
        using var bus = new FireWireModelBus(["host"],
            "--node", $"memory,name=memory,guid=0x{Theirs:x}", "--node", "hostile,name=hostile,script=all,play=400", "--seed", $"{seed}", "--cable", "host-memory");
        Model model = bus.Model;
        await using Machine machine = await Machine.Start($"firewire-hostile-{type}", new MachineSetup
        {
            Type = type,
            MemoryMiB = mebibytes,
            Arguments = arguments,
            SharesMemory = true,
            Lifetime = TimeSpan.FromMinutes(12),
            More = bus.Device("host"),
        });
        await machine.WaitForPrompt();
        await Seen(machine, $"S400 {Theirs:x16}");
        var hostile = (HostileNode)model.Bus.Phys[2].Link!;
        model.Do(() => model.Bus.Connect(model.Bus.Phys[1], model.Bus.Phys[2]));
        int all = HostileNode.Names.Count(), played = hostile.Plays;
        while (hostile.Plays <= played + all)
        {
            // It is there at any time, whatever goes on.
            Assert.Contains("ohci1394", await machine.Shell("fw"));
            await machine.Pause(TimeSpan.FromMilliseconds(500));
        }
        model.Do(() => model.Bus.Disconnect(model.Bus.Phys[2]));
        string tree = await Quiet(machine, $"S400 {Theirs:x16}");
        int node = NodeOf(tree, $"{Theirs:x16}");
        Assert.Contains("written", await machine.Shell($"fw write {NodeOf(tree, "us")} 0xfffff0000018 5"));
        Assert.Contains("1000 reads, 1000 writes, 1000 locks, all as they should be", await machine.Shell($"fw test {node}"));
        Assert.Equal(0L, hostile.Gained);
        Assert.Equal(0L, model.Devices[0].Memory.Refused);
        string statistics = await machine.Shell("fw stat");
        Assert.Contains("closed to all nodes", statistics);
        Assert.DoesNotContain("trees 0,", statistics);
        Assert.DoesNotContain("nobody's address 0;", statistics);
        // The checker has nothing to say of the driver.
        Assert.DoesNotContain("dma check: ", machine.Console.Replace("dma check: on", ""));
        Assert.DoesNotContain("given up", tree);
    }
}
