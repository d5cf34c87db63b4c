using System;
using System.Runtime.CompilerServices;
using Sluice.Console;

namespace Sluice.SelfTest;

/// <summary>What a test case reports to. Source: KTAP version 1, Linux Documentation/dev-tools/ktap.rst.</summary>
internal struct Ktap
{
    private int _failures;

    /// <summary>Checks made so far in this case.</summary>
    public int Checks { get; private set; }

    /// <summary>Whether a check failed.</summary>
    public readonly bool Failed => _failures != 0;

    /// <summary>Whether the case said that it cannot run here.</summary>
    public bool Skipped { get; private set; }

    /// <summary>Notes a failure, and goes on, unless the condition holds; returns the condition.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]   // thousands of calls; in place each would hold a message
    public bool Check(bool condition, scoped ReadOnlySpan<byte> what)
    {
        Checks++;
        if (!condition)
            Fail($"not so: {what}");
        return condition;
    }

    /// <summary>Notes a failure, and goes on, unless both are equal.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public bool Equal(ulong expected, ulong actual, scoped ReadOnlySpan<byte> what)
    {
        Checks++;
        if (expected != actual)
            Fail($"{what}: expected {expected} (0x{expected:x}), got {actual} (0x{actual:x})");
        return expected == actual;
    }

    /// <summary>Says that the case cannot run on this machine, and why.</summary>
    public void Skip(scoped ReadOnlySpan<byte> why)
    {
        Skipped = true;
        Note($"skipped: {why}");
    }

    /// <summary>A line for people among the results.</summary>
    public static void Note(scoped in Utf8Message message)
    {
        Results.Write("    # "u8);
        Results.WriteLine(message);
    }

    private void Fail(scoped in Utf8Message message)
    {
        // The first few say what is wrong; a loop of thousands must not drown the rest.
        if (_failures++ < 8)
        {
            Note(message);
            Log.Warn($"{message.Text}");
        }
    }
}
