using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Sluice.Tests.Mm;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>A machine with the checker on. What is reported and not expected fails the test at its end.</summary>
public sealed unsafe class CheckedMachine : IDisposable
{
    private ulong _read;

    public CheckedMachine(bool poison = false, params (ulong Start, ulong Bytes)[] usable)
    {
        Memory = new Sluice.Tests.Mm.Machine(MachineMap.Of(usable.Length == 0 ? [(0x10_0000, 32 * Sluice.Tests.Mm.Machine.MiB)] : usable), poison);
        Slabs = new SlabHeap(Memory.Pages);
        System = new DmaSystem(Memory.Pages, Slabs, new PhysAddr(Memory.Memory.Bytes - 1), check: true);
    }

    public Sluice.Tests.Mm.Machine Memory { get; }

    public SlabHeap Slabs { get; }

    public DmaSystem System { get; }

    public DmaChecker Checker => System.Checker!;

    public DmaDevice Device(bool bounce = false, int bits = 32)
    {
        DmaDevice device = System.NewDevice("00:04.0"u8, bounce);
        device.Attach("tester"u8);
        Assert.Equal(Error.None, device.TrySetMasks(bits, bits));
        return device;
    }

    public Span<byte> Reach(DmaAddr address, uint bytes) => new(PhysicalMemory.At(new PhysAddr(address.Value)), (int)bytes);

    public ulong PagesUsed
    {
        get
        {
            Checker.Drain();
            ulong used = 0;
            for (Zone zone = Zone.Dma; zone <= Zone.Normal; zone++)
                used += Memory.Pages.Report(zone).Used;
            return used;
        }
    }

    /// <summary>The next report, which must be there and the only one unread.</summary>
    public string Expect(DmaFault fault)
    {
        Assert.True(Checker.Reports == _read + 1, $"{fault} and no more: {string.Join('\n', Unread())}");
        Assert.True(Checker.TryGet(++_read, out DmaFault found, out ReadOnlySpan<byte> text));
        string report = Encoding.UTF8.GetString(text);
        Assert.True(found == fault, report);
        Assert.Contains("00:04.0: tester: ", report);
        return report;
    }

    /// <summary>Reads reports without looking at them.</summary>
    public void Forgive(ulong reports) => _read += reports;

    public void Dispose()
    {
        try
        {
            Checker.Sweep();
            Checker.Drain();
            Assert.Empty(Unread());
        }
        finally
        {
            Memory.Dispose();
        }
    }

    private List<string> Unread()
    {
        var unread = new List<string>();
        for (ulong number = _read + 1; Checker.TryGet(number, out _, out ReadOnlySpan<byte> text); number++)
            unread.Add(Encoding.UTF8.GetString(text));
        return unread;
    }
}
