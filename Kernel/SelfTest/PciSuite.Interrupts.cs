using System;
using System.Threading;
using Sluice.Arch;
using Sluice.Drivers;
using Sluice.Drivers.Edu;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.SelfTest;

// Devices that interrupt when they are told to: QEMU's edu by all ways but MSI-X, Intel's 82574 by MSI-X.
internal static unsafe partial class PciSuite
{
    private const int Rounds = 100;
    private const ulong LongestMicroseconds = 1_000_000;
    private const uint Cause = 0x5A5A_0100;

    internal static bool TryFindEdu(ref Ktap t, out Edu edu)
    {
        foreach (Driver driver in DriverTable.Drivers)
        {
            if (driver is not Edu found)
                continue;
            edu = found;
            return true;
        }
        t.Skip("no edu device (QEMU: -device edu)"u8);
        edu = null!;
        return false;
    }

    private static bool HasMessages(ref Ktap t)
    {
        if (!LocalApic.IsEnabled || !PciBus.AllowMessages)
            t.Skip("this machine takes no messages"u8);
        return LocalApic.IsEnabled && PciBus.AllowMessages;
    }

    private static void EduComputes(ref Ktap t)
    {
        if (!TryFindEdu(ref t, out Edu edu))
            return;
        t.Check(edu.Identify() == Error.None, "it is edu and it is alive"u8);
        ReadOnlySpan<uint> factorials = [1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800, 39916800, 479001600, 1932053504];
        for (uint i = 0; i < factorials.Length; i++)
        {
            t.Check(edu.Factorial(i, out uint factorial) == Error.None, "it is done in time, with an interrupt"u8);
            t.Equal(factorials[(int)i], factorial, "factorial modulo 2^32"u8);
        }
    }

    private static void EduByMsi(ref Ktap t)
    {
        if (!HasMessages(ref t) || !TryFindEdu(ref t, out Edu edu))
            return;
        if (t.Check(edu.TryUseInterrupt(InterruptKinds.Msi), "MSI can be had"u8))
        {
            t.Check(Machine.Interrupts.RouteOf(edu.Function.Interrupt) == InterruptRoute.Message, "by message"u8);
            RaiseOften(ref t, edu);
        }
        t.Check(edu.TryUseInterrupt(InterruptKinds.All), "back to the usual way"u8);
    }

    private static void EduByLine(ref Ktap t)
    {
        if (!TryFindEdu(ref t, out Edu edu))
            return;
        if (t.Check(edu.TryUseInterrupt(InterruptKinds.Line), "the pin can be had"u8))
        {
            RaiseOften(ref t, edu);
            // QEMU routes the lines that its firmware chose: a timer must not be what delivers them in the end.
            InterruptRoute route = Machine.Interrupts.RouteOf(edu.Function.Interrupt);
            t.Check(route is InterruptRoute.Line or InterruptRoute.GuessedLine, "by its line"u8);
        }
        t.Check(edu.TryUseInterrupt(InterruptKinds.All), "back to the usual way"u8);
    }

    private static void EduByPolling(ref Ktap t)
    {
        if (!TryFindEdu(ref t, out Edu edu))
            return;
        edu.Function.DisableInterrupt();
        t.Check(Machine.Interrupts.TryTakePolling(1000, edu, "edu self-test"u8, out InterruptToken token), "a timer can be had"u8);
        RaiseOften(ref t, edu, rounds: 10);
        Machine.Interrupts.Release(ref token);
        t.Check(edu.TryUseInterrupt(InterruptKinds.All), "back to the usual way"u8);
    }

    private static void RaiseOften(ref Ktap t, Edu edu, int rounds = Rounds)
    {
        int before = edu.Interrupts;
        for (uint i = 0; i < rounds; i++)
        {
            edu.Raise(Cause | i);
            if (!t.Check(edu.WaitForCause(Cause | i, LongestMicroseconds) == Error.None, "the interrupt comes"u8))
                return;
        }
        t.Equal((ulong)rounds, (ulong)(edu.Interrupts - before), "interrupts, each once"u8);
        t.Equal(0, edu.Causes, "causes that nobody raised"u8);
    }

    private static void EduMasked(ref Ktap t)
    {
        if (!TryFindEdu(ref t, out Edu edu))
            return;
        if (edu.Function.InterruptKind != InterruptKinds.Msi)
        {
            t.Skip("it does not interrupt by message"u8);
            return;
        }
        InterruptToken token = edu.Function.Interrupt;
        int before = edu.Interrupts;
        Machine.Interrupts.Mask(token);
        edu.Raise(Cause);
        t.Check(edu.WaitForCause(Cause, 5000) == Error.Timeout, "nothing comes while it is masked"u8);
        Machine.Interrupts.Unmask(token);
        t.Check(edu.WaitForCause(Cause, LongestMicroseconds) == Error.None, "it comes when it is unmasked"u8);
        t.Equal(1, (ulong)(edu.Interrupts - before), "once"u8);
    }

    private static void MsiXIsDelivered(ref Ktap t)
    {
        if (!HasMessages(ref t))
            return;
        PciFunction? nic = null;
        foreach (PciFunction function in PciBus.Functions)
        {
            if (function.VendorId == Intel && function.DeviceId == InterruptingNic.Device && DriverTable.Of(function) == null)
                nic = function;
        }
        if (nic == null)
        {
            t.Skip("no 82574 that is free (QEMU: -device e1000e)"u8);
            return;
        }
        t.Check(nic.EnableMemoryAndBusMaster() == Error.None, "it answers"u8);
        if (!t.Check(nic.TryMapBar(0, InterruptingNic.RegisterBytes, out Mmio bar), "its registers can be mapped"u8))
            return;
        InterruptingNic handler = new(bar);
        if (t.Check(nic.TryEnableInterrupt(handler, "msi-x self-test"u8, InterruptKinds.MsiX, out _), "MSI-X can be had"u8))
        {
            handler.Start();
            for (int i = 1; i <= Rounds; i++)
            {
                handler.Raise();
                Deadline end = Deadline.In(LongestMicroseconds);
                while (handler.Calls < i && !end.Passed)
                    WorkLoop.Turn(end);
                if (!t.Equal((ulong)i, (ulong)handler.Calls, "interrupts"u8))
                    break;
            }
            handler.Stop();
        }
        nic.DisableInterrupt();
        nic.DisableBusMaster();
        t.Check(nic.InterruptKind == InterruptKinds.None, "it is quiet again"u8);
    }

    /// <summary>An 82574 of which only the interrupt registers are used. Source: Intel 82574 datasheet 3.4, section 10.2.4.</summary>
    private sealed class InterruptingNic(Mmio bar) : IInterruptHandler
    {
        public const ushort Device = 0x10D3;
        public const uint RegisterBytes = 0x100;

        // Cause, cause set, mask set, mask clear, allocation of causes to vectors.
        private const uint Icr = 0xC0, Ics = 0xC8, Ims = 0xD0, Imc = 0xD8, Ivar = 0xE4;

        // Receive queue 0; in the allocation register its vector is in bits 2:0, and bit 3 says that it counts.
        private const uint ReceiveQueue0 = 1 << 20, Vector0ForReceiveQueue0 = 1 << 3;

        private int _calls;

        public int Calls => Volatile.Read(ref _calls);

        public void Start()
        {
            Stop();
            bar.Write32(Ivar, Vector0ForReceiveQueue0);
            bar.Write32(Ims, ReceiveQueue0);
        }

        public void Raise() => bar.Write32(Ics, ReceiveQueue0);

        public void Stop()
        {
            bar.Write32(Imc, uint.MaxValue);
            bar.Write32(Icr, uint.MaxValue);
        }

        public bool OnInterrupt()
        {
            uint causes = bar.Read32(Icr);
            if (causes is 0 or uint.MaxValue)
                return false;
            bar.Write32(Icr, causes);
            _calls++;
            return true;
        }
    }
}
