using System;
using Sluice.Platform;

namespace Sluice.Console;

/// <summary>
/// The channel for programs: test results and figures, apart from the console so that no kernel message can break them. QEMU's
/// debug console (port 0xE9, reads as 0xE9), else the second serial port, else nothing.
/// </summary>
internal static class Results
{
    private const ushort DebugConsole = 0xE9, Com2 = 0x2F8;

    private static bool _debugConsole;
    private static SerialPort _serial;

    /// <summary>Whether anybody can listen.</summary>
    public static bool IsPresent => _debugConsole || _serial.IsPresent;

    /// <summary>Looks for the channel. Once, while starting.</summary>
    public static void Initialize()
    {
        _debugConsole = PortIo.In8(DebugConsole) == 0xE9;
        if (!_debugConsole)
            SerialPort.TryOpen(Com2, out _serial);
    }

    /// <summary>Writes text as it is.</summary>
    public static void Write(ReadOnlySpan<byte> text)
    {
        foreach (byte character in text)
        {
            if (_debugConsole)
                PortIo.Out8(DebugConsole, character);
            else
                _serial.Write(character);
        }
    }

    /// <summary>Writes a line.</summary>
    public static void WriteLine(scoped in Utf8Message message)
    {
        Write(message.Text);
        Write("\n"u8);
    }
}
