using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.FireWire.Tool;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>The model judged by the test program of libraw1394: transactions, locks, FCP, isochronous packets both ways.</summary>
public sealed class LibrawTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData("q35", 1, "on")]
    [InlineData("pc", 2, "off")]
    public async Task Testlibraw_passes(string machine, int cpus, string msi)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "make test-firewire-model and make test-all run this");
        string? whyNot = LinuxGuest.WhyNot("libraw-init");
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string socket = Path.Combine(folder.FullName, "controller");
            using var model = new Sluice.FireWire.Tool.Model(
                Options.Parse(["--controller", $"{socket},name=host,msi={msi}", "--node", "memory,name=memory", "--bus-speed", "0.5"]), _ => { });
            using LinuxGuest guest = LinuxGuest.Start(socket, ["-machine", $"{machine},accel=tcg", "-cpu", "max", "-smp", $"{cpus}"], "", "libraw-init");
            Assert.True(await guest.SeesAsync("done", _patience), guest.Said);
            string[] results = [.. guest.Results];
            Assert.Contains("status 0", results);
            // This call has no counterpart in today's Linux, so libraw1394 refuses it.
            Assert.DoesNotContain(results, line => line.Contains("failed", StringComparison.Ordinal) && !line.Contains("raw1394_update_config_rom failed with error: Function not", StringComparison.Ordinal));
            foreach (string step in (string[])["2 nodes on bus, local ID is 1, IRM is 1", "got fcp command from node 1 of 8 bytes: 01 23 45 67 89 ab cd ef",
                "got fcp response from node 1 of 8 bytes: 01 23 45 67 89 ab cd ef", "topology map: 2 nodes, 2 self ids", "unit '0x58595a:0x616263' removed", "raw1394_loop_iterate() returned 0xdeadbeef"])
                Assert.True(results.Any(line => line.Contains(step, StringComparison.Ordinal)), $"'{step}' is missing:\n{guest.Said}");
            Assert.Equal(4, results.Count(line => line.Contains("completed with value 0x", StringComparison.Ordinal)));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
