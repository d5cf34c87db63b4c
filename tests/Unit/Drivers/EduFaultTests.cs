using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Devices;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Drivers.Edu;
using Sluice.Mm;
using Sluice.Pci;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Drivers;

/// <summary>DMA of edu when something fails: the device, its interrupt, memory. Nothing is lost, and memory is quiet before it is anybody's.</summary>
public sealed class EduFaultTests
{
    private const ulong LongestMicroseconds = 2_100_000;

    public static TheoryData<string> Kinds => EduMachine.Kinds;

    [Theory, MemberData(nameof(Kinds))]
    public void A_transfer_that_never_ends_costs_two_seconds_and_the_memory_comes_back_quiet(string kind)
    {
        using var machine = new EduMachine(kind);
        Edu edu = machine.Probe();
        Assert.Equal(Error.None, edu.Function.Dma.TryAllocatePages(1000, out CpuBuffer<FromDevice> from));
        (ulong, int) before = machine.InUse(edu);
        machine.Device.IsTransferStuck = true;
        ulong began = machine.Clock.ElapsedMicroseconds;
        Assert.Equal(Error.Timeout, edu.Receive(ref from, 1000));
        Assert.InRange(machine.Clock.ElapsedMicroseconds - began, 2_000_000u, LongestMicroseconds);
        Assert.Equal((1u, 0u, false), (edu.FailedTransfers, edu.Abandoned, machine.Device.IsBusMaster));
        Assert.False(from.IsEmpty);
        Assert.Equal(0, from.Bytes.Length);
        Assert.Equal(Error.Busy, edu.Receive(ref from, 1000));
        Assert.Equal(before, machine.InUse(edu));
        from.Free();
        Assert.Equal(0, machine.InUse(edu).Mappings);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_transfer_that_ends_late_reaches_nobodys_memory_and_the_device_works_again(string kind)
    {
        using var machine = new EduMachine(kind);
        Edu edu = machine.Probe();
        Array.Fill(machine.Device.Own, (byte)0xEE);
        Assert.Equal(Error.None, edu.Function.Dma.TryAllocatePages(4096, out CpuBuffer<Both> buffer));
        machine.Device.TransferMicroseconds = 5_000_000;
        Assert.Equal(Error.Timeout, edu.Receive(ref buffer, 4000));
        byte[] mine = Pattern(4096, 1);
        mine.CopyTo(buffer.Bytes);
        machine.Clock.Advance(2_000_000);
        Assert.Equal(Error.Busy, edu.Send(ref buffer, 4000));
        machine.Clock.Advance(2_000_000);
        Assert.False(machine.Device.IsTransferring);
        Assert.Equal(mine, buffer.Bytes.ToArray());

        machine.Device.TransferMicroseconds = 100_000;
        Assert.Equal(Error.None, edu.Send(ref buffer, 4000));
        Assert.Equal(mine[..4000], machine.Device.Own[..4000]);
        buffer.Bytes.Clear();
        Assert.Equal(Error.None, edu.Receive(ref buffer, 4000));
        Assert.Equal(mine[..4000], buffer.Bytes[..4000].ToArray());
        Assert.Equal((1u, 0u), (edu.FailedTransfers, edu.LostInterrupts));
        buffer.Free();
        Assert.Equal(0, machine.InUse(edu).Mappings);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_device_that_goes_in_mid_transfer_leaves_the_memory_to_the_CPU(string kind)
    {
        foreach (bool send in (bool[])[true, false])
        {
            using var machine = new EduMachine(kind);
            Edu edu = machine.Probe();
            Assert.Equal(Error.None, edu.Function.Dma.TryAllocatePages(1000, out CpuBuffer<Both> buffer));
            Assert.Equal(Error.None, edu.Function.Dma.TryAllocateCoherent(1000, out Coherent<byte> coherent));
            (ulong, int) before = machine.InUse(edu);
            machine.Device.GoesInTransfer = true;
            ulong began = machine.Clock.ElapsedMicroseconds;
            Assert.Equal(Error.DeviceGone, send ? edu.Send(ref buffer, 1000) : edu.Receive(ref buffer, 1000));
            Assert.InRange(machine.Clock.ElapsedMicroseconds - began, 0u, 100_000u);
            Assert.Equal(Error.DeviceGone, edu.Receive(ref coherent, 0, 1000));
            Assert.False(buffer.IsEmpty || coherent.IsEmpty);
            Assert.Equal((1u, 0u), (edu.FailedTransfers, edu.Abandoned));
            Assert.Equal(before, machine.InUse(edu));
            buffer.Free();
            DmaDevice.Free(ref coherent);
            Assert.Equal(0, machine.InUse(edu).Mappings);
            edu.Quiesce();
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_lost_interrupt_costs_a_look_and_is_counted(string kind)
    {
        using var machine = new EduMachine(kind);
        Edu edu = machine.Probe();
        machine.Device.LosesInterrupts = true;
        Assert.Equal(Error.None, edu.Function.Dma.TryAllocateNoncoherent(500, out CpuBuffer<ToDevice> to));
        Pattern(500, 2).CopyTo(to.Bytes);
        ulong began = machine.Clock.ElapsedMicroseconds;
        Assert.Equal(Error.None, edu.Send(ref to, 500));
        Assert.InRange(machine.Clock.ElapsedMicroseconds - began, 100_000u, 125_000u);
        Assert.Equal((1u, 0u), (edu.LostInterrupts, edu.FailedTransfers));
        Assert.Equal(Pattern(500, 2), machine.Device.Own[..500]);
        to.Free();
    }

    [Fact]
    public void An_interrupt_that_comes_too_early_is_not_believed()
    {
        using var machine = new EduMachine();
        Edu edu = machine.Probe();
        Assert.Equal(Error.None, edu.Function.Dma.TryAllocatePages(500, out CpuBuffer<ToDevice> to));
        Pattern(500, 3).CopyTo(to.Bytes);
        var lie = new Timer(new Lie(machine.Device));
        lie.Start(10_000);
        Assert.Equal(Error.None, edu.Send(ref to, 500));
        Assert.Equal(Pattern(500, 3), machine.Device.Own[..500]);
        Assert.Equal(2, edu.Interrupts);
        to.Free();
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Memory_of_a_device_that_cannot_be_stopped_is_never_given_back(string kind)
    {
        using var machine = new EduMachine(kind);
        Edu edu = machine.Probe();
        machine.Device.IsTransferStuck = true;
        machine.Device.StaysBusMaster = true;
        Assert.Equal(Error.None, edu.Function.Dma.TryAllocatePages(500, out CpuBuffer<FromDevice> from));
        (ulong, int) before = machine.InUse(edu);
        Assert.Equal(Error.Timeout, edu.Receive(ref from, 500));
        Assert.True(from.IsEmpty);
        Assert.Equal(1u, edu.Abandoned);
        Assert.Equal(before, machine.InUse(edu));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Coherent_memory_of_a_device_that_cannot_be_stopped_is_never_given_back(string kind)
    {
        using var machine = new EduMachine(kind);
        Edu edu = machine.Probe();
        machine.Device.IsTransferStuck = true;
        machine.Device.StaysBusMaster = true;
        Assert.Equal(Error.None, edu.Function.Dma.TryAllocateCoherent(500, out Coherent<byte> memory));
        (ulong, int) before = machine.InUse(edu);
        Assert.Equal(Error.Timeout, edu.Send(ref memory, 0, 500));
        Assert.Equal((true, 1u), (memory.IsEmpty, edu.Abandoned));
        Assert.Equal(before, machine.InUse(edu));
    }

    [Fact]
    public void A_transfer_left_by_an_earlier_owner_ends_before_the_device_may_write()
    {
        using var machine = new EduMachine();
        PciFunction function = machine.ScanFor(machine.Device);
        Assert.Equal(Error.None, function.EnableMemoryAndBusMaster());
        PageRun run = machine.Dma.Memory.Take(0);
        run.Memory.Fill(0x11);
        machine.Device.StartTransfer(0x40000, run.Start.Value, 4095, 2);
        Assert.Equal(Error.None, Edu.Probe(function, out Driver? driver));
        Assert.NotNull(driver);
        Assert.Equal((1, true, false), (machine.Device.Transfers, machine.Device.IsBusMaster, machine.Device.IsTransferring));
        Assert.True(run.Memory.ToArray().All(b => b == 0x11));
        machine.Dma.Memory.Pages.Give(ref run);
    }

    [Fact]
    public void Probe_leaves_a_device_quiet_whose_old_transfer_never_ends()
    {
        using var machine = new EduMachine();
        PciFunction function = machine.ScanFor(machine.Device);
        Assert.Equal(Error.None, function.EnableMemoryAndBusMaster());
        machine.Device.IsTransferStuck = true;
        machine.Device.StartTransfer(0x10_0000, 0x40000, 100, 0);
        Assert.Equal(Error.Timeout, Edu.Probe(function, out Driver? driver));
        Assert.Null(driver);
        Assert.Equal((false, true, 0), (machine.Device.IsBusMaster, machine.Device.IsQuiet, machine.Pci.Interrupts.Taken));
    }

    [Fact]
    public void Probe_refuses_a_machine_without_memory_that_the_device_reaches()
    {
        using var machine = new EduMachine("coherent", (0x1_0000_0000, 16 << 20));
        Assert.Equal(Error.NotSupported, Edu.Probe(machine.ScanFor(machine.Device), out Driver? driver));
        Assert.Null(driver);
        Assert.False(machine.Device.IsBusMaster);
    }

    [Fact]
    public void Quiescing_in_mid_transfer_keeps_the_device_from_memory()
    {
        using var machine = new EduMachine();
        Edu edu = machine.Probe();
        PageRun run = machine.Dma.Memory.Take(0);
        run.Memory.Fill(0x11);
        machine.Device.StartTransfer(0x40000, run.Start.Value, 4095, 2);
        edu.Quiesce();
        machine.Clock.Advance(200_000);
        Assert.Equal((1, false, true), (machine.Device.Transfers, machine.Device.IsBusMaster, machine.Device.IsQuiet));
        Assert.True(run.Memory.ToArray().All(b => b == 0x11));
    }

    [Fact]
    public void A_full_pool_is_an_error_and_ends_when_a_mapping_does()
    {
        using var machine = new EduMachine("coherent, bounced");
        Edu edu = machine.Probe();
        machine.Dma.System.BounceLimit = machine.Dma.System.BounceReport.Bytes;
        var live = new List<CpuBuffer<ToDevice>>();
        PageRun refused;
        while (true)
        {
            refused = machine.Dma.Memory.Take(0);
            (ulong, int) before = machine.InUse(edu);
            Error error = edu.Function.Dma.TryMap(ref refused, 4096, out CpuBuffer<ToDevice> buffer);
            if (error == Error.None)
            {
                live.Add(buffer);
                continue;
            }
            Assert.Equal((Error.NoResources, true, false), (error, buffer.IsEmpty, refused.IsEmpty));
            Assert.Equal(before, machine.InUse(edu));
            break;
        }
        Assert.InRange(live.Count, 32, 512);
        CpuBuffer<ToDevice> first = live[0];
        first.Free();
        Assert.Equal(Error.None, edu.Function.Dma.TryMap(ref refused, 4096, out first));
        Pattern(4096, 4).CopyTo(first.Bytes);
        Assert.Equal(Error.None, edu.Send(ref first, 4000));
        Assert.Equal(Pattern(4096, 4)[..4000], machine.Device.Own[..4000]);
        first.Free();
        for (int i = 1; i < live.Count; i++)
        {
            CpuBuffer<ToDevice> buffer = live[i];
            buffer.Free();
        }
        Assert.Equal(0, machine.InUse(edu).Mappings);
    }

    /// <summary>Memory runs out at each place where some is taken, one after the other.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void Memory_that_fails_at_any_call_is_an_error_and_nothing_is_lost(string kind)
    {
        int failures = 0, left = 0;
        for (bool worked = false; !worked; left++)
        {
            using var machine = new EduMachine(kind, (0x10_0000, 4 << 20));
            Edu edu = machine.Probe();
            var held = new Stack<PageRun>();
            while (machine.Dma.Memory.Pages.TryTake(0, Zone.Any, default, out PageRun run))
                held.Push(run);
            for (int i = 0; i < left; i++)
            {
                PageRun given = held.Pop();
                machine.Dma.Memory.Pages.Give(ref given);
            }
            // Records and slots that were made stay; so the second time counts.
            for (int round = 0; round < 2; round++)
            {
                (ulong Pages, int Mappings) before = machine.InUse(edu);
                Error error = UseAll(machine, edu);
                worked = error == Error.None;
                failures += worked ? 0 : 1;
                Assert.True(worked || error == Error.NoResources);
                (ulong Pages, int Mappings) after = machine.InUse(edu);
                Assert.Equal(0, after.Mappings);
                if (round == 1)
                    Assert.Equal(before.Pages, after.Pages);
            }
            Assert.Empty(machine.Dma.Ram.Faults);
        }
        Assert.InRange(failures, 4, 1000);
    }

    // Every kind of memory at once, each sent; stops at the first that cannot be had.
    private static Error UseAll(EduMachine machine, Edu edu)
    {
        DmaDevice dma = edu.Function.Dma;
        Error error = dma.TryAllocateCoherent(100, out Coherent<uint> coherent);
        if (error != Error.None)
            return error;
        error = dma.TryAllocatePages(100, out CpuBuffer<ToDevice> pages);
        if (error == Error.None)
        {
            error = dma.TryAllocateNoncoherent(100, out CpuBuffer<FromDevice> buffer);
            if (error == Error.None)
            {
                error = UseRun(machine, edu);
                if (error == Error.None)
                    error = edu.Send(ref coherent, 0, 100);
                if (error == Error.None)
                    error = edu.Send(ref pages, 100);
                if (error == Error.None)
                    error = edu.Receive(ref buffer, 100);
                buffer.Free();
            }
            pages.Free();
        }
        DmaDevice.Free(ref coherent);
        return error;
    }

    private static Error UseRun(EduMachine machine, Edu edu)
    {
        if (!machine.Dma.Memory.Pages.TryTake(1, Zone.Any, default, out PageRun run))
            return Error.NoResources;
        Error error = edu.Function.Dma.TryMap(ref run, 8192, out CpuBuffer<Both> mapped);
        if (error != Error.None)
        {
            machine.Dma.Memory.Pages.Give(ref run);
            return error;
        }
        error = edu.Send(ref mapped, 4000);
        mapped.Free();
        return error;
    }

    private static byte[] Pattern(uint bytes, int seed)
    {
        byte[] pattern = new byte[bytes];
        new Random(seed).NextBytes(pattern);
        return pattern;
    }

    private sealed class Lie(SimulatedEdu device) : ITimerHandler
    {
        public void OnTimer(Timer timer) => device.Raise(Edu.TransferDone);
    }
}
