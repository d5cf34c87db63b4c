using System;
using System.Runtime;
using Sluice.Console;
using Sluice.Platform;
using Sluice.Runtime;
using Sluice.SelfTest;

namespace Sluice;

/// <summary>Where Boot/entry.s hands over.</summary>
internal static unsafe class Kernel
{
    [RuntimeExport("kernel_main")]
    private static void Main(uint bootInformation, ulong timestamp)
    {
        ObjectHeap.Feed(PhysicalMemory.At(new PhysAddr(64 << 20)), 1 << 20);
        Clock.SetStart(timestamp);
        SerialPort.TryInitialize(0x3F8);
        Log.Console = &ToSerial;
        Results.Initialize();
        Log.Info($"Sluice, boot information at {bootInformation:x8}");
        TestTotals totals = SelfTests.RunAll("*"u8);
        PortIo.Out32(0xF4, totals.Failed == 0 ? 0x10u : 0x11u);
        while (true) ;
    }

    private static void ToSerial(ulong microseconds, LogLevel level, ReadOnlySpan<byte> text)
    {
        Utf8Message stamp = $"[{microseconds / 1_000_000,5}.{microseconds % 1_000_000 :d6}] ";
        foreach (byte b in stamp.Text)
            SerialPort.Write(0x3F8, b);
        foreach (byte b in text)
            SerialPort.Write(0x3F8, b);
        SerialPort.Write(0x3F8, (byte)'\r');
        SerialPort.Write(0x3F8, (byte)'\n');
    }

    [RuntimeExport("sluice_panic")]
    private static void Panic(byte* text, int length)
    {
        for (int i = 0; i < length; i++)
            PortIo.Out8(0x3F8, text[i]);
        PortIo.Out32(0xF4, 0x12);
        while (true) ;
    }
}
