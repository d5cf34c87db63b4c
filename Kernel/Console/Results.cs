using System;
using Sluice.Platform;

namespace Sluice.Console;

/// <summary>
/// The channel for programs: test results and figures, apart from the console so that no kernel message can break them. QEMU's
/// debug console (port 0xE9, reads as 0xE9), else the second serial port, else nothing.
/// </summary>
internal static class Results
{
    private const ushort DebugConsole = 0xE9;
    private const ushort Com2 = 0x2F8;

    private static ushort _port;

    /// <summary>Whether anybody can listen.</summary>
    public static bool IsPresent => _port != 0;

    /// <summary>Looks for the channel. Once, while starting.</summary>
    public static void Initialize()
    {
        if (PortIo.In8(DebugConsole) == 0xE9)
            _port = DebugConsole;
        else if (SerialPort.TryInitialize(Com2))
            _port = Com2;
    }

    /// <summary>Writes text as it is.</summary>
    public static void Write(ReadOnlySpan<byte> text)
    {
        if (_port == DebugConsole)
        {
            foreach (byte character in text)
                PortIo.Out8(DebugConsole, character);
        }
        else if (_port == Com2)
        {
            foreach (byte character in text)
                SerialPort.Write(Com2, character);
        }
    }

    /// <summary>Writes a line.</summary>
    public static void WriteLine(scoped in Utf8Message message)
    {
        Write(message.Text);
        Write("\n"u8);
    }
}
