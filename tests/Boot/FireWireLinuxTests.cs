using System;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.FireWire.Tool;
using Sluice.Tests.Boot.Harness;
using Sluice.Tests.FireWire.Linux;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>Sluice and Linux on one FireWire bus, each in a QEMU of its own.</summary>
public sealed class FireWireLinuxTests
{
    private const ulong Ours = 0x5254_0011_2233_4455, Linux = 0x5254_0066_7788_99AA, Memory = 0x5254_0066_7788_99BB;

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(8);

    /// <param name="isOursFirst">Who is on the bus first, and so, as a rule, its manager.</param>
    [Theory, InlineData(true), InlineData(false)]
    public async Task Each_sees_the_other_and_they_agree_on_the_bus(bool isOursFirst)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "make test-firewire-linux and make test-all run this");
        string? whyNot = LinuxGuest.WhyNot("shape-init");
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string[] sockets = [Path.Combine(folder.FullName, "ours"), Path.Combine(folder.FullName, "linux")];
            using var model = new Model(Options.Parse(
            [
                "--controller", $"{sockets[0]},name=ours,guid=0x{Ours:x}", "--controller", $"{sockets[1]},name=linux,guid=0x{Linux:x}",
                "--node", $"memory,name=memory,guid=0x{Memory:x}", "--cable", "ours-memory", "--cable", "memory-linux",
            ]), _ => { });
            LinuxGuest? guest = isOursFirst ? null : Start();
            try
            {
                if (guest != null) Assert.True(await guest.SeesAsync("shape 2", _patience), guest.Said);
                await using Machine machine = await Machine.Start($"firewire-linux-{(isOursFirst ? "ours" : "linux")}-first", new MachineSetup
                {
                    SharesMemory = true,
                    Lifetime = TimeSpan.FromMinutes(20),
                    More = ["-device", $"{{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"{sockets[0]}\"}}}}"],
                });
                await machine.WaitForPrompt();
                if (isOursFirst) await Seen(machine, $"S400 {Memory:x16}");
                guest ??= Start();
                Assert.True(await guest.SeesAsync("shape 3", _patience), guest.Said);
                // What Linux says of the bus, when all three are there.
                string[] nodes = [.. guest.Results.Where(line => line.StartsWith("node ", StringComparison.Ordinal)).TakeLast(3)];
                Match us = Regex.Match(Assert.Single(nodes, line => line.StartsWith($"node {Ours:x16} ", StringComparison.Ordinal)), @"id (\d+) .*root (\d+) irm (\d+) bm (\d+)");
                Assert.True(us.Success, guest.Said);
                string tree = await Seen(machine, $"S400 {Linux:x16} Linux Firewire Juju");
                // Both name the same node as each other, as the root, and as the resource manager.
                Assert.Matches($@"(?m)^.*\b{us.Groups[1].Value} S400 us\b", tree);
                Assert.Matches($@"(?m)^.*\b{us.Groups[2].Value} S400 .*, root\b", tree);
                Assert.Matches($@"(?m)^.*\b{us.Groups[3].Value} S400 .*, resource manager\b", tree);
                int linux = int.Parse(Regex.Match(tree, $@"(\d+) S400 {Linux:x16}").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
                string rom = await machine.Shell($"fw read {linux} 0xfffff0000400 20");
                Assert.Matches($@"31333934 .*\b{Linux >> 32:x8}", rom);
                Assert.Contains("no such", await machine.Shell($"fw read {linux} 0xfffff0010000"));
                Assert.Matches(@"faults: self-IDs 0, trees 0, packets 0, descriptors 0, dead contexts 0, hangs 0, forgotten 0, resets 0,", await machine.Shell("fw stat"));
            }
            finally
            {
                guest?.Dispose();
            }

            LinuxGuest Start() => LinuxGuest.Start(sockets[1], LinuxGuest.Machine("q35", 1, false), isOursFirst ? "counts=3" : "counts=2,3", "shape-init");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<string> Seen(Machine machine, string what)
    {
        while (true)
        {
            string tree = await machine.Shell("fw");
            if (tree.Contains(what)) return tree;
            await machine.Pause(TimeSpan.FromMilliseconds(200));
        }
    }
}
