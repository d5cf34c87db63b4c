using System;
using System.Linq;

namespace Sluice.Tests.Fuzz;

/// <summary>Faults that are put into drivers to see that the fuzzer finds them: asked where one is, whether it is there now.</summary>
public static class Mutants
{
    /// <summary>None.</summary>
    public const int None = -1;

    [ThreadStatic] private static int? _present;

    /// <summary>Whether a fault is there, by its number.</summary>
    public static bool Has(int number) => _present == number;

    /// <summary>Fuzzes a card's driver with one fault in it, at most so many runs.</summary>
    /// <returns>Runs until it was found, or 0; choices of the smallest run that shows it; whether it shows it again when it is replayed; what was said.</returns>
    public static (long Runs, int Choices, bool Repeats, string Said) Find(string card, int number, ulong seed, long runs)
    {
        FuzzedCard fuzzed = FuzzedCard.All.Single(one => one.Name == card);
        Fuzzer NewFuzzer() => new(() =>
        {
            _present = number;
            return fuzzed.Make();
        }, seed)
        {
            MostTries = 3_000,
        };
        FuzzResult result = NewFuzzer().Run(runs);
        if (result.Failure is not { } failure)
            return (0, 0, false, "");
        // As people pass it on, and without the fault nothing is wrong with it.
        (_, uint[]? list, _) = Reproducer.Parse(Reproducer.Of(card, failure.List));
        bool repeats = failure.Repeats && NewFuzzer().Replay(list, 0, out _) != null;
        number = None;
        repeats &= NewFuzzer().Replay(list, 0, out _) == null;
        return (result.Runs, failure.List.Length, repeats, failure.Message.Split('\n')[0]);
    }
}
