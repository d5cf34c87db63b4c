using System;
using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Console;

/// <summary>
/// The channel for programs: test results and figures, apart from the console so that no kernel message can break them. QEMU's
/// debug console (port 0xE9, reads as 0xE9), else the second serial port, else nothing.
/// </summary>
internal static unsafe class Results
{
    private const ushort DebugConsole = 0xE9, Com2 = 0x2F8;
    private const int MostLineBytes = 256;

    private static bool _debugConsole;
    private static SerialPort _serial;
    private static int _lineBytes;
    private static Line _line;

    /// <summary>Whether anybody can listen.</summary>
    public static bool IsPresent => _debugConsole || _serial.IsPresent;

    /// <summary>Looks for the channel. Once, while starting.</summary>
    public static void Initialize()
    {
        _debugConsole = PortIo.In8(DebugConsole) == 0xE9;
        if (!_debugConsole)
            SerialPort.TryOpen(Com2, out _serial);
    }

    /// <summary>Who gets each line of text, too, without its end; lines are cut off behind 256 bytes.</summary>
    public static delegate*<ReadOnlySpan<byte>, void> Listener { get; set; }

    /// <summary>Writes text as it is.</summary>
    public static void Write(ReadOnlySpan<byte> text)
    {
        WriteAlone(text);
        if (Listener == null)
            return;
        foreach (byte character in text)
        {
            if (character == '\n')
            {
                Listener(((ReadOnlySpan<byte>)_line).Slice(0, _lineBytes));
                _lineBytes = 0;
            }
            else if (_lineBytes < MostLineBytes)
            {
                _line[_lineBytes++] = character;
            }
        }
    }

    /// <summary>Writes text as it is, for the channel alone.</summary>
    public static void WriteAlone(ReadOnlySpan<byte> text)
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

    [InlineArray(MostLineBytes)]
    private struct Line
    {
        private byte _first;
    }
}
