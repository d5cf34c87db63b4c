using System.Diagnostics.CodeAnalysis;
using Sluice.Platform;

namespace Sluice.Console;

/// <summary>
/// The keyboard behind an i8042 controller. Every wait is bounded: a machine without one, or with a broken one, costs milliseconds.
/// Source: IBM PS/2 Hardware Interface Technical Reference, Keyboard/Auxiliary Device Controller.
/// </summary>
internal sealed class Keyboard
{
    private const ushort Data = 0x60, Status = 0x64, Command = 0x64;
    private const byte OutputFull = 0x01, InputFull = 0x02, FromMouse = 0x20, Missing = 0xFF;

    private const byte ReadConfiguration = 0x20, WriteConfiguration = 0x60, DisableMouse = 0xA7, SelfTest = 0xAA, DisableKeyboard = 0xAD;
    private const byte EnableKeyboard = 0xAE, SelfTestPassed = 0x55;

    // Bits of the configuration byte.
    private const byte KeyboardInterrupt = 0x01, MouseInterrupt = 0x02, KeyboardOff = 0x10, MouseOff = 0x20, Translate = 0x40;

    private const byte EnableScanning = 0xF4, Acknowledge = 0xFA;

    private const ulong WaitMicroseconds = 20_000, SelfTestMicroseconds = 200_000;
    private const int WaitTurns = 200_000, FlushBytes = 64;

    private ScanCodes _codes;

    private Keyboard(ScanCodeSet set) => _codes = new ScanCodes(set);

    /// <summary>
    /// Finds the controller and lets the keyboard send. <paramref name="known"/>: what ACPI says about the controller, if anything;
    /// when it says nothing, the self-test's answer decides. Interrupts off, or the controller's line masked. Allocates.
    /// </summary>
    public static bool TryOpen(bool? known, [NotNullWhen(true)] out Keyboard? keyboard)
    {
        keyboard = null;
        if (known == false || PortIo.In8(Status) == Missing)
            return false;
        // Off while it is set up, so that no key comes between a command and its answer.
        if (!TryCommand(DisableKeyboard) || !TryCommand(DisableMouse) || !Flush())
            return false;
        if (known == null && !(TryCommand(SelfTest) && TryReceive(SelfTestMicroseconds, out byte result) && result == SelfTestPassed))
            return false;
        if (!TryCommand(ReadConfiguration) || !TryReceive(WaitMicroseconds, out byte configuration))
            return false;
        configuration |= KeyboardInterrupt | MouseOff | Translate;
        configuration &= unchecked((byte)~(MouseInterrupt | KeyboardOff));
        if (!TryCommand(WriteConfiguration) || !TrySend(configuration))
            return false;
        // Some controllers cannot translate; then the keyboard's own codes come through.
        bool translates = TryCommand(ReadConfiguration) && TryReceive(WaitMicroseconds, out byte after) && (after & Translate) != 0;
        if (!TryCommand(EnableKeyboard))
            return false;
        // Not answered when no keyboard is plugged in; one that comes later scans without being told.
        if (TrySend(EnableScanning))
            TryReceiveAcknowledge();
        keyboard = new Keyboard(translates ? ScanCodeSet.One : ScanCodeSet.Two);
        return true;
    }

    /// <summary>Whether the controller holds a byte, and which key it completes, if any. Any context; one at a time.</summary>
    public bool TryRead(out KeyBytes key)
    {
        key = default;
        byte status = PortIo.In8(Status);
        if (status == Missing || (status & OutputFull) == 0)
            return false;
        byte code = PortIo.In8(Data);
        if ((status & FromMouse) == 0)
            key = _codes.Feed(code);
        return true;
    }

    private static bool TryCommand(byte command)
    {
        if (!WaitFor(InputFull, 0, WaitMicroseconds))
            return false;
        PortIo.Out8(Command, command);
        return true;
    }

    private static bool TrySend(byte value)
    {
        if (!WaitFor(InputFull, 0, WaitMicroseconds))
            return false;
        PortIo.Out8(Data, value);
        return true;
    }

    private static bool TryReceive(ulong microseconds, out byte value)
    {
        bool came = WaitFor(OutputFull, OutputFull, microseconds);
        value = came ? PortIo.In8(Data) : (byte)0;
        return came;
    }

    private static void TryReceiveAcknowledge()
    {
        // A key pressed in this moment may come first.
        for (int i = 0; i < 4 && TryReceive(WaitMicroseconds, out byte answer) && answer != Acknowledge; i++) ;
    }

    private static bool Flush()
    {
        for (int i = 0; i < FlushBytes; i++)
        {
            if ((PortIo.In8(Status) & OutputFull) == 0)
                return true;
            PortIo.In8(Data);
        }
        return false;
    }

    private static bool WaitFor(byte bits, byte wanted, ulong microseconds)
    {
        Deadline end = Deadline.In(microseconds);
        for (int turn = 0; turn < WaitTurns; turn++)
        {
            byte status = PortIo.In8(Status);
            if ((status & bits) == wanted)
                return true;
            if (status == Missing || end.Passed)
                break;
            Cpu.Pause();
        }
        return false;
    }
}
