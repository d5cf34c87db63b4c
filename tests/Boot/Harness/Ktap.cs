using System.Collections.Generic;
using System.Linq;

namespace Sluice.Tests.Boot.Harness;

/// <summary>What a test line said after its number (KTAP version 1, "Test case result lines" and "Directives").</summary>
public enum KtapVerdict
{
    /// <summary><c>ok</c>.</summary>
    Passed,

    /// <summary><c>not ok</c>, whatever the directive, except XFAIL.</summary>
    Failed,

    /// <summary>Either result with <c># SKIP</c>.</summary>
    Skipped,
}

/// <summary>One test: a case, or a suite with tests of its own.</summary>
/// <param name="Name">The description, without the leading dash.</param>
/// <param name="Verdict">How it ended by its own line.</param>
/// <param name="Why">The text of its directive and the diagnostic lines before it, a line each.</param>
/// <param name="Tests">The tests nested in it; none for a case.</param>
public sealed record KtapTest(string Name, KtapVerdict Verdict, string Why, IReadOnlyList<KtapTest> Tests);

/// <summary>A KTAP document after reading, with everything that was wrong with it.</summary>
/// <param name="Tests">The top level.</param>
/// <param name="Problems">Why the document cannot be believed as a whole, such as a missing plan; empty when it is complete.</param>
/// <param name="Other">Lines at the top level that are not KTAP, such as benchmark results.</param>
public sealed record KtapReport(IReadOnlyList<KtapTest> Tests, IReadOnlyList<string> Problems, IReadOnlyList<string> Other)
{
    /// <summary>True when nothing is missing: a header, plans that hold, and no line that does not belong.</summary>
    public bool IsComplete => Problems.Count == 0;

    /// <summary>The leaves with the names of the suites that they are in, outermost first, joined by dots.</summary>
    public IEnumerable<(string Suite, KtapTest Case)> Cases => Leaves("", Tests);

    private static IEnumerable<(string, KtapTest)> Leaves(string suite, IEnumerable<KtapTest> tests) =>
        tests.SelectMany(test => test.Tests.Count == 0 ? [(suite, test)] : Leaves(suite.Length == 0 ? test.Name : suite + "." + test.Name, test.Tests));
}
