using System;
using Sluice.Boot;
using Sluice.Console;
using Sluice.Dma;
using Sluice.Runtime;

namespace Sluice.Shell;

/// <summary>What devices have of the memory: masks, paths, mappings, bounce slots; and what was not given back.</summary>
internal static class DmaCommand
{
    // More lines than a screen has help nobody.
    private const int MostShown = 64, ReportsShown = 8;

    private static bool _marked;

    public static bool Run(CommandWords words)
    {
        DmaSystem system = DmaStart.System;
        system.Checker?.Sweep();
        if (!words.TryNext(out ReadOnlySpan<byte> what))
        {
            WriteDevices(system);
            WriteMappings(system, onlyNew: false);
            WritePool(system);
            WriteChecker(system.Checker);
            return true;
        }
        if (words.TryNext(out _))
            return false;
        if (what.SequenceEqual("mark"u8))
        {
            system.Mark();
            _marked = true;
            Terminal.WriteLine($"  marked; 'dma leak' shows what lives longer");
        }
        else if (what.SequenceEqual("leak"u8))
        {
            WriteLeaks(system);
        }
        else
        {
            return false;
        }
        return true;
    }

    private static void WriteDevices(DmaSystem system)
    {
        Terminal.WriteLine($"  \e[90mdevice       mask  coherent  path      in place   bounced       bytes    full  no memory  overlong\e[0m");
        foreach (DmaDevice device in system.Devices)
        {
            DmaCounters counters = device.Statistics;
            Terminal.Write($"  \e[1m{device.Name,-11}\e[0m {Bits(device.StreamingMask),2} bits   {Bits(device.CoherentMask),2} bits  {PathOf(device),-8} {device.LiveDirect,9} ");
            Terminal.WriteLine($"{counters.Bounced,9} {counters.BouncedBytes,11} {counters.BounceFull,7} {counters.NoMemory,10} {counters.Overlong,9}");
        }
        Terminal.WriteLine($"  \e[90min place: buffers that live now and need no record; bounced, bytes: since the start;\e[0m");
        Terminal.WriteLine($"  \e[90mfull: refused for want of slots; overlong: claimed to have written more than they had\e[0m");
    }

    private static void WriteMappings(DmaSystem system, bool onlyNew)
    {
        int position = 0, count = 0;
        while (system.TryNext(ref position, out MappingReport mapping))
        {
            if (onlyNew && mapping.IsOld)
                continue;
            if (count == 0)
                Terminal.WriteLine($"\n  \e[90mmapping of   family         direction    path         address     bytes  side    age, s  owner\e[0m");
            if (count++ < MostShown)
                WriteMapping(in mapping);
        }
        if (count > MostShown)
            Terminal.WriteLine($"  ... {count - MostShown} more");
        if (count == 0 && !onlyNew)
            Terminal.WriteLine($"\n  no mapping with a record");
    }

    private static void WriteMapping(ref readonly MappingReport mapping)
    {
        Terminal.Write($"  {mapping.Device.Name,-12} {mapping.Family.Text,-14} {mapping.Direction.Text,-12} {mapping.Path,-8} ");
        Terminal.Write($"{mapping.Address.Value,11:x} {mapping.Bytes,9}  {(mapping.IsDevices ? "device"u8 : "CPU"u8),-6} ");
        if (mapping.HasAge)
            Terminal.Write($"{mapping.AgeMicroseconds / 1_000_000,5}.{mapping.AgeMicroseconds / 100_000 % 10}  {mapping.Owner.Name}");
        else
            Terminal.Write($"{"-"u8,7}  {mapping.Owner.Name}");
        if (mapping.Method == null)
            Terminal.WriteLine($"");
        else
            Terminal.WriteLine($", {mapping.Method}:{mapping.Line}");
    }

    private static void WriteChecker(DmaChecker? checker)
    {
        if (checker == null)
        {
            Terminal.WriteLine($"  checker: off (boot with dma=check)");
            return;
        }
        Terminal.WriteLine($"  checker: {checker.Live} mappings checked, {checker.Unchecked} not, {checker.Refused} refused for want of memory; {checker.Reports} reports");
        for (int i = 0; i < DmaFaults.Count; i++)
        {
            if (checker.CountOf((DmaFault)i) != 0)
                Terminal.WriteLine($"  {checker.CountOf((DmaFault)i),7}  {((DmaFault)i).Text}");
        }
        for (ulong number = checker.Reports - Math.Min(checker.Reports, ReportsShown); number++ < checker.Reports;)
        {
            if (checker.TryGet(number, out _, out ReadOnlySpan<byte> text))
                Terminal.WriteLine($"  \e[90m{number,5}:\e[0m {text}");
        }
    }

    private static void WritePool(DmaSystem system)
    {
        BounceReport pool = system.BounceReport;
        Terminal.WriteLine(
            $"\n  bounce pool: {new ByteSize(pool.Bytes)} in {pool.Areas} areas, {new ByteSize(pool.Used)} in use or at hand, most {new ByteSize(pool.HighWater)}, limit {new ByteSize(system.BounceLimit)}; could not grow {pool.GrowthFailures} times");
    }

    private static void WriteLeaks(DmaSystem system)
    {
        if (!_marked)
        {
            Terminal.WriteLine($"  no mark yet: 'dma mark' first");
            return;
        }
        WriteMappings(system, onlyNew: true);
        bool any = false;
        for (int i = 0; i < system.Devices.Length; i++)
        {
            long grown = system.GrownDirect(i);
            if (grown == 0)
                continue;
            any = true;
            Terminal.WriteLine($"  {system.Devices[i].Name}: {(grown > 0 ? grown : -grown)} {(grown > 0 ? "more"u8 : "fewer"u8)} buffers in place than at the mark");
        }
        if (!any)
            Terminal.WriteLine($"  as many buffers in place as at the mark");
    }

    private static int Bits(ulong mask) => 64 - System.Numerics.BitOperations.LeadingZeroCount(mask);

    private static ReadOnlySpan<byte> PathOf(DmaDevice device) =>
        device.IsForcedToBounce ? "bounce"u8 : device.MayBounce ? "either"u8 : "direct"u8;
}
