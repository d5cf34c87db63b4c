using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using Sluice.Tests.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>
/// Whether anybody would notice: each place where the layer moves or clears bytes, or tells the caches, is left out in turn, and some
/// test of the layer must fail.
/// </summary>
[RunsOnce]
public sealed class MutationTests
{
    private static readonly MachineKind[] _kinds = [new(), new(Bounced: true), new(64, 2), new(32, 4, true)];

    private sealed record Pass(LayerTest Test, MachineKind Kind, TimeSpan Time, HashSet<string> Places)
    {
        public int Missed { get; set; }
    }

    [Fact]
    public void Each_copy_and_each_word_to_the_caches_is_missed_by_some_test()
    {
        List<Pass> passes = RunAll();
        string[] places = [.. passes.SelectMany(pass => pass.Places).Distinct().Order()];
        string[] least =
        [
            "Clean in DmaPath.ForDevice", "Invalidate in DmaPath.ForCpu", "Copy in BouncePath.ForDevice", "Copy in BouncePath.ForCpu",
            "Copy in BouncePath.CopyIn", "Copy in BouncePath.CopyOut", "Clean in BouncePath.ForDevice", "Invalidate in BouncePath.ForCpu",
        ];
        Assert.Empty(least.Except(places));
        string[] unmissed = [.. places.Where(place => !IsMissed(place, passes))];
        Assert.True(unmissed.Length == 0, $"nobody misses {string.Join(", ", unmissed)}");
    }

    // Everything once as it is: which places each test passes, and how long it takes.
    private static List<Pass> RunAll()
    {
        var passes = new List<Pass>();
        foreach (MachineKind kind in _kinds)
        {
            foreach (LayerTest test in LayerTest.All)
            {
                Mutation.Seen.Clear();
                var watch = Stopwatch.StartNew();
                test.Run(kind);
                passes.Add(new Pass(test, kind, watch.Elapsed, [.. Mutation.Seen]));
            }
        }
        return passes;
    }

    // Tests that missed something before are asked first.
    private static bool IsMissed(string place, List<Pass> passes)
    {
        Mutation.LeftOut = place;
        try
        {
            Pass? first = passes.Where(pass => pass.Places.Contains(place)).OrderByDescending(pass => pass.Missed).ThenBy(pass => pass.Time)
                .FirstOrDefault(Fails);
            if (first != null)
                first.Missed++;
            return first != null;
        }
        finally
        {
            Mutation.LeftOut = null;
        }
    }

    private static bool Fails(Pass pass)
    {
        try
        {
            pass.Test.Run(pass.Kind);
            return false;
        }
        catch (Exception)
        {
            return true;
        }
    }
}
