namespace Sluice.Tests;

/// <summary>How a test case ended.</summary>
public enum Outcome
{
    /// <summary>It did what it should.</summary>
    Passed,

    /// <summary>It did not, or did not end at all.</summary>
    Failed,

    /// <summary>It said that it does not apply here, and why.</summary>
    Skipped,
}

/// <summary>One line of the count: a test method's case, or a case that a kernel reported.</summary>
/// <param name="Class">What it belongs to: a class, or <c>kernel.SUITE</c>.</param>
/// <param name="Name">Its name, unique within the class.</param>
/// <param name="Seconds">How long it took; 0 when not known.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Message">Why it failed or was skipped; empty when it passed.</param>
/// <param name="Output">What it wrote.</param>
public sealed record TestCase(string Class, string Name, double Seconds, Outcome Outcome, string Message = "", string Output = "");
