using Sluice.Platform;

namespace Sluice.Pci;

/// <summary>
/// Finds out how much each base address register decodes: all ones are written, and what reads back is the mask. Decoding is off
/// meanwhile, so the function is nowhere else for a moment; the address that firmware chose is put back. Source: PCI Local Bus 3.0,
/// section 6.2.5.1.
/// </summary>
internal static class BarSizing
{
    /// <summary>Sizes all of a function's registers. Interrupts are off meanwhile: a handler could need the function.</summary>
    public static void Run(PciFunction function)
    {
        if (function.Class.IsHostBridge)
        {
            ShowHostBridge(function);
            return;
        }
        bool interrupts = Cpu.DisableInterrupts();
        PciCommand before = function.Command.Change(PciCommand.PortSpace | PciCommand.MemorySpace, 0);
        for (int i = 0; i < function.BarCount; i++)
        {
            uint low = ReadAndMask(function, i, out uint lowMask), high = 0, highMask = 0;
            if (low == uint.MaxValue)       // gone while we look
                break;
            bool has64 = Bar.Is64(low);
            if (has64 && i + 1 < function.BarCount)
                high = ReadAndMask(function, i + 1, out highMask);
            function.SetBar(i, Bar.Decode(low, high, lowMask, highMask));
            i += has64 ? 1 : 0;
        }
        function.Command.Write(before);
        Cpu.RestoreInterrupts(interrupts);
    }

    // A host bridge may decode memory by its BARs, and hide it while it is sized.
    private static void ShowHostBridge(PciFunction function)
    {
        for (int i = 0; i < function.BarCount; i++)
        {
            uint low = function.Read(OffsetOf(i), 4);
            uint high = i + 1 < function.BarCount ? function.Read(OffsetOf(i + 1), 4) : 0;
            function.SetBar(i, Bar.Unsized(low, high));
            i += Bar.Is64(low) ? 1 : 0;
        }
    }

    private static uint ReadAndMask(PciFunction function, int index, out uint mask)
    {
        uint offset = OffsetOf(index), value = function.Read(offset, 4);
        function.Write(offset, 4, uint.MaxValue);
        mask = function.Read(offset, 4);
        function.Write(offset, 4, value);
        return value;
    }

    private static uint OffsetOf(int index) => ConfigurationOffsets.FirstBar + 4 * (uint)index;
}
