using System;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Sluice.Tests.FireWire.Linux;
using Xunit;
using static Sluice.Tests.Boot.FireWireModelBus;

namespace Sluice.Tests.Boot;

/// <summary>Sluice and Linux on one FireWire bus, each in a QEMU of its own.</summary>
public sealed class FireWireLinuxTests
{
    private const ulong Ours = FireWireLinuxBus.Ours, Linux = FireWireLinuxBus.Theirs, Memory = 0x5254_0066_7788_99BB;

    /// <param name="isOursFirst">Who is on the bus first, and so, as a rule, its manager.</param>
    [Theory, InlineData(true), InlineData(false)]
    public async Task Each_sees_the_other_and_they_agree_on_the_bus(bool isOursFirst)
    {
        FireWireLinuxBus.SkipUnlessPossible("shape-init");
        using var bus = new FireWireLinuxBus(more: ["--node", $"memory,name=memory,guid=0x{Memory:x}", "--cable", "ours-memory", "--cable", "memory-linux"]);
        LinuxGuest? early = isOursFirst ? null : await bus.StartLinux("shape-init", "counts=2,3", "shape 2");
        await using Machine machine = await bus.StartOurs($"firewire-linux-{(isOursFirst ? "ours" : "linux")}-first");
        if (isOursFirst) await Seen(machine, $"S400 {Memory:x16}");
        LinuxGuest guest = early ?? await bus.StartLinux("shape-init", "counts=3", "shape 3");
        if (early != null) Assert.True(await guest.SeesAsync("shape 3", FireWireLinuxBus.Patience), guest.Said);
        // What Linux says of the bus, when all three are there.
        string[] nodes = [.. guest.Results.Where(line => line.StartsWith("node ", StringComparison.Ordinal)).TakeLast(3)];
        Match us = Regex.Match(Assert.Single(nodes, line => line.StartsWith($"node {Ours:x16} ", StringComparison.Ordinal)), @"id (\d+) .*root (\d+) irm (\d+) bm (\d+)");
        Assert.True(us.Success, guest.Said);
        string tree = await Seen(machine, $"S400 {Linux:x16} Linux Firewire Juju");
        // Both name the same node as each other, as the root, and as the resource manager.
        Assert.Equal(us.Groups[1].Value, $"{NodeOf(tree, "us")}");
        Assert.Equal(us.Groups[2].Value, $"{NodeIn(tree, "root")}");
        Assert.Equal(us.Groups[3].Value, $"{NodeIn(tree, "resource manager")}");
        int linux = NodeOf(tree, $"{Linux:x16}");
        Assert.Matches($@"31333934 .*\b{Linux >> 32:x8}", await machine.Shell($"fw read {linux} 0xfffff0000400 20"));
        Assert.Contains("no such", await machine.Shell($"fw read {linux} 0xfffff0010000"));
        Assert.Matches(@"faults: self-IDs 0, trees 0, packets 0, descriptors 0, dead contexts 0, hangs 0, forgotten 0, resets 0,", await machine.Shell("fw stat"));
    }
}
