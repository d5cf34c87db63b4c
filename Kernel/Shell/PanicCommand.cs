using System;
using Sluice.Console;
using Sluice.SelfTest;

namespace Sluice.Shell;

/// <summary>Stops the kernel on purpose.</summary>
internal static unsafe class PanicCommand
{
    public static bool Run(CommandWords words)
    {
        if (!words.TryNext(out ReadOnlySpan<byte> name))
        {
            List();
            return true;
        }
        if (words.TryNext(out _))
            return false;
        if (!TryCause(name))
            Terminal.WriteLine($"there is no kind {name}; panic without a kind lists those there are");
        return true;
    }

    /// <summary>Causes a panic of a kind; returns only if there is no such kind: false.</summary>
    public static bool TryCause(ReadOnlySpan<byte> name)
    {
        if (!PanicKinds.TryFind(name, out PanicKind kind))
            return false;
        kind.Provoke();
        return true;
    }

    private static void List()
    {
        Terminal.WriteLine($"Kinds, and what the report will say:");
        for (int i = 0; i < PanicKinds.Count; i++)
        {
            PanicKind kind = PanicKinds.At(i);
            Terminal.WriteLine($"  \e[1;96m{kind.Name,-14}\e[0m {kind.Expected}");
        }
    }
}
