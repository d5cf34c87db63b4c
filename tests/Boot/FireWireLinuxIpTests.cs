using System;
using System.Linq;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Sluice.Tests.FireWire.Linux;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>IPv4 between Sluice and Linux's firewire-net on one FireWire bus, each in a QEMU of its own.</summary>
public sealed class FireWireLinuxIpTests
{
    private const int Most = 4000;

    [Theory]
    [InlineData("S400")]
    [InlineData("S100")]
    public async Task Pings_of_all_sizes_go_both_ways(string speed)
    {
        FireWireLinuxBus.SkipUnlessPossible("sluice-net-init");
        using var bus = new FireWireLinuxBus(speed);
        await using Machine machine = await bus.StartOurs($"firewire-linux-ip-{speed}", "net=10.1.2.1/24", "-nic", "none");
        LinuxGuest guest = await bus.StartLinux("sluice-net-init", $"most={Most}", "done");
        Assert.Contains("reached", guest.Results);
        Assert.True(guest.Results.Contains($"pings {Most + 1} lost 0"), $"{guest.Said}\n{await machine.Shell("fw stat")}\n{await machine.Shell("net")}");
        Assert.Matches($"(?m)^  0 to {Most} bytes to 10.1.2.2 by ip1394 .*\n  {Most + 1} sent, {Most + 1} came back, 0 lost, 0 with other bytes", await machine.Shell($"ping 10.1.2.2 {Most + 1} 0-{Most}"));
        Assert.Matches(@"fragments sent [1-9]\d*, received [1-9]\d*, reassembled [1-9]\d*; not taken 0,", await Clean(bus, machine));
    }

    /// <summary>From a server that is not ours. At S100 each of its blocks comes in fragments.</summary>
    [Theory]
    [InlineData("S400")]
    [InlineData("S100")]
    public async Task A_file_comes_by_TFTP(string speed)
    {
        FireWireLinuxBus.SkipUnlessPossible("sluice-net-init");
        byte[] file = new byte[200_000];
        new Random(1).NextBytes(file);
        using var bus = new FireWireLinuxBus(speed);
        await using Machine machine = await bus.StartOurs($"firewire-linux-tftp-{speed}", "net=10.1.2.1/24", "-nic", "none");
        LinuxGuest guest = await bus.StartLinux("sluice-net-init", says: "done", file: file);
        Assert.Contains("serving", guest.Results);
        string fetched = await machine.Shell("tftp 10.1.2.2 file");
        Assert.True(fetched.Contains($"file: {file.Length} bytes in "), $"{fetched}\n{guest.Said}\n{await machine.Shell("fw stat")}\n{await machine.Shell("net")}");
        Assert.Contains($"SHA-256 {Convert.ToHexStringLower(SHA256.HashData(file))}", fetched);
        Assert.Contains("the server says", await machine.Shell("tftp 10.1.2.2 nothing"));
        string counters = await Clean(bus, machine);
        // 141 blocks.
        Assert.Matches(speed == "S100" ? @"received [1-9]\d{2,}, reassembled [1-9]\d{2,};" : "received 0, reassembled 0;", counters);
    }

    // Neither side has lost anything, as far as our counters tell; those.
    private static async Task<string> Clean(FireWireLinuxBus bus, Machine machine)
    {
        string net = await machine.Shell("net"), counters = await machine.Shell("fw stat");
        Assert.Matches(@"ip1394 .*, link up, \d+ Mb/s", net);
        Assert.Matches(@"neighbour 10\.1\.2\.2 at 02:", net);
        // Linux also says things in IPv6, which has another version in the GASP header (RFC 3146).
        Assert.Matches(@"IPv4 dropped: length 0, type 0, GASP \d+, source \d+, broadcast 0, address 0, ARP 0, of another 0, reach 0", counters);
        Assert.Matches(@"IPv4 fragments: bad 0, overlapping 0, size 0, scattered 0, incomplete 0, pushed out 0", counters);
        foreach (var device in bus.Model.Devices)
            Assert.Equal(0, device.Memory.Refused);
        return counters;
    }
}
