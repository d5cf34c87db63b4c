using Sluice.Platform;

namespace Sluice.Console;

/// <summary>
/// A 16550 serial port at 115,200 baud, 8N1. A port that stops sending costs one bounded wait, then its output is dropped until it
/// is ready again. Source: National Semiconductor PC16550D, section 8.
/// </summary>
internal struct SerialPort
{
    private const ushort Data = 0, InterruptEnable = 1, FifoControl = 2, InterruptIdentity = 2, LineControl = 3, ModemControl = 4;
    private const ushort LineStatus = 5, Scratch = 7;
    private const byte DataReady = 0x01, RoomToSend = 0x20, FifosOn = 0xC0, DivisorLatch = 0x80, EightBits = 0x03;

    // A full FIFO of 16 bytes leaves in 1.4 ms; an emulated port may wait for a busy reader on the host. The turns are for a clock
    // that stands still.
    private const ulong ReadyMicroseconds = 1_000_000;
    private const int ReadyTurns = 20_000_000, FifoBytes = 16;

    private readonly ushort _port;
    private byte _depth, _room;
    private bool _stuck;

    private SerialPort(ushort port) => _port = port;

    /// <summary>Whether there is a port.</summary>
    public readonly bool IsPresent => _port != 0;

    /// <summary>Sets a port up; false if there is none: the scratch register does not keep what is written.</summary>
    public static bool TryOpen(ushort port, out SerialPort serial)
    {
        serial = default;
        if (!Keeps(port, 0xA5) || !Keeps(port, 0x5A))
            return false;
        serial = new SerialPort(port);
        serial.Reset();
        return true;
    }

    /// <summary>Sets the registers again and forgets that the port was stuck: for a panic, which may have come in between two writes.</summary>
    public void Reset()
    {
        if (_port == 0)
            return;
        Out(LineControl, EightBits);
        Out(InterruptEnable, 0);
        Out(LineControl, DivisorLatch);
        Out(Data, 1);                                       // 115,200 baud
        Out(InterruptEnable, 0);
        Out(LineControl, EightBits);
        Out(FifoControl, 0x07);                             // FIFOs on and empty, an interrupt for each byte received
        Out(ModemControl, 0x0B);                            // DTR, RTS, OUT2 (lets the interrupt out)
        _depth = (byte)((In(InterruptIdentity) & FifosOn) == FifosOn ? FifoBytes : 1);
        _room = 0;
        _stuck = false;
    }

    /// <summary>
    /// Lets the port interrupt for bytes received; if some wait already, at once. Its line rises when the first comes and stays up, so
    /// whoever leaves bytes unread calls this again, or a line that is triggered by its edge never interrupts any more.
    /// </summary>
    public readonly void EnableReceiveInterrupt()
    {
        Out(InterruptEnable, 0);
        Out(InterruptEnable, 0x01);
    }

    /// <summary>Sends a byte, or drops it when the port is not ready in time.</summary>
    public void Write(byte value)
    {
        if (_port == 0)
            return;
        if (_room == 0)
        {
            if (!WaitUntilReady())
                return;
            _room = _depth;
        }
        _room--;
        Out(Data, value);
    }

    /// <summary>Takes a received byte, if there is one.</summary>
    public readonly bool TryRead(out byte value)
    {
        value = 0;
        if (_port == 0)
            return false;
        byte status = In(LineStatus);
        if (status == 0xFF || (status & DataReady) == 0)
            return false;
        value = In(Data);
        return true;
    }

    private bool WaitUntilReady()
    {
        ulong start = Clock.Microseconds;
        for (int turn = 0; turn < ReadyTurns; turn++)
        {
            if ((In(LineStatus) & RoomToSend) != 0)
            {
                _stuck = false;
                return true;
            }
            if (_stuck || Clock.Microseconds - start > ReadyMicroseconds)
                break;
        }
        _stuck = true;
        return false;
    }

    private static bool Keeps(ushort port, byte value)
    {
        PortIo.Out8((ushort)(port + Scratch), value);
        return PortIo.In8((ushort)(port + Scratch)) == value;
    }

    private readonly byte In(ushort register) => PortIo.In8((ushort)(_port + register));

    private readonly void Out(ushort register, byte value) => PortIo.Out8((ushort)(_port + register), value);
}
