using System;
using System.IO;
using System.Linq;
using Xunit;

namespace Sluice.Tests.Fuzz;

/// <summary>
/// Devices that do at random whatever one could, against their drivers and what stands on them. In <c>make test</c> a fixed number of runs by a fixed seed; with
/// <c>make fuzz</c> as long as wanted.
/// </summary>
public sealed class FuzzTests
{
    internal const ulong DefaultSeed = 0x5EED_51_1CE;

    public static TheoryData<string> Cards => [.. FuzzedCard.All.Select(card => card.Name)];

    [Theory, MemberData(nameof(Cards))]
    public void Hostile_cards_are_survived(string card)
    {
        FuzzResult result = Run(card, DefaultSeed, Find(card).Runs, null);
        // Else it says nothing that nothing was found.
        Assert.Empty(result.Outcomes.Never.Except(_rare).Except(Find(card).Rare));
    }

    /// <summary>By <c>make fuzz</c>; see the README.</summary>
    [Fact(Explicit = true)]
    public void For_longer()
    {
        string? Given(string name) => Environment.GetEnvironmentVariable("SLUICE_FUZZ_" + name) is { Length: > 0 } value ? value : null;
        if (Given("REPLAY") is { } reproducer)
        {
            Replay(reproducer);
            return;
        }
        ulong seed = Given("SEED") is { } text ? Convert.ToUInt64(text, 16) : (ulong)Random.Shared.NextInt64();
        TimeSpan time = TimeSpan.FromSeconds(double.Parse(Given("TIME") ?? "60") / FuzzedCard.All.Length);
        foreach (FuzzedCard card in FuzzedCard.All.Where(one => Given("CARD") is not { } only || one.Name == only))
            Run(card.Name, seed, long.MaxValue, Given("CARD") == null ? time : time * FuzzedCard.All.Length);
    }

    // A few times in so many runs: another seed, or a change of a driver, may do without.
    private static readonly string[] _rare = ["stack: DhcpConflict", "stack: DhcpTimeout", "stack: UdpQueueFull", "stack: ArpConflict", "stack: SendFull"];

    private static FuzzResult Run(string name, ulong seed, long runs, TimeSpan? time)
    {
        FuzzedCard card = Find(name);
        string folder = Path.Combine(Path.GetTempPath(), $"sluice-fuzz-{name}");
        Say($"fuzz: {name}: SEED={seed:x}; if the process ends, what it did stands in {folder}");
        var fuzzer = new Fuzzer(card.Make, seed) { Trail = folder, Report = line => Say($"fuzz: {name}: {line}") };
        FuzzResult result = fuzzer.Run(runs, time);
        Say($"fuzz: {name}: {result.Runs} runs in {result.CpuSeconds:0.0} s of CPU time, {result.RunsPerSecond:0} a second\n{result.Outcomes}");
        if (result.Failure is { } failure)
            Assert.Fail(Text(name, failure));
        return result;
    }

    private static void Replay(string reproducer)
    {
        (string name, uint[]? list, ulong seed) = Reproducer.Parse(reproducer);
        FuzzedCard card = Find(name);
        FuzzFailure? failure = new Fuzzer(card.Make, 0).Replay(list, seed, out string words);
        Say(words);
        Assert.True(failure == null, failure?.Message);
        Say("it does not fail");
    }

    internal static string Text(string name, FuzzFailure failure) => $"""
        {failure.Message}
          {(failure.Repeats ? $"{failure.List.Length} choices of {failure.Before} are enough" : "not by itself: it needs the runs before it")}:
            make fuzz REPLAY={Reproducer.Of(name, failure.List)}
          as it was found:
            make fuzz REPLAY={Reproducer.Of(name, failure.Seed)}
        {failure.Words}
        """;

    private static FuzzedCard Find(string name) => FuzzedCard.All.SingleOrDefault(card => card.Name == name) ?? throw new ArgumentException($"no card is called {name}");

    private static void Say(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
