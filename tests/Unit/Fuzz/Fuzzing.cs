using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;

namespace Sluice.Tests.Fuzz;

/// <summary>What is fuzzed: one run is a complete life of it, decided by choices.</summary>
internal interface IFuzzTarget : IDisposable
{
    /// <summary>What people call it, and what chooses it: <c>make fuzz CARD=...</c>.</summary>
    string Name { get; }

    /// <summary>
    /// One run. Throws if something is not as it must be; whatever happened, the next run begins from the same state as this one.
    /// </summary>
    void Run(Choices choices, Outcomes outcomes);
}

/// <summary>Something is not as it must be.</summary>
/// <param name="rule">Which rule is broken, the same words each time.</param>
/// <param name="what">What was found.</param>
internal sealed class FuzzFailureException(string rule, string what = "") : Exception(what.Length == 0 ? rule : $"{rule}: {what}")
{
    public string Rule { get; } = rule;
}

/// <summary>What runs came to, by name: in how many of them it happened, and how often in all.</summary>
internal sealed class Outcomes
{
    private readonly Dictionary<string, (long Runs, ulong Times)> _seen = [];

    /// <summary>It happened so often in this run.</summary>
    public void Add(string what, ulong times = 1)
    {
        ref (long Runs, ulong Times) seen = ref CollectionsMarshal.GetValueRefOrAddDefault(_seen, what, out _);
        if (times == 0)
            return;
        seen.Runs++;
        seen.Times += times;
    }

    /// <summary>What never happened, of what could have been counted.</summary>
    public IEnumerable<string> Never => _seen.Where(one => one.Value.Runs == 0).Select(one => one.Key).Order();

    /// <summary>How often something happened.</summary>
    public long RunsWith(string what) => _seen.GetValueOrDefault(what).Runs;

    /// <summary>A line for each thing: in how many runs, and how often.</summary>
    public override string ToString() =>
        string.Join('\n', _seen.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => $"  {one.Value.Runs,9} runs {one.Value.Times,12}  {one.Key}"));
}

/// <summary>A failure and how to see it again.</summary>
/// <param name="Message">What was found.</param>
/// <param name="Seed">Of the one run.</param>
/// <param name="List">The choices of the smallest run that fails.</param>
/// <param name="Before">Choices of the run as it was found.</param>
/// <param name="Words">What happens in the smallest run.</param>
/// <param name="Repeats">Whether the run, made again by itself, breaks the same rule: else it needs the runs before it.</param>
internal sealed record FuzzFailure(string Message, ulong Seed, uint[] List, int Before, string Words, bool Repeats);

/// <summary>What a number of runs came to.</summary>
/// <param name="Runs">Runs that were begun.</param>
/// <param name="CpuSeconds">Time of all processors that the process took for them.</param>
internal sealed record FuzzResult(long Runs, double CpuSeconds, Outcomes Outcomes, FuzzFailure? Failure)
{
    public double RunsPerSecond => Runs / Math.Max(CpuSeconds, 0.001);
}

/// <summary>Lists of choices as people pass them around.</summary>
internal static class Reproducer
{
    /// <summary>As in <c>make fuzz REPLAY=e1000e:0.3.12</c>; a run's seed is written <c>e1000e:@1f</c>.</summary>
    public static string Of(string target, uint[] list) => $"{target}:{string.Join('.', list)}";

    public static string Of(string target, ulong seed) => $"{target}:@{seed:x}";

    /// <summary>The target, and the list or the seed; throws if it is neither.</summary>
    public static (string Target, uint[]? List, ulong Seed) Parse(string text)
    {
        int colon = text.IndexOf(':');
        if (colon < 0)
            throw new FormatException($"'{text}' is no reproducer: NAME:NUMBER.NUMBER... or NAME:@SEED");
        string target = text[..colon], rest = text[(colon + 1)..].Trim();
        return rest.StartsWith('@')
            ? (target, null, Convert.ToUInt64(rest[1..], 16))
            : (target, rest.Length == 0 ? [] : [.. rest.Split('.').Select(uint.Parse)], 0);
    }
}
