using System.Runtime;
using Sluice.Platform;

namespace Sluice;

/// <summary>Where Boot/entry.s hands over.</summary>
internal static unsafe class Kernel
{
    [RuntimeExport("kernel_main")]
    private static void Main(uint bootInformation, ulong timestamp)
    {
        System.ReadOnlySpan<byte> hello = "hello from sluice\r\n"u8;
        foreach (byte b in hello)
            PortIo.Out8(0x3F8, b);
        PortIo.Out32(0xF4, 0x10);
        while (true) ;
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
