using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Tool;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>The model judged by software that nobody here wrote: Linux's own driver, and programs on its /dev/fw*.</summary>
public sealed class LinuxTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(4), _longPatience = TimeSpan.FromMinutes(20);

    private static bool IsWhole => Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1";

    [Fact]
    public Task Linux_takes_the_controller_finds_the_node_and_reads_writes_and_locks_its_memory() => Judge("q35", 1, "on", "S400", 300);

    /// <summary>The same for make test-firewire-model: 100,000 transactions a machine.</summary>
    [Theory]
    [InlineData("q35", 1, "off", "S400")]
    [InlineData("q35", 2, "on", "S800")]
    [InlineData("pc", 2, "off", "S100")]
    [InlineData("pc", 1, "on", "S200")]
    public async Task Other_machines_do_too(string machine, int cpus, string msi, string speed)
    {
        Assert.SkipUnless(IsWhole, "make test-firewire-model and make test-all run this");
        await Judge(machine, cpus, msi, speed, 33_400);
    }

    private static async Task Judge(string machine, int cpus, string msi, string speed, int count)
    {
        string? whyNot = LinuxGuest.WhyNot();
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string socket = Path.Combine(folder.FullName, "controller");
            Options options = Options.Parse(
            [
                "--controller", $"{socket},name=host,guid=0x5254001122334455,msi={msi},speed=S800",
                "--node", $"memory,name=memory,guid=0x52540066778899aa,speed={speed}",
            ]);
            using var model = new Sluice.FireWire.Tool.Model(options, _ => { });
            using LinuxGuest guest = LinuxGuest.Start(socket, ["-machine", $"{machine},accel=tcg", "-cpu", "max", "-smp", $"{cpus}"], $"count={count}");
            TimeSpan patience = count > 1000 ? _longPatience : _patience;
            Assert.True(await guest.SeesAsync("unplug", patience), guest.Said);
            Assert.True(model.Devices[0].Interrupt.UsesMessages == (msi == "on"), $"messages in use: {model.Devices[0].Interrupt.UsesMessages}");
            model.Do(() => model.Bus.Disconnect(model.Bus.Phys[1]));
            Assert.True(await guest.SeesAsync("plug", patience), guest.Said);
            model.Do(() => model.Bus.Connect(model.Bus.Phys[0], model.Bus.Phys[1]));
            Assert.True(await guest.SeesAsync("done", patience), guest.Said);

            string[] results = [.. guest.Results];
            Assert.Contains("device fw0 0x5254001122334455", results);
            Assert.Contains("device fw1 0x52540066778899aa", results);
            foreach (string kind in (string[])[$"ok quadlets {count}", $"ok blocks {count}", $"ok locks {count}", "ok beyond", "ok whole", "ok gone", "ok back"])
                Assert.True(results.Any(line => line.StartsWith(kind, StringComparison.Ordinal)), $"'{kind}' is missing:\n{guest.Said}");
            Assert.DoesNotContain(results, line => line.StartsWith("not ok", StringComparison.Ordinal));
            // What the driver says of speeds and of the bus.
            Assert.Contains(results, line => line.Contains("created device fw0: GUID 5254001122334455, S800", StringComparison.Ordinal));
            Assert.Contains(results, line => line.Contains($"created device fw1: GUID 52540066778899aa, {speed}", StringComparison.Ordinal));
            Assert.DoesNotContain(results, line => line.Contains("error", StringComparison.OrdinalIgnoreCase) || line.Contains("failed", StringComparison.OrdinalIgnoreCase));
            // Its own node can be the root, and is, as it is cycle master.
            Assert.True(model.Bus.Phys[0].IsRoot);
            Assert.Equal(0, model.Devices[0].Memory.Refused);
            Assert.NotEqual(0, ((MemoryNode)model.Bus.Phys[1].Link!).Served);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
