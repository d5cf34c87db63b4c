using System;
using Sluice.Console;

namespace Sluice.Boot;

/// <summary>
/// The boot arguments: from the boot loader's command line and, in QEMU, from a firmware configuration item behind it. What is
/// unknown or malformed is logged and ignored. <see cref="ArgumentInfo"/> lists them.
/// </summary>
internal static class BootArguments
{
    private const int MaxItem = 1024;

    private static ArgumentSet _set;

    /// <summary>Reads them. Once, while starting, before anybody asks for one.</summary>
    public static void Read(ReadOnlySpan<byte> commandLine)
    {
        Take(commandLine);
        Span<byte> item = stackalloc byte[MaxItem];
        if (FirmwareConfig.TryRead("opt/org.sluice/args"u8, item, out int length))
            Take(item.Slice(0, length));
        Apply();
    }

    /// <summary>Whether a flag is on.</summary>
    public static bool IsOn(Argument argument) => _set.Number(argument) != 0;

    /// <summary>A number, or which word of a choice.</summary>
    public static ulong Number(Argument argument) => _set.Number(argument);

    /// <summary>A text; empty if not given.</summary>
    public static ReadOnlySpan<byte> Text(Argument argument) => _set.Text(argument);

    /// <summary>Whether it was named on the command line.</summary>
    public static bool IsGiven(Argument argument) => _set.IsGiven(argument);

    /// <summary>What follows tests and measurements.</summary>
    public static After After => (After)_set.Number(Argument.After);

    private static void Take(ReadOnlySpan<byte> line)
    {
        Span<byte> word = stackalloc byte[ArgumentSet.MaxWord];
        ArgumentWords words = new(line);
        while (words.TryNext(word, out int length, out bool whole))
        {
            ArgumentProblem problem = whole ? _set.Take(word.Slice(0, length)) : ArgumentProblem.BadText;
            if (problem != ArgumentProblem.None)
                Report(problem, word.Slice(0, length));
        }
    }

    private static void Report(ArgumentProblem problem, Span<byte> word)
    {
        // It goes to a terminal.
        foreach (ref byte value in word)
        {
            if (value is < (byte)' ' or > (byte)'~')
                value = (byte)'?';
        }
        ReadOnlySpan<byte> why = problem switch
        {
            ArgumentProblem.Unknown => "there is no such argument"u8,
            ArgumentProblem.NoValue => "it needs a value"u8,
            ArgumentProblem.BadValue => "its value is none of those allowed"u8,
            _ => "it is too long, or not printable"u8,
        };
        Log.Warn($"boot argument ignored: {word}: {why}");
    }

    private static void Apply()
    {
        Log.ConsoleLevel = (LogLevel)_set.Number(Argument.Log);
        var serial = (SerialUse)_set.Number(Argument.Serial);
        Terminal.SerialColours = serial == SerialUse.Colour;
        if (serial == SerialUse.Off)
            Terminal.CloseSerial();
    }
}
