using System;
using Sluice.Platform;

namespace Sluice.Console;

/// <summary>What people see and type.</summary>
internal static unsafe class Terminal
{
    private const ushort Com1 = 0x3F8;

    private static bool _serial;

    public static void Initialize()
    {
        _serial = SerialPort.TryInitialize(Com1);
        Log.Console = &WriteLogLine;
    }

    public static void BeginPanic()
    {
    }

    public static void Write(ReadOnlySpan<byte> text)
    {
        if (!_serial)
            return;
        foreach (byte character in text)
        {
            if (character == '\n')
                SerialPort.Write(Com1, (byte)'\r');
            SerialPort.Write(Com1, character);
        }
    }

    public static void WriteLine(scoped in Utf8Message message)
    {
        Write(message.Text);
        Write("\n"u8);
    }

    private static void WriteLogLine(ulong microseconds, LogLevel level, ReadOnlySpan<byte> text)
    {
        WriteLine($"[{microseconds / 1_000_000,5}.{microseconds % 1_000_000:d6}] {text}");
    }
}
