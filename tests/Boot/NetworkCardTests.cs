using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>Network cards of QEMU: two of a model on one hub, which send each other every kind of frame, on all paths, with flapping links.</summary>
public sealed class NetworkCardTests
{
    // The first also listens to QEMU's user network, where somebody answers.
    private static readonly string[] _answering = ["-netdev", "user,id=u", "-device", "e1000e,netdev=u"];

    private static readonly string[] _always =
        ["it has an address and a link", "interrupts by MSI and pin, and polled", "receive modes"];

    [Theory]
    [InlineData("direct", 512, "")]
    [InlineData("bounced", 512, "dma=bounce")]
    [InlineData("above-4-GiB", 6 * 1024, "")]
    [InlineData("small", 64, "")]
    public async Task Every_byte_of_every_frame_arrives(string name, int mebibytes, string arguments)
    {
        HashSet<string> passed = await Passed("e1000e-" + name, mebibytes, $"{arguments} test=e1000e", [.. BenchMachine.TwoCards("e1000e")]);
        Assert.Empty(_always.Append("two cards: every byte arrives").Except(passed));
    }

    [Theory]
    [InlineData("direct", "")]
    [InlineData("bounced", "dma=bounce")]
    public async Task A_gateway_answers_also_after_resets_in_mid_traffic(string name, string arguments)
    {
        HashSet<string> passed = await Passed("e1000e-gateway-" + name, 512, $"{arguments} test=e1000e", _answering);
        Assert.Empty(_always.Concat(["a question is answered", "a reset in mid-traffic"]).Except(passed));
    }

    [Fact]
    public async Task Links_may_flap_while_frames_go_both_ways()
    {
        await using Machine machine = await Machine.Start("e1000e-flap", new MachineSetup
        {
            More = [.. BenchMachine.TwoCards("e1000e")],
            Arguments = "net=none test=e1000e/two?cards:?links?that?flap after=exit",
        });
        await machine.WaitForConsole("links may flap now");
        for (int flap = 0; flap < 8; flap++)
        {
            foreach (bool up in (bool[])[false, true])
            {
                await machine.Control("set_link", new JsonObject { ["name"] = $"card{1 + flap % 2}", ["up"] = up });
                await machine.Pause(TimeSpan.FromMilliseconds(250));
            }
        }
        int status = await machine.WaitForExit();
        Assert.Equal(["two cards: links that flap"], Passing(machine, status));
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
