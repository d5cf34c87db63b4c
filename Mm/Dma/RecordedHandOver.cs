using System.Runtime.CompilerServices;

namespace Sluice.Dma;

/// <summary>Hand-overs where something is to be done. The record knows on which side the buffer is, so a stale copy of a handle is found.</summary>
internal static unsafe class RecordedHandOver
{
    public static void Give(Mapping* mapping, ulong origin)
    {
        uint bytes = mapping->Room;
        if (mapping->Side != Side.Cpu || mapping->Origin != origin)
        {
            Misuse.StaleHandle(mapping);
            return;
        }
        mapping->Side = Side.Device;
        mapping->Given = bytes;
        if (mapping->IsReady)
        {
            BouncePath.CopyIn(mapping, bytes);
            return;
        }
        mapping->Path.Target.ForDevice(mapping, 0, bytes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void GiveFront(Mapping* mapping, ulong origin, uint bytes)
    {
        if (mapping->Side != Side.Cpu || mapping->Origin != origin)
            Misuse.StaleHandle(mapping);
        mapping->Side = Side.Device;
        mapping->Given = bytes;
        mapping->Path.Target.ForDevice(mapping, 0, bytes);
    }

    public static void Take(Mapping* mapping, ulong origin, uint written)
    {
        if (mapping->Side != Side.Device || mapping->Origin != origin)
        {
            TakeWatched(mapping, origin, written);
            return;
        }
        mapping->Side = Side.Cpu;
        if (mapping->Direction == DmaDirection.ToDevice)
            return;
        if (written > mapping->Given)
            written = Misuse.Overlong(mapping);
        mapping->Given = written;
        if (mapping->IsReady)
        {
            BouncePath.CopyOut(mapping, written);
            return;
        }
        mapping->Path.Target.ForCpu(mapping, 0, written);
    }

    private static void TakeWatched(Mapping* mapping, ulong origin, uint written)
    {
        if (mapping->Side != Side.Watched || mapping->Origin != origin)
        {
            Misuse.StaleHandle(mapping);
            return;
        }
        mapping->Side = Side.Cpu;
        if (written > mapping->Given)
            written = Misuse.Overlong(mapping);
        mapping->Device.Target.System.Checker!.Path.TakeBack(mapping, written);
        mapping->Given = written;
    }
}

/// <summary>Bugs of drivers that the types let through: the machine stops and says whose.</summary>
internal static unsafe class Misuse
{
    // The device's word, not the driver's fault; more than it had cannot be copied.
    public static uint Overlong(Mapping* mapping)
    {
        mapping->Device.Target.Counters.Overlong++;
        if (mapping->Checked != 0)
            mapping->Device.Target.System.Checker!.Report(DmaFault.Overlong, CheckRecord.Of(mapping));
        return mapping->Given;
    }

    public static void NotPages(Mapping* mapping)
    {
        mapping->Device.Target.System.Checker?.ReportHandle(DmaFault.WrongKind, mapping);
        Bug.Stop("dma: a buffer of a small block was unmapped as pages"u8);
    }

    public static void NotBlock(Mapping* mapping)
    {
        mapping->Device.Target.System.Checker?.ReportHandle(DmaFault.WrongKind, mapping);
        Bug.Stop("dma: a buffer of pages was unmapped as a small block"u8);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StaleHandle(Mapping* mapping)
    {
        mapping->Device.Target.System.Checker?.ReportHandle(DmaFault.StaleHandle, mapping);
        Utf8Message what = $"dma: {mapping->Device.Target.Name}: a copy of a handle was used: the buffer was handed over or released meanwhile";
        Bug.Stop(what.Text);
    }
}
