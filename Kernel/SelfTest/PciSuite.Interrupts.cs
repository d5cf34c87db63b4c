using System;
using System.Threading;
using Sluice.Arch;
using Sluice.Drivers;
using Sluice.Drivers.Edu;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.SelfTest;

// A device that interrupts when it is told to, by all ways but MSI-X: QEMU's edu.
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
        // Its register at 4 gives back the complement of what was written; at another width than 4 bytes it would be all ones.
        if (t.Check(edu.Function.TryMapBar(0, 0xA0, out Mmio bar), "its registers"u8))
        {
            bar.Write32(4, uint.MaxValue);
            t.Check((bar.Read32(4) & 1) == 0, "read at its width, though one bit is looked at"u8);
        }
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
}
