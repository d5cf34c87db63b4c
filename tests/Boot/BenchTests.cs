using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>What operations cost in instructions, measured once for all tests of the class.</summary>
public sealed class BenchMachine : IAsyncLifetime
{
    /// <summary>Figures of a boot with 512 MiB.</summary>
    public IReadOnlyDictionary<string, double> First { get; private set; } = null!;

    /// <summary>Of another one.</summary>
    public IReadOnlyDictionary<string, double> Second { get; private set; } = null!;

    /// <summary>Of one with 20 GiB.</summary>
    public IReadOnlyDictionary<string, double> Large { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        First = await Measure("bench-1", 512);
        Second = await Measure("bench-2", 512);
        Large = await Measure("bench-20G", 20 * 1024);
        using var disk = new TemporaryFile(64 << 20);
        FireWire = (await MeasureFireWire("firewire-*", "memory", "camera", "echo")).Concat(await MeasureFireWire("sbp2-*", $"disk,image={disk.Path}"))
            .Concat(await MeasureFireWire("ip1394-*", "ip")).ToDictionary();
        Cards = (await Measure("bench-e1000e", 512, "e1000e-*", [.. TwoCards("e1000e")]))
            .Concat(await Measure("bench-i8255x", 512, "i8255x-*", [.. TwoCards("i82557b")])).ToDictionary();
    }

    /// <summary>QEMU's words for two cards on a hub of their own, of one model as in tests/Bench/machine.sh, or of two.</summary>
    internal static IEnumerable<string> TwoCards(string model, string? second = null) => new[] { 1, 2 }.SelectMany(card => (string[])
        ["-netdev", $"hubport,id=h{card},hubid=0", "-device", $"{(card == 2 ? second ?? model : model)},id=card{card},netdev=h{card},mac=52:54:00:00:00:0{card}"]);

    /// <summary>Of those with two network cards of one model on a hub.</summary>
    public IReadOnlyDictionary<string, double> Cards { get; private set; } = null!;

    /// <summary>Of those with a FireWire controller, and behind it a node with memory, a camera and a node that reads, or a disk, or a neighbour that speaks IPv4.</summary>
    public IReadOnlyDictionary<string, double> FireWire { get; private set; } = null!;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static async Task<IReadOnlyDictionary<string, double>> Measure(string name, int mebibytes, string glob = "*", params string[] more)
    {
        var setup = new MachineSetup
        {
            MemoryMiB = mebibytes,
            Cpu = "qemu64,+ssse3,+sse4.2,+popcnt,+fsgsbase",   // as in tests/Bench/machine.sh
            CountInstructions = true,
            // Cards are measured with the stack listening to them, as a user has it.
            Arguments = $"{(more.Length == 0 ? "net=none " : "")}bench={glob} after=exit",
            More = more,
            Lifetime = TimeSpan.FromMinutes(10),
        };
        return await Measure(name, setup);
    }

    // The controller answers in real time, so the machine is one whose idle time passes.
    private static async Task<IReadOnlyDictionary<string, double>> MeasureFireWire(string glob, params string[] nodes)
    {
        using var bus = new FireWireModelBus(["host"], nodes.SelectMany((node, number) => (string[])["--node", $"{node},name=node{number}"]));
        return await Measure($"bench-{glob[..glob.IndexOf('-')]}", new MachineSetup
        {
            MemoryMiB = 512,
            Cpu = "qemu64,+ssse3,+sse4.2,+popcnt,+fsgsbase",
            Arguments = $"net=none bench={glob} after=exit",
            SharesMemory = true,
            More = ["-icount", "shift=0,sleep=on", .. bus.Device("host")],
            Lifetime = TimeSpan.FromMinutes(10),
        });
    }

    private static async Task<IReadOnlyDictionary<string, double>> Measure(string name, MachineSetup setup)
    {
        await using Machine machine = await Machine.Start(name, setup);
        int status = await machine.WaitForExit();
        return status == SelfTestRun.AllPassed ? BenchResults.Parse(machine.Results) : throw machine.Failure($"QEMU's status is {status}");
    }
}

/// <summary>The bars that the project holds itself to, in instructions per operation.</summary>
public sealed class BenchTests(BenchMachine measured) : IClassFixture<BenchMachine>
{
    private const string BootToPrompt = "boot-to-prompt", Small = "-512M", Large = "-20G";

    /// <summary>The bars of tests/Bench/bars: NAME or NAME/NAME, and the most that it may be.</summary>
    public static IEnumerable<TheoryDataRow<string, double>> Bars =>
        File.ReadLines(ProjectTree.In("tests", "Bench", "bars")).Where(line => line.Length != 0 && line[0] != '#')
            .Select(line => line.Split(' ')).Select(words => new TheoryDataRow<string, double>(words[0], double.Parse(words[1], CultureInfo.InvariantCulture)));

    [Theory, MemberData(nameof(Bars))]
    public async Task Costs_at_most(string name, double bar)
    {
        double value = 1;
        foreach ((int index, string part) in name.Split('/').Index()) value = index == 0 ? await Value(part) : value / await Value(part);
        Assert.InRange(value, 0.001, bar);
    }

    /// <summary>What has no bar here is measured all the same, and told.</summary>
    [Theory]
    [InlineData("firewire-block-read-512-16")]
    [InlineData("firewire-request-served")]
    [InlineData("firewire-request-served-512")]
    public async Task Costs(string name)
    {
        double value = await Value(name);
        TestContext.Current.TestOutputHelper!.WriteLine($"{name} {value}");
        Assert.InRange(value, 100, 10_000);
    }

    private async Task<double> Value(string name)
    {
        if (name == "kernel-bytes") return (await IsoTests.ExtractKernel("bench-kernel.elf")).Length;
        var figures = name.EndsWith(Large, StringComparison.Ordinal) ? measured.Large
            : name.StartsWith("firewire-", StringComparison.Ordinal) || name.StartsWith("sbp2-", StringComparison.Ordinal) || name.StartsWith("ip1394-", StringComparison.Ordinal) ? measured.FireWire
            : name.StartsWith("e1000e-", StringComparison.Ordinal) || name.StartsWith("i8255x-", StringComparison.Ordinal) ? measured.Cards : measured.First;
        string key = name.StartsWith(BootToPrompt, StringComparison.Ordinal) ? name.Replace(Large, "").Replace(Small, "") : name;
        Assert.True(figures.TryGetValue(key, out double value), $"{key} was not measured");
        return value;
    }

    [Fact]
    public void The_figures_are_the_same_on_every_run()
    {
        Assert.Equal(Operations(measured.First), Operations(measured.Second));
        // Starting waits for edges of the ACPI timer, and when the boot loader hands over depends on the disc: it varies by a few hundred.
        Assert.InRange(measured.Second[BootToPrompt] / measured.First[BootToPrompt], 0.999, 1.001);
    }

    private static IEnumerable<(string, double)> Operations(IReadOnlyDictionary<string, double> figures) =>
        figures.Where(figure => figure.Key != BootToPrompt).Select(figure => (figure.Key, figure.Value)).Order();
}
