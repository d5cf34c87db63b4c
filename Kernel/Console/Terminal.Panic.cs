namespace Sluice.Console;

/// <summary>The console's last use: no locks, nothing that a broken kernel could have left half-done.</summary>
internal static unsafe partial class Terminal
{
    private static bool _panicking;

    /// <summary>
    /// From here on this CPU alone writes, without locks, whatever state the terminal was in. Any context, interrupts off. Called
    /// again (the report itself failed, perhaps in the screen's code) it goes on with the serial port alone.
    /// </summary>
    public static void BeginPanic()
    {
        if (_panicking)
            _screen = null;
        _panicking = true;
        _serial.Reset();
        Send("\e[0m\n"u8, Outputs.Serial);
        _screen?.Reset();
        PrintLog(ref _logged, ulong.MaxValue, Outputs.All);
    }

    /// <summary>Writes a line that catches the eye: on the screen across its whole width, white on red.</summary>
    public static void WriteHeadline(scoped in Utf8Message message)
    {
        WriteLine(message, Outputs.Serial);
        Write("\e[1;97;41m "u8, Outputs.Screen);
        Write(message, Outputs.Screen);
        Write("\e[K\e[0m\n"u8, Outputs.Screen);
    }
}
