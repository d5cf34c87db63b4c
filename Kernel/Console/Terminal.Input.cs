using Sluice.Platform;

namespace Sluice.Console;

/// <summary>
/// The console's input: bytes from the serial port, and keys as the bytes that a terminal would send for them. By interrupt where
/// the lines could be taken, else by looking.
/// </summary>
internal static unsafe partial class Terminal
{
    // Taken at once: a device that always has another byte must not hold the CPU.
    private const int MaxBurst = 64;

    private static InputRing _input;
    private static Keyboard? _keyboard;
    private static InterruptToken _serialLine, _keyboardLine;

    /// <summary>Whether all input comes by interrupt, so that nobody needs to look.</summary>
    public static bool InterruptsOnInput =>
        (_serialLine.IsValid || !_serial.IsPresent) && (_keyboardLine.IsValid || _keyboard is null);

    /// <summary>Uses a keyboard. Once.</summary>
    public static void Attach(Keyboard keyboard) => _keyboard = keyboard;

    /// <summary>Asks for the lines of serial port and keyboard (ISA 4 and 1). Once, when interrupts are set up. Allocates.</summary>
    public static void TakeInterrupts()
    {
        InterruptController interrupts = Machine.Interrupts;
        if (_serial.IsPresent && interrupts.TryTakeLine(InterruptLine.Isa(4), new Source(&PollSerial), "serial port"u8, out _serialLine))
            _serial.EnableReceiveInterrupt();
        if (_keyboard is not null)
            interrupts.TryTakeLine(InterruptLine.Isa(1), new Source(&PollKeyboard), "keyboard"u8, out _keyboardLine);
    }

    /// <summary>Takes a byte of input, if there is one. Only one reader; not for interrupt handlers.</summary>
    public static bool TryRead(out byte value)
    {
        if (!_serialLine.IsValid || !_keyboardLine.IsValid)
            Poll();
        return _input.TryTake(out value);
    }

    private static void Poll()
    {
        bool interrupts = Cpu.DisableInterrupts();
        if (!_serialLine.IsValid)
            PollSerial();
        if (!_keyboardLine.IsValid)
            PollKeyboard();
        Cpu.RestoreInterrupts(interrupts);
    }

    private static bool PollSerial()
    {
        int count = 0;
        while (count < MaxBurst && _serial.TryRead(out byte value))
        {
            _input.TryAdd(value);
            count++;
        }
        if (count == MaxBurst && _serialLine.IsValid)
            _serial.EnableReceiveInterrupt();
        return count > 0;
    }

    private static bool PollKeyboard()
    {
        int count = 0;
        while (_keyboard is not null && count < MaxBurst && _keyboard.TryRead(out KeyBytes key))
        {
            for (int i = 0; i < key.Count; i++)
                _input.TryAdd(key[i]);
            count++;
        }
        return count > 0;
    }

    /// <summary>One of the two, as a driver of interrupts sees it.</summary>
    private sealed class Source(delegate*<bool> poll) : IInterruptHandler
    {
        private readonly delegate*<bool> _poll = poll;

        public bool OnInterrupt() => _poll();
    }
}
