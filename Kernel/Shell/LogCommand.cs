using System;
using Sluice.Console;

namespace Sluice.Shell;

/// <summary>Shows the log again.</summary>
internal static class LogCommand
{
    public static bool Run(CommandWords words)
    {
        LogLevel from = LogLevel.Info;
        if (words.TryNext(out ReadOnlySpan<byte> level))
        {
            if (level.SequenceEqual("debug"u8))
                from = LogLevel.Debug;
            else if (level.SequenceEqual("warn"u8))
                from = LogLevel.Warn;
            else if (!level.SequenceEqual("info"u8))
                return false;
        }
        if (words.TryNext(out _))
            return false;
        Terminal.WriteLog(from);
        return true;
    }
}
