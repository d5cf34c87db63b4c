using System;

namespace Sluice.Console;

/// <summary>The log as it appears on the console: time since the kernel's entry in seconds, then the text, coloured by level.</summary>
internal static unsafe partial class Terminal
{
    private const int MaxLine = 240;

    /// <summary>Whether a line that somebody edits stands where the cursor is. Lines of the log take its place and make this false.</summary>
    public static bool EditsLine { get; private set; }

    /// <summary>Shows a line that is edited from here on: the first time, and again when the log has taken its place.</summary>
    public static void BeginLine(ReadOnlySpan<byte> shown)
    {
        if (!Enter(shown))
            return;
        EditsLine = true;
        Send(shown, Outputs.All);
        Leave();
    }

    /// <summary>Writes what changes in the edited line; false, and nothing is written, if it has lost its place to the log.</summary>
    public static bool TryEcho(ReadOnlySpan<byte> change)
    {
        if (!Enter(change))
            return true;
        bool stands = EditsLine;
        if (stands)
            Send(change, Outputs.All);
        Leave();
        return stands;
    }

    /// <summary>Nobody edits a line any more: lines of the log go where the cursor is.</summary>
    public static void EndLine() => EditsLine = false;

    /// <summary>Prints lines of the log again, from a level up.</summary>
    public static void WriteLog(LogLevel from)
    {
        Span<byte> text = stackalloc byte[MaxLine];
        ulong position = Log.Oldest, end = Log.Newest;
        while (position < end && Log.TryRead(ref position, text, out ulong time, out LogLevel level, out int length))
        {
            if (level >= from && Enter(default))
            {
                SendLine(time, level, text.Slice(0, length), Outputs.All);
                Leave();
            }
        }
    }

    private static void OnLogged(ulong microseconds, LogLevel level, ReadOnlySpan<byte> text)
    {
        if (_panicking || TryEnter())
            Leave();
    }

    // Lines below the console's level are passed over.
    private static void PrintLog(ref ulong position, ulong end, Outputs outputs)
    {
        Span<byte> text = stackalloc byte[MaxLine];
        while (position < end && Log.TryRead(ref position, text, out ulong time, out LogLevel level, out int length))
        {
            if (level < Log.ConsoleLevel)
                continue;
            if (EditsLine)
                Send("\r\e[K"u8, outputs);
            EditsLine = false;
            SendLine(time, level, text.Slice(0, length), outputs);
        }
    }

    private static void SendLine(ulong time, LogLevel level, scoped ReadOnlySpan<byte> text, Outputs outputs)
    {
        ReadOnlySpan<byte> colour = level switch { LogLevel.Debug => "\e[90m"u8, LogLevel.Warn => "\e[1;93m"u8, _ => default };
        Utf8Message stamp = $"\e[90m[{time / 1_000_000,5}.{time % 1_000_000:d6}]\e[0m {colour}";
        Send(stamp.Text, outputs);
        Send(text, outputs);
        Send("\e[0m\n"u8, outputs);
    }
}
