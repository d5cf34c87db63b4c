using System;
using Sluice.Console;
using Sluice.SelfTest;

namespace Sluice.Shell;

/// <summary>How a run of self-tests ended, readable across a room: on many machines the screen is the only output.</summary>
internal static class TestSummary
{
    /// <summary>Shows it on all outputs.</summary>
    public static void Show(ref readonly TestTotals totals, ReadOnlySpan<byte> glob)
    {
        if (totals.Passed + totals.Failed + totals.Skipped == 0)
        {
            Terminal.WriteLine($"\e[1;93mno self-test fits {glob}\e[0m");
            return;
        }
        ShowBig(in totals);
        ReadOnlySpan<byte> colour = totals.Failed == 0 ? "\e[1;92m"u8 : "\e[1;91m"u8;
        Terminal.WriteLine($"{colour}self-tests: {totals.Passed} passed, {totals.Failed} failed, {totals.Skipped} skipped\e[0m");
        for (int i = 0; i < FailedCases.Count; i++)
            Terminal.WriteLine($"  \e[91m✗\e[0m {FailedCases.Name(i)}");
        if (FailedCases.Missed > 0)
            Terminal.WriteLine($"  and {FailedCases.Missed} more");
    }

    private static void ShowBig(ref readonly TestTotals totals)
    {
        if (Terminal.Screen is not { HasAllGlyphs: true } screen)
            return;
        Utf8Message passed = $" {totals.Passed} passed ";
        Utf8Message failed = $" {totals.Failed} failed";
        ReadOnlySpan<byte> green = "\e[92m"u8, red = totals.Failed == 0 ? "\e[90m"u8 : "\e[91m"u8;
        Terminal.Write("\n"u8, Outputs.Screen);
        if (BigText.Columns(passed.Text) + BigText.Columns(failed.Text) <= screen.Columns)
        {
            Write(green, passed.Text, red, failed.Text);
        }
        else
        {
            Write(green, passed.Text, default, default);
            Write(red, failed.Text, default, default);
        }
        Terminal.Write("\n"u8, Outputs.Screen);
    }

    private static void Write(ReadOnlySpan<byte> colour, ReadOnlySpan<byte> text, ReadOnlySpan<byte> nextColour, ReadOnlySpan<byte> next)
    {
        Span<byte> room = stackalloc byte[1024];
        for (int i = 0; i < BigText.Lines; i++)
        {
            Utf8Writer line = new(room);
            line.Append(colour);
            BigText.AppendLine(ref line, text, i);
            line.Append(nextColour);
            BigText.AppendLine(ref line, next, i);
            line.Append("\e[0m\n"u8);
            Terminal.Write(line.Written, Outputs.Screen);
        }
    }
}
