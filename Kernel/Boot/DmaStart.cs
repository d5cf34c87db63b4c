using System;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Boot;

/// <summary>Gives each PCI function its DMA, as the boot argument <c>dma</c> wants it.</summary>
internal static class DmaStart
{
    private const ulong MostFrames = 4096;

    /// <summary>What all devices share.</summary>
    public static DmaSystem System { get; private set; } = null!;

    /// <summary>Once, when the functions are known and before their drivers start.</summary>
    public static void Initialize()
    {
        RangeSet usable = SystemMemory.Map.Usable;
        DmaOptions options = new(BootArguments.Text(Argument.Dma));
        System = new DmaSystem(Pages.Allocator, Slab.Heap, PhysAddr.FromFrame(usable[usable.Count - 1].End) - 1, options.Check);
        if (options.Check)
            Log.Info($"dma: misuse is looked for");
        ReadOnlySpan<byte> unknown = options.Unknown;
        if (!unknown.IsEmpty)
            Log.Warn($"boot argument dma: {unknown}: there is no such word");
        if (options.TryGetPoolBytes(out ulong most))
            System.BounceLimit = most;
        // A sixteenth of the memory at most: enough for the rings of many cards, and small machines keep some for the rest.
        ulong frames = usable.Frames / 16;
        System.Frames = new FramePool(System, (int)Math.Min(frames, MostFrames), options.FramesAnywhere ? 64 : 32);
        foreach (PciFunction function in PciBus.Functions)
        {
            if (function.Kind != HeaderKind.Endpoint)
                continue;
            Utf8Message name = $"{function.Address}";
            function.AttachDma(System.NewDevice(name.Text, options.Bounces(name.Text)));
        }
    }
}
