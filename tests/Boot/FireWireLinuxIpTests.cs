using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.FireWire.Tool;
using Sluice.Tests.Boot.Harness;
using Sluice.Tests.FireWire.Linux;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>IPv4 between Sluice and Linux's firewire-net on one FireWire bus, each in a QEMU of its own.</summary>
public sealed class FireWireLinuxIpTests
{
    private const int Most = 4000;

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(15);

    [Theory]
    [InlineData("S400")]
    [InlineData("S100")]
    public async Task Pings_of_all_sizes_go_both_ways(string speed)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "make test-firewire-linux and make test-all run this");
        string? whyNot = LinuxGuest.WhyNot("sluice-net-init");
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string[] sockets = [Path.Combine(folder.FullName, "ours"), Path.Combine(folder.FullName, "linux")];
            using var model = new Model(Options.Parse(["--controller", $"{sockets[0]},name=ours,speed={speed}", "--controller", $"{sockets[1]},name=linux,speed={speed}"]), _ => { });
            await using Machine machine = await Machine.Start($"firewire-linux-ip-{speed}", new MachineSetup
            {
                SharesMemory = true,
                Arguments = "net=10.1.2.1/24",
                Lifetime = TimeSpan.FromMinutes(40),
                More = ["-nic", "none", "-device", $"{{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"{sockets[0]}\"}}}}"],
            });
            await machine.WaitForPrompt();
            using LinuxGuest guest = LinuxGuest.Start(sockets[1], LinuxGuest.Machine("q35", 1, false), $"most={Most}", "sluice-net-init");
            Assert.True(await guest.SeesAsync("done", _patience), guest.Said);
            Assert.Contains("reached", guest.Results);
            Assert.True(guest.Results.Contains($"pings {Most + 1} lost 0"), $"{guest.Said}\n{await machine.Shell("fw stat")}\n{await machine.Shell("net")}");
            Assert.Matches($"(?m)^  0 to {Most} bytes to 10.1.2.2 by ip1394 .*\n  {Most + 1} sent, {Most + 1} came back, 0 lost, 0 with other bytes", await machine.Shell($"ping 10.1.2.2 {Most + 1} 0-{Most}"));
            string net = await machine.Shell("net"), counters = await machine.Shell("fw stat");
            Assert.Matches(@"ip1394 .*, link up, \d+ Mb/s", net);
            Assert.Matches(@"neighbour 10\.1\.2\.2 at 02:", net);
            Assert.Matches(@"fragments sent [1-9]\d*, received [1-9]\d*, reassembled [1-9]\d*; not taken 0,", counters);
            // Linux also says things in IPv6, which has another version in the GASP header (RFC 3146).
            Assert.Matches(@"IPv4 dropped: length 0, type 0, GASP \d+, source \d+, broadcast 0, address 0, ARP 0, of another 0, reach 0", counters);
            Assert.Matches(@"IPv4 fragments: bad 0, overlapping 0, size 0, scattered 0, incomplete 0, pushed out 0", counters);
            foreach (var device in model.Devices)
                Assert.Equal(0, device.Memory.Refused);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
