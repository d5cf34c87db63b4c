using System;
using System.Collections.Generic;
using System.Numerics;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Sluice.Tests.Mm;

namespace Sluice.Tests.Dma;

/// <summary>A machine with memory, and devices that reach some of it.</summary>
public sealed unsafe class DmaMachine : IDisposable
{
    /// <summary>A machine of the kind that is tested now.</summary>
    public DmaMachine(params (ulong Start, ulong Bytes)[] usable)
        : this(MachineMap.Of(usable.Length == 0 ? [(0x10_0000, 32 * Sluice.Tests.Mm.Machine.MiB)] : usable), MachineKind.Current)
    {
    }

    public DmaMachine(MachineMap map, MachineKind kind)
    {
        Kind = kind;
        Memory = new Sluice.Tests.Mm.Machine(map);
        if (!Memory.Started)
            throw new BugException("no memory for pages");
        if (kind.LineBytes == 0)
        {
            Ram = new DeviceRam(Memory.Memory.Base, Usable(Memory.Map));
        }
        else
        {
            var caches = new NoncoherentCaches(Memory.Memory.Base, kind.LineBytes, kind.Seed, Usable(Memory.Map)) { ChooseLive = ChooseLive };
            CacheLines.Current = caches;
            Ram = caches;
        }
        Slabs = new SlabHeap(Memory.Pages);
        try
        {
            System = new DmaSystem(Memory.Pages, Slabs, new PhysAddr(Memory.Memory.Bytes - 1), kind.Checked);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private ulong _reports;

    public MachineKind Kind { get; }

    public Sluice.Tests.Mm.Machine Memory { get; }

    public SlabHeap Slabs { get; }

    public DmaSystem System { get; }

    /// <summary>Memory as devices see it, with all address bits.</summary>
    public DeviceRam Ram { get; }

    /// <summary>Pages in use now; caches of the allocator count as free.</summary>
    public ulong PagesUsed
    {
        get
        {
            System.Checker?.Drain();
            ulong used = 0;
            for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
                used += Memory.Pages.Report(zone).Used;
            return used;
        }
    }

    /// <summary>A device of so many address bits; forced to bounce if asked for or if all of this kind of machine are.</summary>
    public DmaDevice Device(int bits = 32, bool forceBounce = false)
    {
        DmaDevice device = System.NewDevice("00:04.0"u8, forceBounce || Kind.Bounced);
        Xunit.Assert.Equal(Error.None, device.TrySetMasks(bits, bits));
        return device;
    }

    /// <summary>What a device reads from an address, as its side of the machine sees it.</summary>
    /// <param name="device">Whose address lines it has; all 64 of none.</param>
    public byte[] DeviceReads(DmaAddr address, uint bytes, DmaDevice? device = null)
    {
        byte[] read = new byte[bytes];
        Bus(device).Read(address.Value, read);
        return read;
    }

    /// <summary>A device writes to an address.</summary>
    public void DeviceWrites(DmaAddr address, ReadOnlySpan<byte> bytes, DmaDevice? device = null) => Bus(device).Write(address.Value, bytes);

    /// <summary>Says that the test is about misuse, which the checker will report.</summary>
    public void ExpectReports() => _reports = ulong.MaxValue;

    public void Dispose()
    {
        try
        {
            System.Checker?.Drain();
            if (System.Checker is { } checker && checker.Reports > _reports)
                Xunit.Assert.Fail(string.Join('\n', ReportsOf(checker)));
        }
        finally
        {
            CacheLines.Current = null;
            Memory.Dispose();
        }
    }

    private static IEnumerable<string> ReportsOf(DmaChecker checker)
    {
        for (ulong number = 1; checker.TryGet(number, out _, out ReadOnlySpan<byte> text); number++)
            yield return global::System.Text.Encoding.UTF8.GetString(text);
    }

    // What devices have at the moment, where they see it.
    // The first from a random one on.
    private (ulong Start, ulong Bytes) ChooseLive(Random random)
    {
        if (System == null || System.Table.Count == 0)
            return default;
        int all = System.Table.Count, at = random.Next(all);
        for (int i = 0; i < all; i++, at = at + 1 == all ? 0 : at + 1)
        {
            Mapping* mapping = System.Table.At(at);
            if (mapping->Side is Side.Device or Side.Watched && mapping->Kind.Family <= DmaFamily.Noncontiguous && mapping->Given != 0)
                return (mapping->Address, mapping->Given);
            if (mapping->Side == Side.Parts && TryChoosePart(mapping, random, out (ulong, ulong) part))
                return part;
        }
        return default;
    }

    private static bool TryChoosePart(Mapping* mapping, Random random, out (ulong Start, ulong Bytes) range)
    {
        uint all = mapping->PartCount, at = (uint)random.Next((int)all);
        for (uint i = 0; i < all; i++, at = at + 1 == all ? 0 : at + 1)
        {
            if (mapping->Sides->Of[at] < (byte)PartSide.Device)
                continue;
            range = (mapping->Address + at * mapping->PartBytes, Parts.Length(mapping, at));
            return true;
        }
        range = default;
        return false;
    }

    // A device says as many bits as its wider mask has.
    private IDeviceMemory Bus(DmaDevice? device) => device == null
        ? Ram
        : new NarrowBus(Ram, 64 - BitOperations.LeadingZeroCount(device.StreamingMask | device.CoherentMask));

    private static (ulong, ulong)[] Usable(MemoryMap map)
    {
        var usable = new List<(ulong, ulong)>();
        foreach (FrameRange range in map.Usable.Ranges)
            usable.Add((range.First * PhysAddr.PageSize, range.Count * PhysAddr.PageSize));
        return [.. usable];
    }
}
