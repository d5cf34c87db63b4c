using System.Collections.Generic;
using System.Linq;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot.Self;

/// <summary>The choice of combinations for the short boot matrix.</summary>
public sealed class PairwiseTests
{
    private static readonly List<(int A, string B, bool C)> _all =
        [.. from a in Enumerable.Range(0, 4) from b in (string[])["x", "y", "z"] from c in (bool[])[false, true] select (a, b, c)];

    [Fact]
    public void Every_pair_of_values_appears_and_the_choice_is_small()
    {
        var chosen = Pairwise.Cover(_all, row => row.A, row => row.B, row => row.C);
        foreach (var one in _all)
        {
            Assert.Contains(chosen, row => (row.A, row.B) == (one.A, one.B));
            Assert.Contains(chosen, row => (row.A, row.C) == (one.A, one.C));
            Assert.Contains(chosen, row => (row.B, row.C) == (one.B, one.C));
        }
        Assert.InRange(chosen.Count, 12, 14);   // 4 times 3 is the least possible
    }

    [Fact]
    public void The_choice_is_the_same_on_every_run() =>
        Assert.Equal(Pairwise.Cover(_all, row => row.A, row => row.B), Pairwise.Cover(_all, row => row.A, row => row.B));
}
