using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.FireWire.Hostile;
using Sluice.FireWire.Tool;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>Linux and a hostile node on one bus: Linux may complain, the model lives, and what is good works when the other is gone.</summary>
public sealed class HostileTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(8);

    [Theory]
    [InlineData("q35", 1, "on", 1)]
    [InlineData("pc", 2, "off", 2)]
    public async Task Linux_and_the_model_survive_all_scripts(string machine, int cpus, string msi, ulong seed)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "make test-firewire-model and make test-all run this");
        const int count = 334;
        string? whyNot = LinuxGuest.WhyNot("hostile-init");
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string socket = Path.Combine(folder.FullName, "controller");
            using var model = new Sluice.FireWire.Tool.Model(Options.Parse(
            [
                "--controller", $"{socket},name=host,msi={msi}", "--node", "memory,name=memory,guid=0x52540066778899aa",
                "--node", "echo,name=echo,guid=0x52540066778899bb", "--node", "hostile,name=hostile,script=all,guid=0x52540066778899cc", "--seed", $"{seed}",
                "--cable", "host-memory",
            ]), _ => { });
            using LinuxGuest guest = LinuxGuest.Start(socket, ["-machine", $"{machine},accel=tcg", "-cpu", "max", "-smp", $"{cpus}"], $"count={count}", "hostile-init");
            Assert.True(await guest.SeesAsync("found", _patience), guest.Said);
            var hostile = (HostileNode)model.Bus.Phys[3].Link!;
            // Later, as Linux 6.1 stops at a null pointer if the first topology that it ever sees is none.
            model.Do(() => model.Bus.Connect(model.Bus.Phys[1], model.Bus.Phys[3]));
            int all = HostileNode.Names.Count(), played = hostile.Plays;
            var watch = Stopwatch.StartNew();
            while (hostile.Plays < played + all + 1 && watch.Elapsed < _patience)
                await Task.Delay(200, TestContext.Current.CancellationToken);
            Assert.True(hostile.Plays > played + all, $"{hostile.Plays} plays of {all}");
            model.Do(() =>
            {
                model.Bus.Disconnect(model.Bus.Phys[3]);
                model.Bus.Connect(model.Bus.Phys[1], model.Bus.Phys[2]);
            });
            Assert.True(await guest.SeesAsync("done", _patience), guest.Said);
            string[] results = [.. guest.Results];
            foreach (string kind in (string[])["ok echo", "ok memory", $"ok quadlets {count}", $"ok blocks {count}", $"ok locks {count}"])
                Assert.True(results.Any(line => line.StartsWith(kind, StringComparison.Ordinal)), $"'{kind}' is missing:\n{guest.Said}");
            // Nothing of Linux's was read, and the controller asked for no memory that is not there.
            Assert.Equal((0L, 0L), (hostile.Gained, model.Devices[0].Memory.Refused));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
