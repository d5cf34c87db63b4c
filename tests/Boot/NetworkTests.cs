using System;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>The stack on real drivers: QEMU's user network.</summary>
public sealed class NetworkTests
{
    private const string Gateway = "10.0.2.2";
    private const int FileBytes = 16 << 20;

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
                await Readable(await Recorded(machine), 6, "icmp");
            }
            await Readable(capture, 2 * FileBytes / 1428, "arp", "dhcp", "icmp", "tftp");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_line_of_the_log_leaves_what_is_being_typed_whole()
    {
        await using Machine machine = await Machine.Start("network-typing", new MachineSetup
        {
            Arguments = "log=info",
            More = ["-netdev", "user,id=a", "-device", "e1000e,netdev=a"],
        });
        await machine.WaitForPrompt();
        await machine.WaitForConsole("by DHCP");
        string half = "hel", prompt = $"{Machine.Prompt}{half}";
        await machine.Type(Encoding.ASCII.GetBytes(half));
        int typed = await machine.WaitForConsole(half, machine.RawConsole.LastIndexOf(Machine.Prompt, StringComparison.Ordinal));

        await Replug(machine);
        int down = await machine.WaitForConsole("link down", typed), up = await machine.WaitForConsole("link up", down), again = await machine.WaitForConsole(half, up);
        Assert.Matches(@"^hel\r\x1b\[K\[ *\d+\.\d{6}\] [^\r\n]*link down$", machine.RawConsole[typed..(down + 9)]);
        Assert.Matches(@"^link up, 1000 Mb/s full duplex\nsluice> hel$", ConsoleText.Plain(machine.RawConsole[up..(again + 3)]));
        string[] rows = await machine.WaitForScreen(rows => rows.Contains(prompt) && rows[Array.IndexOf(rows, prompt) - 1].Contains("link up"));
        Assert.Single(rows, prompt);
        Assert.Contains("poweroff", await machine.Shell("p"));

        // Keys come at the same time now.
        for (int round = 0; round < 5; round++)
        {
            int from = machine.RawConsole.Length;
            Task plugged = Replug(machine);
            Task<int> seen = machine.WaitForConsole("link up", from);
            do
            {
                int before = machine.RawConsole.LastIndexOf(Machine.Prompt, StringComparison.Ordinal);
                Assert.Contains("poweroff", await machine.Shell("help"));
                Assert.Contains("sluice> help\n", ConsoleText.Plain(machine.RawConsole[before..]));
            }
            while (!seen.IsCompleted);
            await plugged;
        }
    }

    // Pulls the cable and puts it back.
    private static async Task Replug(Machine machine)
    {
        foreach (bool up in (bool[])[false, true])
        {
            await machine.Control("set_link", new JsonObject { ["name"] = "a", ["up"] = up });
            await machine.Pause(TimeSpan.FromMilliseconds(250));
        }
    }

    // The file that iso/pcap.sh makes of what the machine recorded.
    private static async Task<string> Recorded(Machine machine)
    {
        string file = Path.Combine(machine.Folder, "recorded.pcap");
        await Tool.Succeed("bash", "-c", $"iso/pcap.sh '{Path.Combine(machine.Folder, "results.ktap")}' >'{file}'");
        return file;
    }

    // tshark finds so many packets at least, some of each protocol, and none that is malformed, cut short, or has a wrong IPv4 checksum.
    private static async Task Readable(string capture, int least, params string[] protocols)
    {
        Assert.SkipUnless(PeerNetwork.Has("tshark"), "tshark is missing: iso/setup.sh network gets it");
        string all = await Tool.Succeed("tshark", "-r", capture, "-T", "fields", "-e", "frame.protocols");
        string[] packets = [.. all.Split('\n').Where(line => line.StartsWith("eth:", StringComparison.Ordinal))];
        Assert.InRange(packets.Length, least, int.MaxValue);
        Assert.Empty(protocols.Except(packets.SelectMany(packet => packet.Split(':'))));
        string bad = await Tool.Succeed("tshark", "-r", capture, "-o", "ip.check_checksum:TRUE", "-Y", "_ws.malformed || _ws.short || ip.checksum.status == 0", "-T", "fields", "-e", "frame.number");
        Assert.DoesNotMatch(@"(?m)^\d", bad);
    }
}
