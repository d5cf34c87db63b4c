using System;
using Sluice.Dma;
using Sluice.Drivers.Edu;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.SelfTest;

// With QEMU's edu, a device that nobody here wrote. Each transfer takes 100 ms of the guest's time, so there are few.
internal static unsafe partial class DmaSuite
{
    private const int SoakTransfers = 20, LongSoakTransfers = 1000;

    private static void RegisterEdu(ref Suite suite)
    {
        suite.Case("edu: coherent memory"u8, &EduCoherent);
        suite.Case("edu: mapped pages"u8, &EduMapped);
        suite.Case("edu: pages out of reach"u8, &EduOutOfReach);
        suite.Case("edu: soak"u8, &EduSoak);
        suite.OnDemand("edu: long soak"u8, &EduLongSoak);
        suite.OnDemand("edu: misuse is reported"u8, &EduMisuse);
    }

    private static void EduCoherent(ref Ktap t)
    {
        if (!PciSuite.TryFindEdu(ref t, out Edu edu) || !t.Check(edu.Function.Dma.TryAllocateCoherent(2048, out Coherent<ushort> memory) == Error.None, "memory"u8))
            return;
        int interrupts = edu.Interrupts;
        for (int i = 0; i < 1000; i++)
            memory[i] = (ushort)(i * 77);
        t.Check(edu.Send(ref memory, 0, 1000, 8) == Error.None, "sent"u8);
        t.Check(edu.Receive(ref memory, 1024, 1000, 8) == Error.None, "received"u8);
        bool same = true;
        for (int i = 0; i < 1000; i++)
            same &= memory[1024 + i] == (ushort)(i * 77);
        t.Check(same && memory[1023] == 0 && memory[2024] == 0, "each element is back, none beside them"u8);
        t.Equal(2, (ulong)(edu.Interrupts - interrupts), "interrupts"u8);
        t.Equal(0, edu.LostInterrupts, "lost interrupts"u8);
        DmaDevice.Free(ref memory);
    }

    private static void EduMapped(ref Ktap t)
    {
        if (PciSuite.TryFindEdu(ref t, out Edu edu))
            t.Check(MapAndGoAround(ref t, edu, Zone.Dma) == edu.Function.Dma.IsForcedToBounce, "within its reach"u8);
    }

    private static void EduOutOfReach(ref Ktap t)
    {
        if (!PciSuite.TryFindEdu(ref t, out Edu edu))
            return;
        if (!edu.Function.Dma.MayBounce)
            t.Skip("it reaches all memory"u8);
        else
            t.Check(MapAndGoAround(ref t, edu, Zone.Any) || edu.Function.Dma.RequiredMask <= uint.MaxValue, "pages come from the top, out of its reach"u8);
    }

    // From one page to another, each mapped, and bounced where the device does not reach it or must not: returns whether it came to that.
    private static bool MapAndGoAround(ref Ktap t, Edu edu, Zone zone)
    {
        DmaDevice dma = edu.Function.Dma;
        ulong bounced = dma.Statistics.Bounced, full = dma.Statistics.BounceFull, expected = 0;
        Error error = TryMapPage(dma, zone, out PhysAddr first, out CpuBuffer<ToDevice> to);
        expected += Bounces(dma, first) ? 1u : 0;
        if (error == Error.None)
        {
            error = TryMapPage(dma, zone, out PhysAddr second, out CpuBuffer<FromDevice> from);
            if (error == Error.None)
            {
                expected += Bounces(dma, second) ? 1u : 0;
                Fill(to.Bytes, 4);
                t.Check(edu.Send(ref to, Edu.MemoryBytes) == Error.None, "sent"u8);
                t.Check(edu.Receive(ref from, 3000, 5) == Error.None, "received"u8);
                t.Check(from.Bytes.Length == 3000 && from.Bytes.SequenceEqual(to.Bytes.Slice(5, 3000)), "each byte is back"u8);
                from.Free();
            }
            to.Free();
        }
        bool possible = expected == 0 || Dma.BounceLimit >= SmallestPool;
        t.Check(error == (possible ? Error.None : Error.NoResources), "mapped, or refused for want of slots"u8);
        t.Equal(possible ? expected : 0, dma.Statistics.Bounced - bounced, "mappings that were bounced"u8);
        t.Equal(possible ? 0u : 1, dma.Statistics.BounceFull - full, "mappings refused"u8);
        return expected != 0;
    }

    private static bool Bounces(DmaDevice dma, PhysAddr start) => dma.IsForcedToBounce || start.Value + Page - 1 > dma.StreamingMask;

    private static void EduSoak(ref Ktap t) => Soak(ref t, SoakTransfers);

    private static void EduLongSoak(ref Ktap t) => Soak(ref t, LongSoakTransfers);

    // Random pieces to and from random places of the device's memory, bounced where pages are out of reach, against a page that does the same.
    private static void Soak(ref Ktap t, int transfers)
    {
        if (!PciSuite.TryFindEdu(ref t, out Edu edu) || !HasPool(ref t) || !t.Check(Pages.TryTake(0, Zone.Any, out PageRun model), "a page"u8))
            return;
        if (t.Check(TryMapPage(edu.Function.Dma, Zone.Any, out _, out CpuBuffer<ToDevice> to) == Error.None, "a buffer"u8))
        {
            if (t.Check(TryMapPage(edu.Function.Dma, Zone.Any, out _, out CpuBuffer<FromDevice> from) == Error.None, "another"u8))
            {
                uint seed = 20;
                Fill(to.Bytes, seed);
                Fill(model.Memory, seed);
                bool good = edu.Send(ref to, Edu.MemoryBytes) == Error.None;
                int done = 1;
                for (; done < transfers && good; done++)
                {
                    uint bytes = Number(ref seed) % Edu.MemoryBytes + 1, offset = Number(ref seed) % (Edu.MemoryBytes - bytes + 1);
                    Span<byte> place = model.Memory.Slice((int)offset, (int)bytes);
                    if ((Next(ref seed) & 1) == 0)
                    {
                        Fill(to.Bytes, seed);
                        Fill(place, seed);
                        good = edu.Send(ref to, bytes, offset) == Error.None;
                    }
                    else
                    {
                        good = edu.Receive(ref from, bytes, offset) == Error.None && from.Bytes.SequenceEqual(place);
                    }
                }
                t.Check(good, "each transfer worked, each byte was right"u8);
                t.Equal((ulong)transfers, (ulong)done, "transfers"u8);
                from.Free();
            }
            to.Free();
        }
        t.Equal(0, edu.LostInterrupts, "lost interrupts"u8);
        Pages.Give(ref model);
    }

    private static uint Number(ref uint seed) => (uint)Next(ref seed) << 8 | Next(ref seed);

    // What only the checker finds (dma=check): the device, told so behind its driver's back, writes past the end of a buffer, then to one that
    // is the CPU's again; the driver's user forgets it.
    private static void EduMisuse(ref Ktap t)
    {
        if (!PciSuite.TryFindEdu(ref t, out Edu edu) || !t.Check(Dma.Checker != null, "started with dma=check"u8))
            return;
        if (!t.Check(edu.Function.Dma.TryAllocatePages(100, out CpuBuffer<FromDevice> buffer) == Error.None, "a page"u8))
            return;
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        DmaAddr address = given.Address;
        t.Check(WriteFromEdu(edu, address, 164), "164 bytes are written, and the buffer has 100"u8);
        buffer = given.TakeBack(100);
        t.Equal(1, Dma.Checker!.CountOf(DmaFault.DeviceWroteOutside), "reports of writes outside"u8);
        t.Check(WriteFromEdu(edu, address, 8), "8 bytes are written to what is the CPU's"u8);
        Dma.Checker.Sweep();
        t.Equal(1, Dma.Checker.CountOf(DmaFault.DeviceWroteEarly), "reports of writes without a hand-over"u8);
        t.Equal(2, Dma.Checker.Reports, "reports"u8);
        Own.KeepForGood(ref buffer);
    }

    // By the registers, as the driver would not: docs/specs/edu, 0x80 source, 0x88 destination, 0x90 count, 0x98 command.
    private static bool WriteFromEdu(Edu edu, DmaAddr address, uint bytes)
    {
        if (!edu.Function.TryMapBar(0, 0xA0, out Mmio bar))
            return false;
        bar.Write64(0x80, 0x40000);
        bar.Write64(0x88, address.Value);
        bar.Write32(0x90, bytes);
        bar.Write32(0x98, 7);
        Deadline end = Deadline.In(2_000_000);
        while ((bar.Read32(0x98) & 1) != 0)
        {
            if (end.Passed)
                return false;
            WorkLoop.Turn(end);
        }
        return true;
    }
}
