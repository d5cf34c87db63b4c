using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>
/// Linux's own network stack, behind a tap device in a namespace of its own, against each card on each path: arping, pings of all sizes, and a soak
/// of UDP echoes at random sizes with every byte compared. Short in <c>make test</c>; in <c>make test-all</c> every size there is, and ten
/// minutes. SLUICE_SOAK_SECONDS sets the length of a soak. Where namespaces are not allowed, the tests say so and are skipped.
/// </summary>
public sealed class LinuxPeerTests
{
    private const int HeaderBytes = 28, LongestPacket = 9000, SizeStep = 61;

    private static readonly bool _all = Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1";

    // Sizes with IPv4's and ICMP's headers where something changes: Ethernet's padding, full frames, buffers of 2,048 bytes, pages.
    private static readonly int[] _edges = [28, 29, 45, 46, 47, 60, 61, 1499, 1500, 1501, 2033, 2034, 2035, 2048, 4081, 4082, 4083, 4096, 4097, 8177, 8178, 8191, 8192, 8999, 9000];

    private static int SoakSeconds =>
        int.TryParse(Environment.GetEnvironmentVariable("SLUICE_SOAK_SECONDS"), CultureInfo.InvariantCulture, out int seconds) ? seconds : _all ? 600 : 5;

    [Theory]
    [InlineData("e1000e", "")]
    [InlineData("e1000e", "dma=bounce")]
    [InlineData("e1000e", "dma=check")]
    [InlineData("i82557b", "")]
    [InlineData("i82557b", "dma=bounce")]
    [InlineData("i82557b", "dma=check")]
    public async Task Linux_finds_pings_and_is_echoed(string card, string arguments)
    {
        (PeerNetwork? found, string why) = await PeerNetwork.TryStart();
        Assert.SkipWhen(found == null, why);
        await using PeerNetwork peer = found!;
        foreach (string tool in (string[])["ping", "arping"])
            Assert.SkipUnless(PeerNetwork.Has(tool), $"{tool} is missing: iso/setup.sh network gets it");
        await using Machine machine = await Machine.Start($"linux-{card}{arguments.Replace("=", "-")}", new MachineSetup
        {
            Arguments = $"{arguments} net={PeerNetwork.There}/24,gateway:{PeerNetwork.Here}".Trim(),
            Lifetime = TimeSpan.FromSeconds(SoakSeconds) + TimeSpan.FromMinutes(_all ? 30 : 8),
            Wrapper = peer.Enter,
            More = ["-netdev", "tap,id=a,ifname=tap0,script=no,downscript=no", "-device", $"{card},netdev=a"],
        });
        await machine.WaitForPrompt();
        int longest = await LongestPacketOf(machine);
        (int status, string output) = await peer.Run(TimeSpan.FromMinutes(1), "arping", "-c", "3", "-I", "tap0", PeerNetwork.There);
        Assert.True(status == 0 && output.Contains("Received 3 response"), output);
        int used = await FramesInUse(machine);
        await machine.Shell("dma mark");

        long echoed;
        try
        {
            await PingAllSizes(peer, longest);
            Assert.Contains("4 sent, 4 came back, 0 lost, 0 with other bytes", await machine.Shell($"ping {PeerNetwork.Here} 4 {longest - HeaderBytes}"));
            await machine.Shell("udpecho 7");
            echoed = await Soak(peer, longest - HeaderBytes);
        }
        catch (Exception e) when (e is not MachineFailure)
        {
            // What both sides counted says where it was lost.
            (_, string linux) = await peer.Run(TimeSpan.FromMinutes(1), "bash", "-c", "ip -s link show tap0; cat /proc/net/snmp");
            throw machine.Failure($"{e.Message}\n{linux}{await machine.Shell("net")}");
        }
        Assert.Contains($" {echoed} datagrams were echoed", await machine.Shell("udpecho 7"));

        // All that the machine counted is in order, and all memory is back where it was.
        string net = await machine.Shell("net");
        Assert.DoesNotMatch(@"(?m)^ +\d+ +(IPv4: wrong|UDP: wrong|ICMP: wrong|.*too short)", net);
        Assert.DoesNotContain("card: dropped", net);
        Assert.Matches(@"card: \d+ interrupts, \d+ spurious, 0 resets, 0 failed", net);
        for (int look = 0; await FramesInUse(machine) != used; look++)
        {
            if (look == 20) throw machine.Failure($"{used} frames were in use before");
            await machine.Pause(TimeSpan.FromMilliseconds(500));
        }
        Assert.Contains("as many buffers in place as at the mark", await machine.Shell("dma leak"));
        if (arguments == "dma=check") Assert.Contains("; 0 reports", await machine.Shell("dma"));
    }

    /// <summary>The other side of the soak: runs in the namespace, by another process that runs this test alone.</summary>
    [Fact(Explicit = true)]
    public void Echoed_datagrams_are_the_same()
    {
        string? soak = Environment.GetEnvironmentVariable("SLUICE_SOAK");
        Assert.SkipWhen(soak == null, "only as the other side of a soak");
        int[] numbers = [.. soak!.Split(' ').Select(word => int.Parse(word, CultureInfo.InvariantCulture))];
        UdpSoak.Result result = UdpSoak.Run(PeerNetwork.There, 7, TimeSpan.FromSeconds(numbers[0]), numbers[1], seed: 1);
        System.Console.WriteLine($"soak: {result.Sent} datagrams, {result.Bytes} bytes");
    }

    // Says how many datagrams went there and back.
    private static async Task<long> Soak(PeerNetwork peer, int mostBytes)
    {
        (int status, string output) = await peer.Run(TimeSpan.FromSeconds(SoakSeconds + 120), "env", $"SLUICE_SOAK={SoakSeconds} {mostBytes}",
            "dotnet", "exec", typeof(LinuxPeerTests).Assembly.Location,
            "-explicit", "only", "-method", $"{typeof(LinuxPeerTests).FullName}.{nameof(Echoed_datagrams_are_the_same)}", "-showLiveOutput");
        Match said = Regex.Match(output, @"soak: (\d+) datagrams, (\d+) bytes");
        Assert.True(status == 0 && said.Success, output);
        TestContext.Current.TestOutputHelper?.WriteLine(said.Value);
        long sent = long.Parse(said.Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.InRange(sent, 100 * SoakSeconds, long.MaxValue);
        return sent;
    }

    // Floods at each size; then at the edges pings that compare each byte, which ping does not in a flood. Each must come back.
    private static async Task PingAllSizes(PeerNetwork peer, int longest)
    {
        int[] sizes = [.. Enumerable.Range(HeaderBytes, longest + 1 - HeaderBytes).Where(size => _all || size % SizeStep == 0 || _edges.Contains(size))];
        await PingEach(peer, sizes, _all ? "-f -q -c 20" : "-f -q -c 5");
        await PingEach(peer, [.. sizes.Where(_edges.Contains)], "-i 0.002 -c 20");
        // Bursts: 32 are on their way before the first answer.
        await PingEach(peer, [HeaderBytes, 1500, longest], $"-f -q -l 32 -c {(_all ? 20_000 : 500)}");
    }

    // ping does not wait long for its last answers, and a busy host may take longer: so Linux's counters say whether all came back.
    private static async Task PingEach(PeerNetwork peer, int[] sizes, string how)
    {
        string script = $$"""
            replies() { awk '$1 == "Icmp:" { if (!n++) split($0, names); else for (i in names) if (names[i] == "InEchoReps") print $i }' /proc/net/snmp; }
            before=$(replies) sent=0
            for size in {{string.Join(' ', sizes)}}; do
              said=$(ping {{how}} -M do -s $((size - {{HeaderBytes}})) {{PeerNetwork.There}} 2>&1)
              [[ $said =~ ([0-9]+)' packets transmitted' ]] || { echo "size $size: $said"; exit 1; }
              sent=$((sent + BASH_REMATCH[1]))
              case $said in *wrong*|*BAD*|*DUP*) echo "size $size: $said"; exit 1 ;; esac
            done
            for look in {1..100}; do
              came=$(($(replies) - before))
              [ $came != $sent ] || exit 0
              sleep 0.1
            done
            echo "$sent were sent and $came came back"
            exit 1
            """;
        (int status, string output) = await peer.Run(TimeSpan.FromMinutes(20), "bash", "-c", script);
        Assert.True(status == 0, $"ping {how}: {output}");
    }

    // What the card carries with IPv4's header: 1,500 bytes, or up to 9,000.
    private static async Task<int> LongestPacketOf(Machine machine)
    {
        Match most = Regex.Match(await machine.Shell($"ping {PeerNetwork.Here} 1 65535"), @"carries at most (\d+) bytes");
        return Math.Min(int.Parse(most.Groups[1].Value, CultureInfo.InvariantCulture) + HeaderBytes, LongestPacket);
    }

    private static async Task<int> FramesInUse(Machine machine)
    {
        Match used = Regex.Match(await machine.Shell("net"), @"frames: (\d+) in use of");
        return used.Success ? int.Parse(used.Groups[1].Value, CultureInfo.InvariantCulture) : throw machine.Failure("net does not say how many frames are in use");
    }
}
