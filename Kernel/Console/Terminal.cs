using System;
using System.Threading;
using Sluice.Platform;

namespace Sluice.Console;

/// <summary>Outputs of the terminal.</summary>
[Flags]
internal enum Outputs : byte
{
    Serial = 1,
    Screen = 2,
    All = Serial | Screen,
}

/// <summary>
/// The console for people: everything goes to the first serial port and to the screen. Lines end in <c>\n</c>; text may hold
/// control sequences for colours, which the serial port gets only when asked to. Writers wait for each other. An interrupt handler
/// logs instead: what it logs while somebody writes is printed by that writer when done.
/// </summary>
internal static unsafe partial class Terminal
{
    private const ushort Com1 = 0x3F8;

    private static SerialPort _serial;
    private static TextScreen? _screen;

    // Number of the CPU that writes, plus one; 0 if none does.
    private static int _writer;
    private static ulong _logged;

    /// <summary>Whether colours go to the serial port as well.</summary>
    public static bool SerialColours { get; set; }

    /// <summary>The screen, if there is one.</summary>
    public static TextScreen? Screen => _screen;

    /// <summary>Opens the serial port and prints the log from here on. Once, first thing.</summary>
    public static void Initialize()
    {
        SerialPort.TryOpen(Com1, out _serial);
        Log.Console = &OnLogged;
    }

    /// <summary>Stops using the serial port.</summary>
    public static void CloseSerial() => _serial = default;

    /// <summary>Adds the screen, and prints on it what the log holds so far. Once.</summary>
    public static void Attach(TextScreen screen)
    {
        if (!TryEnter())
            return;
        _screen = screen;
        ulong position = Log.Oldest;
        PrintLog(ref position, _logged, Outputs.Screen);
        screen.Flush();
        Leave();
    }

    /// <summary>Writes a text and a line end.</summary>
    public static void WriteLine(scoped in Utf8Message message, Outputs outputs = Outputs.All)
    {
        if (!Enter(message.Text))
            return;
        Send(message.Text, outputs);
        Send("\n"u8, outputs);
        Leave();
    }

    /// <summary>Writes a text.</summary>
    public static void Write(scoped in Utf8Message message, Outputs outputs = Outputs.All) => Write(message.Text, outputs);

    /// <summary>Writes a text.</summary>
    public static void Write(ReadOnlySpan<byte> text, Outputs outputs = Outputs.All)
    {
        if (!Enter(text))
            return;
        Send(text, outputs);
        Leave();
    }

    /// <summary>Shows or hides the screen's cursor.</summary>
    public static void ShowCursor(bool visible)
    {
        if (_screen is null || !Enter(default))
            return;
        _screen.CursorVisible = visible;
        Leave();
    }

    // False when this CPU writes already, so this is an interrupt handler: its text is left in the log.
    private static bool Enter(ReadOnlySpan<byte> text)
    {
        if (_panicking)
            return true;
        if (Volatile.Read(ref _writer) == Cpu.Id + 1)
        {
            Log.Write(LogLevel.Info, text);
            return false;
        }
        while (!TryEnter())
            Cpu.Pause();
        return true;
    }

    private static bool TryEnter() => Interlocked.CompareExchange(ref _writer, Cpu.Id + 1, 0) == 0;

    // What others logged meanwhile is printed before and after the lock is given up, so that none of it waits for the next writer.
    private static void Leave()
    {
        do
        {
            PrintLog(ref _logged, ulong.MaxValue, Outputs.All);
            _screen?.Flush();
            if (_panicking)
                return;
            Volatile.Write(ref _writer, 0);
        }
        while (_logged != Log.Newest && TryEnter());
    }

    private static void Send(ReadOnlySpan<byte> text, Outputs outputs)
    {
        if ((outputs & Outputs.Serial) != 0)
            SendSerial(text);
        if ((outputs & Outputs.Screen) != 0)
            _screen?.Write(text);
    }

    private static void SendSerial(ReadOnlySpan<byte> text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!SerialColours)
            {
                while (i < text.Length && Colours.Skip(text, i) is int next && next != i)
                    i = next;
                if (i == text.Length)
                    return;
            }
            if (text[i] == '\n')
                _serial.Write((byte)'\r');
            _serial.Write(text[i]);
        }
    }
}
