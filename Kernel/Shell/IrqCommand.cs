using System;
using Sluice.Console;
using Sluice.Platform;

namespace Sluice.Shell;

/// <summary>Who is interrupted by what, and how often.</summary>
internal static class IrqCommand
{
    public static bool Run(CommandWords words)
    {
        if (words.TryNext(out _))
            return false;
        Terminal.WriteLine($"  \e[90mvector  by        line     handled  not its own  name\e[0m");
        int position = 0;
        while (Machine.Interrupts.TryNext(ref position, out InterruptUse use))
            Describe(in use);
        InterruptTotals totals = Machine.Interrupts.Totals;
        Terminal.WriteLine($"  {totals.Delivered} delivered, {totals.Spurious} spurious, {totals.Unknown} with a vector that nobody asked for,");
        Terminal.WriteLine($"  {totals.Errors} errors of the controller, {totals.LinesShutOff} lines shut off because nobody claimed them");
        return true;
    }

    private static void Describe(ref readonly InterruptUse use)
    {
        bool isLine = use.Route is InterruptRoute.Line or InterruptRoute.GuessedLine;
        ReadOnlySpan<byte> by = use.Route switch
        {
            InterruptRoute.Message => "message"u8,
            InterruptRoute.Line => "line"u8,
            InterruptRoute.GuessedLine => "line?"u8,
            InterruptRoute.Polled => "polling"u8,
            _ => "CPU"u8,
        };
        Terminal.WriteLine(
            $"  {new OrDash(use.Vector != 0, use.Vector),6}  {by,-7} {new OrDash(isLine, use.Line),6} {use.Claimed,11}  {use.Unclaimed,11}  \e[1m{use.Name.Text}\e[0m{(use.IsMasked ? " (masked)"u8 : default)}");
    }

    /// <summary>A number, or a dash where there is none.</summary>
    private readonly struct OrDash(bool isThere, uint value) : IUtf8Formattable
    {
        public void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format)
        {
            if (isThere)
                writer.Append(value);
            else
                writer.Append((byte)'-');
        }
    }
}
