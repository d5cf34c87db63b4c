using System;
using System.Collections.Generic;
using Sluice.Devices;
using Sluice.Devices.Pci;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Pci;
using Sluice.Platform;
using Sluice.Tests.Dma;
using Sluice.Tests.Mm;
using Sluice.Tests.Pci;

namespace Sluice.Tests.Fuzz;

/// <summary>
/// A machine with one slot, that serves many lives of devices: made once, as that is what costs, and after each life compared with what it was before.
/// </summary>
internal sealed unsafe class FuzzMachine : IDisposable
{
    private readonly PciMachine _pci = new();
    private readonly HashSet<ulong> _framePages = [];
    private Holdings _pristine;

    /// <param name="kind">How devices see memory.</param>
    /// <param name="frames">Frames that there are.</param>
    /// <param name="device">One like those that will be plugged in.</param>
    public FuzzMachine(MachineKind kind, int frames, SimulatedFunction device)
    {
        Kind = kind;
        Dma = new DmaMachine(MachineMap.Of((0x10_0000, 15 << 20)), kind);
        Dma.ExpectReports();
        Dma.System.Frames = Pool = new FramePool(Dma.System, frames);
        Function = _pci.ScanFor(device);
        Function.AttachDma(Dma.System.NewDevice("00:03.0"u8, kind.Bounced));
        Function.Dma.Attach("fuzzed"u8);
        NoteFrames();
        PowerOn(device, 0);
    }

    public MachineKind Kind { get; }

    public DmaMachine Dma { get; }

    public FramePool Pool { get; }

    /// <summary>What is in the slot, as its driver gets it.</summary>
    public PciFunction Function { get; }

    public SimulatedInterrupts Interrupts { get; private set; } = null!;

    public SimulatedClock Clock { get; private set; } = null!;

    /// <summary>Lets something see each access of the CPU, before it, to registers and configuration space; and each read of memory that it shares with devices.</summary>
    public void Watch(Action? access, Action? read)
    {
        _pci.Host.Touched = access;
        DeviceTurn.Taken = read;
    }

    /// <summary>Makes it this thread's machine, with a device in its slot, at the beginning of time.</summary>
    public void PowerOn(SimulatedFunction device, int seed)
    {
        Dma.Memory.Memory.Use();
        CacheLines.Current = Dma.Ram as ICacheLines;
        (Dma.Ram as NoncoherentCaches)?.Reseed(seed);
        Dma.Ram.Faults.Clear();
        PortIo.Device = _pci.Host;
        DeviceMemory.Host = _pci.Host;
        DeviceMemory.MappingsLeft = null;
        Watch(null, null);
        OutsideDue = null;
        Lent.Clear();
        Hidden.Clear();
        PciBus.AllowMessages = true;
        Sluice.Platform.Machine.Reset();
        Interrupts = new SimulatedInterrupts();
        Clock = new SimulatedClock { PauseMicroseconds = 10 };
        _pci.Host.Root.Plug(3, 0, device);
        _pci.Host.ConnectInterrupts(Interrupts.Send, (line, raised) => Interrupts.SetLine(line, raised));
    }

    /// <summary>Pages of others that the device may write now, where it reaches them as they lie, by lists that nobody notes down.</summary>
    public HashSet<ulong> Lent { get; } = [];

    /// <summary>Pages that were taken for the device and that it does not see, as they say where others are.</summary>
    public HashSet<ulong> Hidden { get; } = [];

    /// <summary>Whether the device's driver holds anything for it.</summary>
    public bool HoldsAnything => Function.Dma.LiveDirect != 0 || LiveMappings != 0;

    /// <summary>When something outside of the machine is due, in <see cref="SimulatedClock.ElapsedMicroseconds"/>: time goes no further in one step. Null: never.</summary>
    public Func<ulong>? OutsideDue { get; set; }

    /// <summary>Says that what is held now is what an idle machine holds.</summary>
    public void NotePristine() => _pristine = Count();

    /// <summary>Fails unless everything is given back: frames, mappings, pages, interrupts, timers.</summary>
    public void MustBePristine()
    {
        Holdings now = Count();
        if (now != _pristine)
            throw new FuzzFailureException("not everything is given back", $"{now}; before: {_pristine}");
        if (Interrupts.Taken != 0 || Sluice.Platform.Machine.Timers.Count != 0)
            throw new FuzzFailureException("an interrupt or a timer is left", $"{Interrupts.Taken} handlers, {Sluice.Platform.Machine.Timers.Count} timers");
    }

    /// <summary>
    /// Adds all memory that a device may write, as far as the machine can tell: frames' pages where it reaches them as they lie (also those that others have now), and
    /// what is mapped for it. Not what it shares with the driver at all times: the device knows that.
    /// </summary>
    public void FindWritable(List<(ulong Start, ulong Bytes)> writable)
    {
        if (!Kind.Bounced && !Kind.Checked)
        {
            foreach (ulong page in _framePages)
                writable.Add((page, PhysAddr.PageSize));
            foreach (ulong page in Lent)
                writable.Add((page, PhysAddr.PageSize));
        }
        for (int i = 0; i < Dma.System.Table.Count; i++)
        {
            Mapping* mapping = Dma.System.Table.At(i);
            if (mapping->Side is Side.Device or Side.Watched or Side.Parts && mapping->Kind.Family <= DmaFamily.Noncontiguous && mapping->Room != 0)
                writable.Add(WholePages(mapping->Address, mapping->Room));
        }
    }

    /// <summary>Whether a device may write there; see <see cref="FindWritable"/>.</summary>
    public bool IsWritable(ulong address, int bytes)
    {
        ulong last = address + (uint)bytes - 1;
        if (!Kind.Bounced && !Kind.Checked && IsReached(address & ~(PhysAddr.PageSize - 1)) && IsReached(last & ~(PhysAddr.PageSize - 1)))
            return true;
        for (int i = 0; i < Dma.System.Table.Count; i++)
        {
            Mapping* mapping = Dma.System.Table.At(i);
            if (mapping->Side is not (Side.Device or Side.Watched or Side.Parts) || mapping->Kind.Family > DmaFamily.Noncontiguous || mapping->Room == 0)
                continue;
            (ulong start, ulong length) = WholePages(mapping->Address, mapping->Room);
            if (address >= start && last < start + length)
                return true;
        }
        return !Kind.Checked && IsOfDevice(address) && IsOfDevice(last);
    }

    /// <summary>Does what is marked and lets time pass, as a CPU's loop would; work that is marked without end gets no more than its share of it.</summary>
    public void Advance(ulong microseconds, Action beforeTurn)
    {
        const int mostTurns = 300;
        ulong end = Clock.ElapsedMicroseconds + microseconds;
        for (int turns = 0; ; turns++)
        {
            beforeTurn();
            if (Sluice.Platform.Machine.Work.Run(WorkLoop.Budget) && turns < mostTurns)
                continue;
            ulong now = Clock.ElapsedMicroseconds;
            if (now >= end)
                return;
            Interrupts.Poll();
            ulong due = Sluice.Platform.Machine.Timers.NextDue, present = Sluice.Platform.Clock.Microseconds;
            ulong step = due <= present ? 1 : due - present;
            if (OutsideDue?.Invoke() is { } outside)
                step = Math.Min(step, outside <= now ? 1 : outside - now);
            // A storm of work, or timers without end: time passes in steps that grow, so that what waits a while is not overtaken at once.
            if (turns >= mostTurns)
                step = Math.Max(step, Math.Min(microseconds / 50, 1UL << Math.Min((turns - mostTurns) / 64, 40)));
            Clock.Advance(Math.Min(step, end - now));
        }
    }

    /// <summary>Reports of the checker so far that say that the CPU's side did wrong, whatever a device does.</summary>
    public ulong DriverReports
    {
        get
        {
            ulong count = 0;
            foreach (DmaFault fault in (ReadOnlySpan<DmaFault>)[DmaFault.StaleHandle, DmaFault.UsedAfterEnd, DmaFault.Part, DmaFault.WrongKind, DmaFault.Leak, DmaFault.Limits, DmaFault.Overlap, DmaFault.CpuWrite])
                count += Dma.System.Checker?.CountOf(fault) ?? 0;
            return count;
        }
    }

    /// <summary>Has the checker look at everything, and counts its reports so far; 0 without it.</summary>
    public ulong CountReports()
    {
        Dma.System.Checker?.Sweep();
        Dma.System.Checker?.Drain();
        return Dma.System.Checker?.Reports ?? 0;
    }

    /// <summary>The newest of them.</summary>
    public string LastReport =>
        Dma.System.Checker is { } checker && checker.TryGet(checker.Reports, out _, out ReadOnlySpan<byte> text) ? System.Text.Encoding.UTF8.GetString(text) : "";

    public void Dispose()
    {
        Watch(null, null);
        Clock.Dispose();
        _pci.Dispose();
        Dma.Dispose();
    }

    // Pages that its driver took for it where it reaches them as they lie: nobody notes them down.
    private bool IsOfDevice(ulong address)
    {
        foreach (MemoryPiece piece in Dma.Memory.Pages.Walk())
        {
            if (address / PhysAddr.PageSize - piece.First < piece.Frames)
                return piece.Kind == PieceKind.Used && piece.Owner.Id == Function.Dma.Owner.Id && !Hidden.Contains(address & ~(PhysAddr.PageSize - 1));
        }
        return false;
    }

    private bool IsReached(ulong page) => _framePages.Contains(page) || Lent.Contains(page);

    private int LiveMappings
    {
        get
        {
            int live = 0;
            for (int i = 0; i < Dma.System.Table.Count; i++)
            {
                Mapping* mapping = Dma.System.Table.At(i);
                live += mapping->IsLive && !mapping->IsIdleReady ? 1 : 0;
            }
            return live;
        }
    }

    private long PagesOfDevice
    {
        get
        {
            Dma.System.Checker?.Drain();
            Span<OwnerReport> owners = stackalloc OwnerReport[OwnerTag.MaxCount];
            Dma.Memory.Pages.CountOwners(owners);
            return (long)owners[Function.Dma.Owner.Id].Pages;
        }
    }

    // Slots that wait with their records for the next mapping of that size are nobody's.
    private ulong IdleSlots
    {
        get
        {
            ulong slots = 0;
            for (int order = 0; order <= BounceArea.MaxOrder; order++)
            {
                for (Mapping* mapping = Dma.System.Ready[order]; mapping != null; mapping = mapping->Next)
                    slots += 1ul << mapping->SlotOrder;
            }
            return slots;
        }
    }

    // Pages without those of what only grows: slots and records that stay for the next.
    private Holdings Count()
    {
        const int pagesOfChunk = 4;
        BounceReport bounce = Dma.System.BounceReport;
        int chunks = Dma.System.Table.Count / (pagesOfChunk * (int)PhysAddr.PageSize / sizeof(Mapping));
        // Of slots there is a page more, which says where they are.
        long kept = (long)(bounce.Bytes / PhysAddr.PageSize) + (bounce.Bytes != 0 ? 1 : 0) + pagesOfChunk * chunks;
        // The checker's records are many and their pages stay: with it, what the device has counts.
        long pages = Kind.Checked ? PagesOfDevice : (long)Dma.PagesUsed - kept;
        return new Holdings(Pool.Used, LiveMappings, Function.Dma.LiveDirect, bounce.Used / BounceArea.SlotBytes - IdleSlots, pages);
    }

    private void NoteFrames()
    {
        var all = new List<Frame>();
        while (Pool.TryTake(out Frame frame))
        {
            _framePages.Add(PhysicalMemory.Of(frame.Record->Data).Value & ~(PhysAddr.PageSize - 1));
            all.Add(frame);
        }
        foreach (Frame frame in all)
            frame.Free();
    }

    private static (ulong Start, ulong Bytes) WholePages(ulong address, uint bytes)
    {
        ulong start = address & ~(PhysAddr.PageSize - 1), end = (address + bytes + PhysAddr.PageSize - 1) & ~(PhysAddr.PageSize - 1);
        return (start, end - start);
    }

    // Frames in use, mappings with a record and without, slots in use, pages.
    private readonly record struct Holdings(int Frames, int Mappings, ulong Direct, ulong Slots, long Pages);
}
