using System;
using Sluice.Arch;
using Sluice.Runtime;

namespace Sluice.Panic;

/// <summary>The chain of calls that led to a frame, by the map of the image's code.</summary>
internal static unsafe class Backtrace
{
    // Where a recursion makes lines too many, those between are left out: the innermost tell what broke, the outermost who began it.
    private const int Innermost = 18, Outermost = 12;

    /// <summary>
    /// Prints one line a call, innermost first, but one for calls in a row from the same place. Ends at the first address that it
    /// knows nothing about.
    /// </summary>
    public static void Print(InterruptFrame* frame)
    {
        int lines = 0;
        for (CallWalk count = new(frame); count.TryNext(out _, out _);)
            lines++;
        int omitted = 0, line = 0;
        CallWalk walk = new(frame);
        for (; walk.TryNext(out ulong address, out int times); line++)
        {
            if (line >= Innermost && line < lines - Outermost)
            {
                omitted += times;
                continue;
            }
            if (omitted > 0)
                PanicReport.Line($"  ... {omitted} calls omitted ...");
            omitted = 0;
            PrintCall(line, address, times);
        }
        if (walk.IsCut)
            PanicReport.Line($"  ... and more");
    }

    private static void PrintCall(int number, ulong address, int times)
    {
        ReadOnlySpan<byte> word = number == 0 ? "at"u8 : "by"u8;
        if (UnwindTable.TryName(address, out PackedName name, out uint offset))
            PanicReport.Line($"  {word} \e[1m{name.Text}\e[0m+0x{offset:x}  [{address:x16}]");
        else
            PanicReport.Line($"  {word} ?  [{address:x16}]");
        if (times > 1)
            PanicReport.Line($"  ... {times - 1} more calls from there ...");
    }

    /// <summary>Whether a part of a stack can be read: a broken chain must not fault again.</summary>
    internal static bool IsReadable(ulong address, ulong bytes) =>
        (address & 7) == 0 && address + bytes > address && Probe.TryRead(address) && Probe.TryRead(address + bytes - 1);
}
