using System;

namespace Sluice.Console;

/// <summary>The log as it appears on the console: time since the kernel's entry in seconds, then the text, coloured by level.</summary>
internal static unsafe partial class Terminal
{
    private const int MaxLine = 240;

    /// <summary>Whether somebody edits the line in which the cursor stands. Lines of the log take its place and make this false: then it is shown again.</summary>
    public static bool EditsLine { get; set; }

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
