using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>The stack on real drivers: QEMU's user network, and Linux's own stack behind a tap device.</summary>
public sealed class NetworkTests
{
    private const string Gateway = "10.0.2.2";
    private const int FileBytes = 16 << 20;

    // Numbers that both sides know: sizes of echoes with IPv4's and ICMP's headers, 28 bytes.
    private static readonly int[] _fastSizes = [28, 29, 60, 61, 128, 500, 1024, 1499, 1500];

    private static readonly bool _all = Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1";

    [Theory]
    [InlineData("e1000e", "")]
    [InlineData("e1000e", "dma=bounce")]
    [InlineData("i82557b", "")]
    [InlineData("i82557b", "dma=bounce")]
    public async Task An_address_comes_by_DHCP_and_a_file_by_TFTP(string card, string arguments)
    {
        string folder = Directory.CreateTempSubdirectory("sluice-tftp").FullName;
        try
        {
            byte[] file = new byte[FileBytes];
            new Random(1).NextBytes(file);
            await File.WriteAllBytesAsync(Path.Combine(folder, "file"), file, TestContext.Current.CancellationToken);
            string name = $"network-{card}{arguments.Replace("=", "-")}";
            string capture = Path.Combine(ProjectTree.Out, "boot", name + ".pcap");
            await using (Machine machine = await Machine.Start(name, new MachineSetup
            {
                Arguments = $"{arguments} log=info".Trim(),
                Lifetime = TimeSpan.FromMinutes(10),
                More = ["-netdev", $"user,id=a,tftp={folder}", "-device", $"{card},netdev=a", "-object", $"filter-dump,id=dump,netdev=a,file={capture}"],
            }))
            {
                await machine.WaitForPrompt();
                await machine.WaitForConsole("by DHCP");
                string net = await machine.Shell("net");
                Assert.Matches(@"address 10\.0\.2\.15/24, gateway 10\.0\.2\.2", net);
                Assert.Matches(@"lease from 10\.0\.2\.2, bound", net);
                Assert.Contains("4 sent, 4 came back, 0 lost, 0 with other bytes", await machine.Shell($"ping {Gateway}"));
                Assert.Contains("200 sent, 200 came back, 0 lost, 0 with other bytes", await machine.Shell($"ping {Gateway} 200 1400"));
                string fetched = await machine.Shell($"tftp {Gateway} file");
                Assert.Contains($"file: {FileBytes} bytes in ", fetched);
                Assert.Contains($"SHA-256 {Convert.ToHexStringLower(SHA256.HashData(file))}", fetched);
                Assert.Contains("the server says", await machine.Shell($"tftp {Gateway} nothing"));
                Assert.Contains("no IPv4 address", await machine.Shell("ping nobody"));
                Assert.Contains("packets go to the results channel", await machine.Shell("pcap on"));
                await machine.Shell($"ping {Gateway} 3 100");
                Assert.Matches(@"[1-9]\d* packets were recorded, 0 had no room", await machine.Shell("pcap off"));
                await Readable(await Recorded(machine), 6);
            }
            await Readable(capture, 2 * FileBytes / 1428);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("e1000e", "")]
    [InlineData("e1000e", "dma=bounce")]
    [InlineData("i82557b", "")]
    [InlineData("i82557b", "dma=bounce")]
    public async Task Linux_pings_finds_and_is_echoed(string card, string arguments)
    {
        (PeerNetwork? found, string why) = await PeerNetwork.TryStart();
        Assert.SkipWhen(found == null, why);
        await using PeerNetwork peer = found!;
        foreach (string tool in (string[])["ping", "arping"])
            Assert.SkipUnless(PeerNetwork.Has(tool), $"{tool} is missing: iso/setup.sh network gets it");
        await using Machine machine = await Machine.Start($"linux-{card}{arguments.Replace("=", "-")}", new MachineSetup
        {
            Arguments = $"{arguments} net={PeerNetwork.There}/24,gateway:{PeerNetwork.Here}".Trim(),
            Lifetime = _all ? TimeSpan.FromMinutes(20) : TimeSpan.FromMinutes(8),
            Wrapper = peer.Enter,
            More = ["-netdev", "tap,id=a,ifname=tap0,script=no,downscript=no", "-device", $"{card},netdev=a"],
        });
        await machine.WaitForPrompt();
        await machine.Shell("udpecho 7");
        (int status, string output) = await peer.Run(TimeSpan.FromMinutes(1), "arping", "-c", "3", "-I", "tap0", PeerNetwork.There);
        Assert.True(status == 0 && output.Contains("Received 3 response"), output);
        foreach (int size in await Sizes(machine))
        {
            // Not faster than a loaded machine's QEMU takes them: each must come back, with the right bytes.
            int count = _all ? 500 : 50;
            (status, output) = await peer.Run(TimeSpan.FromMinutes(5), "ping", "-f", "-q", "-c", $"{count}", "-W", "5", "-M", "do", "-s", $"{size - 28}", PeerNetwork.There);
            Assert.True(status == 0 && output.Contains($"{count} received") && !output.Contains("wrong data"), $"size {size}: {output}");
        }
        Assert.Contains("4 sent, 4 came back, 0 lost, 0 with other bytes", await machine.Shell($"ping {PeerNetwork.Here} 4 1472"));
        string soak = await Soak(peer, _all ? 600 : 10);
        Assert.Matches(@"soak: [1-9]\d{2,} datagrams", soak);
        string net = await machine.Shell("net");
        Assert.DoesNotMatch(@"(?m)^ +\d+ +(IPv4: wrong|UDP: wrong|ICMP: wrong|.*too short)", net);
        Assert.Contains("datagrams were echoed", await machine.Shell("udpecho 7"));
    }

    /// <summary>The other side of the soak: runs in the namespace, by another process that runs this test alone.</summary>
    [Fact(Explicit = true)]
    public void Echoed_datagrams_are_the_same()
    {
        string? seconds = Environment.GetEnvironmentVariable("SLUICE_SOAK");
        Assert.SkipWhen(seconds == null, "only as the other side of a soak");
        UdpSoak.Result result = UdpSoak.Run(PeerNetwork.There, 7, TimeSpan.FromSeconds(int.Parse(seconds!, CultureInfo.InvariantCulture)), seed: 1);
        System.Console.WriteLine($"soak: {result.Sent} datagrams, {result.Lost} lost");
        Assert.True(result.Lost * 100 <= result.Sent, $"{result.Lost} of {result.Sent} lost");
    }

    private static async Task<string> Soak(PeerNetwork peer, int seconds)
    {
        (int status, string output) = await peer.Run(TimeSpan.FromSeconds(seconds + 120), "env", $"SLUICE_SOAK={seconds}", "dotnet", "exec", typeof(NetworkTests).Assembly.Location,
            "-explicit", "only", "-method", $"{typeof(NetworkTests).FullName}.{nameof(Echoed_datagrams_are_the_same)}", "-showLiveOutput");
        return status == 0 ? output : throw new IOException($"the soak failed:\n{output}");
    }

    // What the card carries: up to 1,500 bytes, and to 9,000 where it can.
    private static async Task<int[]> Sizes(Machine machine)
    {
        Match most = Regex.Match(await machine.Shell("ping 10.77.0.1 1 65535"), @"carries at most (\d+) bytes");
        int longest = int.Parse(most.Groups[1].Value, CultureInfo.InvariantCulture) + 28;
        int[] sizes = [.. _fastSizes, 1501, 2048, 4096, 4097, 8191, 9000];
        return [.. sizes.Where(size => size <= longest)];
    }

    // The file that iso/pcap.sh makes of what the machine recorded.
    private static async Task<string> Recorded(Machine machine)
    {
        string file = Path.Combine(machine.Folder, "recorded.pcap");
        await Tool.Succeed("bash", "-c", $"iso/pcap.sh '{Path.Combine(machine.Folder, "results.ktap")}' >'{file}'");
        return file;
    }

    // tshark finds so many packets at least, and none that is malformed, cut short, or has a wrong IPv4 checksum.
    private static async Task Readable(string capture, int least)
    {
        Assert.SkipUnless(PeerNetwork.Has("tshark"), "tshark is missing: iso/setup.sh network gets it");
        string all = await Tool.Succeed("tshark", "-r", capture, "-T", "fields", "-e", "frame.number");
        Assert.InRange(all.Split('\n').Count(line => line.Length != 0 && char.IsDigit(line[0])), least, int.MaxValue);
        string bad = await Tool.Succeed("tshark", "-r", capture, "-o", "ip.check_checksum:TRUE", "-Y", "_ws.malformed || _ws.short || ip.checksum.status == 0", "-T", "fields", "-e", "frame.number");
        Assert.DoesNotMatch(@"(?m)^\d", bad);
    }
}
