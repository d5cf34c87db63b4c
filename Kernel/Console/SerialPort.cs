using Sluice.Platform;

namespace Sluice.Console;

/// <summary>A 16550 serial port at 115,200 baud, 8N1, polled. Source: National Semiconductor PC16550D, section 8.</summary>
internal static class SerialPort
{
    private const ushort Data = 0, InterruptEnable = 1, FifoControl = 2, LineControl = 3, ModemControl = 4, LineStatus = 5, Scratch = 7;

    // A byte takes 87 us at 115,200 baud; a port that is never ready must not hold the kernel.
    private const int ReadyTurns = 200_000;

    /// <summary>Sets the port up; false if there is none: the scratch register does not keep what is written.</summary>
    public static bool TryInitialize(ushort port)
    {
        PortIo.Out8((ushort)(port + Scratch), 0xA5);
        if (PortIo.In8((ushort)(port + Scratch)) != 0xA5)
            return false;
        PortIo.Out8((ushort)(port + InterruptEnable), 0);
        PortIo.Out8((ushort)(port + LineControl), 0x80);      // divisor latch
        PortIo.Out8((ushort)(port + Data), 1);                // 115,200 baud
        PortIo.Out8((ushort)(port + InterruptEnable), 0);
        PortIo.Out8((ushort)(port + LineControl), 0x03);      // 8N1
        PortIo.Out8((ushort)(port + FifoControl), 0xC7);      // FIFOs on and empty
        PortIo.Out8((ushort)(port + ModemControl), 0x0B);     // DTR, RTS, OUT2
        return true;
    }

    /// <summary>Sends a byte; given up when the port is not ready in time.</summary>
    public static void Write(ushort port, byte value)
    {
        for (int i = 0; i < ReadyTurns; i++)
        {
            if ((PortIo.In8((ushort)(port + LineStatus)) & 0x20) != 0)
                break;
        }
        PortIo.Out8((ushort)(port + Data), value);
    }

    /// <summary>Takes a received byte, if there is one.</summary>
    public static bool TryRead(ushort port, out byte value)
    {
        value = 0;
        byte status = PortIo.In8((ushort)(port + LineStatus));
        if (status == 0xFF || (status & 1) == 0)
            return false;
        value = PortIo.In8((ushort)(port + Data));
        return true;
    }
}
