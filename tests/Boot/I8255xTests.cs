using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>Two cards of each model of the 8255x family on one hub: frames both ways byte by byte, with resets, on all paths of memory.</summary>
public sealed class I8255xTests
{
    private const int GiB = 1024;

    private static readonly string[] _cases =
    [
        "the card says who it is, and the link is up", "frames go out and come back as free ones", "two cards: random frames both ways",
        "two cards: resets in between", "two cards: more frames than the list has", "two cards: packets in parts", "two cards: receive modes",
    ];

    [Theory]
    [InlineData("i82557b", 512, "")]
    [InlineData("i82557b", 512, "dma=bounce")]
    [InlineData("i82557b", 6 * GiB, "dma=frames:any")]
    [InlineData("i82559c", 512, "")]
    [InlineData("i82559c", 6 * GiB, "")]
    [InlineData("i82550", 512, "")]
    [InlineData("i82562", 512, "")]
    [InlineData("i82801", 512, "")]
    public async Task Every_byte_arrives(string model, int mebibytes, string arguments)
    {
        await using Machine machine = await Machine.Start($"8255x-{model}-{mebibytes}-{arguments}".Replace('=', '-').Replace(':', '-'), new MachineSetup
        {
            MemoryMiB = mebibytes,
            Arguments = $"{arguments} test=i8255x after=exit",
            More = Cards(model),
        });
        Assert.Equal(SelfTestRun.AllPassed, await machine.WaitForExit());
        // None of these may have been skipped.
        IEnumerable<string> passed = KtapParser.Parse(machine.Results).Cases.Where(c => c.Case.Verdict == KtapVerdict.Passed).Select(c => c.Case.Name);
        Assert.Empty(_cases.Except(passed));
    }

    [Fact]
    public async Task Thousands_of_bursts_with_resets_lose_no_byte()
    {
        await using Machine machine = await Machine.Start("8255x-soak", new MachineSetup { Arguments = "test=i8255x/two?cards:?long?soak after=exit", More = Cards("i82557b") });
        Assert.Equal(SelfTestRun.AllPassed, await machine.WaitForExit());
        Assert.Equal(["two cards: long soak"], KtapParser.Parse(machine.Results).Cases.Where(c => c.Case.Verdict == KtapVerdict.Passed).Select(c => c.Case.Name));
    }

    private static string[] Cards(string model) =>
    [
        "-netdev", "hubport,id=one,hubid=1", "-device", $"{model},netdev=one,mac=52:54:00:00:00:01",
        "-netdev", "hubport,id=other,hubid=1", "-device", $"{model},netdev=other,mac=52:54:00:00:00:02",
    ];
}
