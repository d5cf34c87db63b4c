using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>
/// The pair of 8259A controllers: initialised so that even a spurious interrupt has a harmless vector, then shut off for good.
/// Source: Intel 8259A datasheet (231468), "Programming the 8259A".
/// </summary>
internal static class LegacyPic
{
    /// <summary>Where lines 0 to 15 would arrive.</summary>
    public const byte FirstVector = 32;

    private const ushort Command1 = 0x20, Data1 = 0x21, Command2 = 0xA0, Data2 = 0xA1;
    private const byte InitializeCascaded = 0x11, Mode8086 = 0x01, AllLines = 0xFF;

    /// <summary>Remaps both and masks all lines. Harmless where there are none.</summary>
    public static void ShutOff()
    {
        PortIo.Out8(Data1, AllLines);
        PortIo.Out8(Data2, AllLines);
        PortIo.Out8(Command1, InitializeCascaded);
        PortIo.Out8(Command2, InitializeCascaded);
        PortIo.Out8(Data1, FirstVector);
        PortIo.Out8(Data2, FirstVector + 8);
        PortIo.Out8(Data1, 1 << 2);         // the second one is at line 2
        PortIo.Out8(Data2, 2);
        PortIo.Out8(Data1, Mode8086);
        PortIo.Out8(Data2, Mode8086);
        PortIo.Out8(Data1, AllLines);
        PortIo.Out8(Data2, AllLines);
    }
}
