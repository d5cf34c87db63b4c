using System;
using Sluice.Platform;

namespace Sluice.Pci;

// Power states. Source: PCI Power Management 1.2, sections 3.2.4 (control) and 5.4.1 (from D3 to D0).
public sealed partial class PciFunction
{
    private const uint HeaderBytes = 0x40, PowerControl = 4, PowerBytes = 8, PowerState = 3;
    private const ulong WakeMicroseconds = 10_000;

    // Firmware, or who had the computer before, may have switched it off: its BARs answer in D0 alone. On its way there it may forget what is in its header.
    private void Wake()
    {
        if (!TryFind(CapabilityId.PowerManagement, PowerBytes, out uint offset))
            return;
        // What is pending is cleared by writing ones, and stays so.
        uint control = Read(offset + PowerControl, 2) & 0x7FFF;
        if ((control & PowerState) == 0)
            return;
        Span<uint> header = stackalloc uint[(int)HeaderBytes / 4];
        for (uint i = 0; i < HeaderBytes; i += 4)
            header[(int)i / 4] = Read(i, 4);
        Write(offset + PowerControl, 2, control & ~PowerState);
        Clock.Delay(WakeMicroseconds);
        for (uint i = ConfigurationOffsets.FirstBar; i < HeaderBytes; i += 4)
            Write(i, 4, header[(int)i / 4]);
    }
}
