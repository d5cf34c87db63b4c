using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>Network cards of QEMU: two on one hub, of one model or two, which send each other every kind of frame, on all paths, with flapping links.</summary>
public sealed class NetworkCardTests
{
    private const string Flapping = "two cards: links that flap";

    // The first also listens to QEMU's user network, where somebody answers.
    private static readonly string[] _answering = ["-netdev", "user,id=u", "-device", "e1000e,netdev=u"];

    private static readonly string[] _always =
        ["it has an address and a link", "interrupts by MSI and pin, and polled", "receive modes"];

    private static readonly bool _all = Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1";

    [Theory]
    [InlineData("e1000e", "e1000e", 512, "")]
    [InlineData("e1000e", "e1000e", 512, "dma=bounce")]
    [InlineData("e1000e", "e1000e", 512, "dma=check")]
    [InlineData("e1000e", "e1000e", 6 * 1024, "")]
    [InlineData("e1000e", "e1000e", 64, "")]
    [InlineData("e1000e", "i82557b", 512, "")]
    [InlineData("e1000e", "i82557b", 512, "dma=bounce")]
    [InlineData("e1000e", "i82557b", 512, "dma=check")]
    public async Task Every_byte_of_every_frame_arrives(string first, string second, int mebibytes, string arguments)
    {
        HashSet<string> passed = await Passed($"pair-{first}-{second}-{mebibytes}M{arguments.Replace("=", "-")}", mebibytes,
            $"{arguments} test=network?cards/*", [.. BenchMachine.TwoCards(first, second)]);
        Assert.Empty(((string[])["two cards: every byte arrives", "two cards: checksums and VLAN tags"]).Except(passed));
    }

    [Theory]
    [InlineData("direct", 512, "")]
    [InlineData("bounced", 512, "dma=bounce")]
    [InlineData("above-4-GiB", 6 * 1024, "")]
    [InlineData("small", 64, "")]
    public async Task A_gateway_answers_also_after_resets_in_mid_traffic(string name, int mebibytes, string arguments)
    {
        HashSet<string> passed = await Passed("e1000e-gateway-" + name, mebibytes, $"{arguments} test=e1000e", _answering);
        Assert.Empty(_always.Concat(["a question is answered", "a reset in mid-traffic"]).Except(passed));
    }

    [Theory]
    [InlineData("e1000e", "e1000e", "")]
    [InlineData("e1000e", "i82557b", "")]
    [InlineData("e1000e", "i82557b", "dma=bounce")]
    [InlineData("e1000e", "i82557b", "dma=check")]
    public Task Links_may_flap_while_frames_go_both_ways(string first, string second, string arguments) =>
        Flap($"flap-{first}-{second}{arguments.Replace("=", "-")}", first, second, arguments, TimeSpan.FromSeconds(5));

    /// <summary>The two drivers, for ten minutes.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("dma=bounce")]
    public async Task Links_may_flap_for_long(string arguments)
    {
        Assert.SkipUnless(_all, "ten minutes: make test-all");
        await Flap($"flap-long{arguments.Replace("=", "-")}", "e1000e", "i82557b", arguments, TimeSpan.FromMinutes(10));
    }

    // Pulls and plugs the cables of both, in turn, for a time, and until the kernel has seen it; slower if it does not.
    private static async Task Flap(string name, string first, string second, string arguments, TimeSpan time)
    {
        await using Machine machine = await Machine.Start(name, new MachineSetup
        {
            More = [.. BenchMachine.TwoCards(first, second)],
            Arguments = $"{arguments} net=none test=network?cards/{Flapping.Replace(' ', '?')} after=exit",
            Lifetime = time * 2 + TimeSpan.FromMinutes(5),
        });
        await machine.WaitForConsole("links may flap now");
        var watch = Stopwatch.StartNew();
        for (int flap = 0; watch.Elapsed < time || !machine.Console.Contains("links have flapped"); flap++)
        {
            foreach (bool up in (bool[])[false, true])
            {
                await machine.Control("set_link", new JsonObject { ["name"] = $"card{1 + flap % 2}", ["up"] = up });
                await machine.Pause(TimeSpan.FromMilliseconds(watch.Elapsed < time ? 250 : 2000));
            }
        }
        await machine.Type(" "u8.ToArray());
        int status = await machine.WaitForExit();
        Assert.Equal([Flapping], Passing(machine, status));
        if (arguments == "dma=check") Assert.DoesNotContain("dma check:", machine.Console);
    }

    private static async Task<HashSet<string>> Passed(string name, int mebibytes, string arguments, string[] devices)
    {
        await using Machine machine = await Machine.Start(name, new MachineSetup { MemoryMiB = mebibytes, More = devices, Arguments = $"net=none {arguments} after=exit" });
        return Passing(machine, await machine.WaitForExit());
    }

    private static HashSet<string> Passing(Machine machine, int status)
    {
        KtapReport report = KtapParser.Parse(machine.Results);
        if (status != SelfTestRun.AllPassed)
            throw machine.Failure($"status {status}; failed: " + string.Join(", ", report.Cases.Where(c => c.Case.Verdict == KtapVerdict.Failed).Select(c => $"{c.Case.Name} ({c.Case.Why})")));
        return [.. report.Cases.Where(c => c.Case.Verdict == KtapVerdict.Passed).Select(c => c.Case.Name)];
    }
}
