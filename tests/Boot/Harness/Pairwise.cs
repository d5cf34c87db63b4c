using System.Collections.Generic;
using System.Linq;

namespace Sluice.Tests.Boot.Harness;

/// <summary>Choosing a few rows from a table of all combinations so that every pair of values still meets.</summary>
/// <remarks>Most faults that need a combination need two values, not five, so this finds them at a fraction of the cost.</remarks>
internal static class Pairwise
{
    /// <summary>
    /// Rows from <paramref name="all"/> in which every pair of values that meets in <paramref name="all"/> meets too. Greedy: the row
    /// that brings most new pairs is next, the first of equals, so the choice is the same on every run.
    /// </summary>
    public static List<T> Cover<T>(IReadOnlyList<T> all, params System.Func<T, object>[] factors)
    {
        var missing = all.SelectMany(Pairs).ToHashSet();
        var chosen = new List<T>();
        while (missing.Count != 0)
        {
            T best = all.MaxBy(row => Pairs(row).Count(missing.Contains))!;   // the first of equals
            missing.ExceptWith(Pairs(best));
            chosen.Add(best);
        }
        return chosen;

        IEnumerable<(int, object, int, object)> Pairs(T row)
        {
            for (int a = 0; a < factors.Length; a++)
                for (int b = a + 1; b < factors.Length; b++)
                    yield return (a, factors[a](row), b, factors[b](row));
        }
    }
}
