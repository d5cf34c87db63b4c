using Sluice.Arch;
using Sluice.Boot;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.SelfTest;

/// <summary>From a vector to its handler on this machine's controllers; hosted tests cover routing, sharing and polling.</summary>
internal static unsafe class InterruptSuite
{
    // Longer than any delivery takes, even where the CPU is shared.
    private const ulong DeliveryBound = 500_000;

    private static readonly Counter _counter = new(), _second = new();
    private static readonly IInterruptHandler[] _both = [_counter, _second];

    public static void Register(ref Suite suite)
    {
        suite.Case("the local APIC is reached as asked"u8, &Access);
        suite.Case("an interrupt to oneself is delivered"u8, &Self);
        suite.Case("none comes while interrupts are off"u8, &Off);
        suite.Case("one that ends a sleep is handled once"u8, &EndsSleep);
        suite.Case("a masked one waits"u8, &Masked);
        suite.Case("each message of a block has its handler"u8, &Block);
        suite.Case("a spurious one is counted and harmless"u8, &Spurious);
        suite.Case("an unknown one is counted and harmless"u8, &Unknown);
        suite.Case("a line through the I/O APIC interrupts"u8, &Line);
        suite.Case("a function without a line is polled"u8, &Polled);
        suite.Case("dispatch allocates nothing"u8, &Allocation);
        suite.Case("registers survive"u8, &Registers);
    }

    private static void Access(ref Ktap t)
    {
        var access = (ApicAccess)BootArguments.Number(Argument.Apic);
        bool canTell = LocalApic.IsEnabled && CpuFeatures.X2Apic && access != ApicAccess.Auto;
        if (canTell)
            t.Check(LocalApic.IsX2Apic == (access == ApicAccess.Msr), "by MSR or in memory"u8);
        else
            t.Skip("no choice, or none made"u8);
    }

    private static void Self(ref Ktap t)
    {
        if (!TryTake(ref t, out InterruptToken token, out byte vector))
            return;
        for (uint i = 1; i <= 100; i++)
        {
            LocalApic.InterruptSelf(vector);
            Await(_counter, i);
        }
        t.Equal(100, _counter.Calls, "interrupts delivered"u8);
        t.Check(!_counter.SawInterruptsOn, "interrupts are off in handlers"u8);
        t.Check(!LocalApic.IsInService(vector), "ended"u8);
        Machine.Interrupts.Release(ref token);
    }

    private static void Off(ref Ktap t)
    {
        if (!TryTake(ref t, out InterruptToken token, out byte vector))
            return;
        bool interrupts = Cpu.DisableInterrupts();
        LocalApic.InterruptSelf(vector);
        Clock.Delay(200);
        t.Equal(0, _counter.Calls, "interrupts while off"u8);
        t.Check(LocalApic.IsRequested(vector), "it waits"u8);
        Cpu.RestoreInterrupts(interrupts);
        Await(_counter, 1);
        t.Equal(1, _counter.Calls, "interrupts afterwards"u8);
        Machine.Interrupts.Release(ref token);
    }

    private static void EndsSleep(ref Ktap t)
    {
        if (!TryTake(ref t, out InterruptToken token, out byte vector))
            return;
        ulong idle = Machine.IdleTicks;
        for (uint i = 1; i <= 100; i++)
        {
            // After one that came while the CPU was awake it would not sleep.
            WorkLoop.Turn(Deadline.In(100));
            // It waits while the CPU goes to sleep, which it ends at once.
            Cpu.DisableInterrupts();
            LocalApic.InterruptSelf(vector);
            Deadline deadline = Deadline.In(DeliveryBound);
            while (!LocalApic.IsRequested(vector) && !deadline.Passed)
                Cpu.Pause();
            while (_counter.Calls < i && !deadline.Passed)
                WorkLoop.Turn(deadline);
        }
        t.Equal(100, _counter.Calls, "interrupts delivered"u8);
        t.Check(!_counter.SawInterruptsOn, "interrupts are off in handlers"u8);
        t.Check(!LocalApic.IsInService(vector), "ended"u8);
        t.Check(Machine.IdleTicks != idle, "it slept"u8);
        bool interrupts = Cpu.DisableInterrupts();
        Cpu.RestoreInterrupts(interrupts);
        t.Check(interrupts, "interrupts are let in afterwards"u8);
        Machine.Interrupts.Release(ref token);
    }

    private static void Masked(ref Ktap t)
    {
        if (!TryTake(ref t, out InterruptToken token, out byte vector))
            return;
        Machine.Interrupts.Mask(token);
        ulong delivered = DeviceInterrupts.Delivered;
        LocalApic.InterruptSelf(vector);
        Deadline deadline = Deadline.In(DeliveryBound);
        while (DeviceInterrupts.Delivered == delivered && !deadline.Passed)
            Cpu.Pause();
        t.Equal(0, _counter.Calls, "calls while masked"u8);
        Machine.Interrupts.Unmask(token);
        Await(_counter, 1);
        t.Equal(1, _counter.Calls, "calls once unmasked"u8);
        Machine.Interrupts.Release(ref token);
    }

    private static void Block(ref Ktap t)
    {
        _counter.Reset();
        _second.Reset();
        if (!Machine.Interrupts.TryTakeMessages(_both, "self-test"u8, out InterruptToken token, out InterruptMessage first))
        {
            t.Skip("this machine routes no messages"u8);
            return;
        }
        t.Equal(0, first.Data & 1, "the low bit is the function's to fill in"u8);
        t.Equal(LocalApic.MessageAddress | LocalApic.Id << 12, first.Address, "address of this CPU"u8);
        LocalApic.InterruptSelf((byte)(first.Data + 1));
        Await(_second, 1);
        t.Equal(0, _counter.Calls, "calls of the first"u8);
        t.Equal(1, _second.Calls, "calls of the second"u8);
        Machine.Interrupts.Release(ref token);
        t.Check(!token.IsValid, "released"u8);
    }

    private static void Spurious(ref Ktap t)
    {
        if (!TryTake(ref t, out InterruptToken token, out byte vector))
            return;
        ulong before = DeviceInterrupts.Spurious;
        LocalApic.InterruptSelf(LocalApic.SpuriousVector);
        Deadline deadline = Deadline.In(DeliveryBound);
        while (DeviceInterrupts.Spurious == before && !deadline.Passed)
            Cpu.Pause();
        t.Equal(before + 1, DeviceInterrupts.Spurious, "spurious interrupts"u8);
        StillWorks(ref t, vector);
        Machine.Interrupts.Release(ref token);
    }

    private static void Unknown(ref Ktap t)
    {
        if (!TryTake(ref t, out InterruptToken token, out byte vector))
            return;
        ulong before = DeviceInterrupts.Unknown;
        LocalApic.InterruptSelf(VectorAllocator.End - 1);
        Deadline deadline = Deadline.In(DeliveryBound);
        while (DeviceInterrupts.Unknown == before && !deadline.Passed)
            Cpu.Pause();
        t.Equal(before + 1, DeviceInterrupts.Unknown, "unknown interrupts"u8);
        t.Check(!LocalApic.IsInService(VectorAllocator.End - 1), "ended"u8);
        StillWorks(ref t, vector);
        Machine.Interrupts.Release(ref token);
    }

    // The interval timer's channel 0 is the one source that every PC can fire at will: once, 1 ms from now.
    private static void Line(ref Ktap t)
    {
        // Firmware may have left it ticking.
        FireIntervalTimer();
        Clock.Delay(3_000);
        _counter.Reset();
        t.Check(Machine.Interrupts.TryTakeLine(InterruptLine.Isa(0), _counter, "self-test"u8, out InterruptToken token), "line taken"u8);
        bool isRouted = Machine.Interrupts.RouteOf(token) == InterruptRoute.Line;
        if (isRouted)
        {
            FireIntervalTimer();
            Await(_counter, 1);
            t.Equal(1, _counter.Calls, "interrupts of the interval timer"u8);
            Machine.Interrupts.Mask(token);
            FireIntervalTimer();
            Clock.Delay(3_000);
            t.Equal(1, _counter.Calls, "interrupts while the line is masked"u8);
            Machine.Interrupts.Unmask(token);
            Await(_counter, 2);
            t.Equal(2, _counter.Calls, "the edge was remembered"u8);
        }
        Machine.Interrupts.Release(ref token);
        ulong unknown = DeviceInterrupts.Unknown;
        FireIntervalTimer();
        Clock.Delay(3_000);
        t.Equal(unknown, DeviceInterrupts.Unknown, "a released line is silent"u8);
        if (!isRouted)
            t.Skip("no I/O APIC"u8);
    }

    private static void Polled(ref Ktap t)
    {
        _counter.Reset();
        t.Check(Machine.Interrupts.TryTakeLine(InterruptLine.Pci(255), _counter, "self-test"u8, out InterruptToken token), "taken"u8);
        t.Check(Machine.Interrupts.RouteOf(token) == InterruptRoute.Polled, "polled"u8);
        Deadline deadline = Deadline.In(DeliveryBound);
        while (_counter.Calls < 3 && !deadline.Passed)
            WorkLoop.Turn(deadline);
        t.Check(_counter.Calls >= 3, "called time and again"u8);
        Machine.Interrupts.Release(ref token);
        ulong calls = _counter.Calls;
        Clock.Delay(3_000);
        t.Equal(calls, _counter.Calls, "calls after the release"u8);
    }

    private static void Allocation(ref Ktap t)
    {
        if (!TryTake(ref t, out InterruptToken token, out byte vector))
            return;
        ulong used = ObjectHeap.Used;
        for (uint i = 1; i <= 100; i++)
        {
            LocalApic.InterruptSelf(vector);
            Await(_counter, i);
        }
        t.Equal(100, _counter.Calls, "interrupts delivered"u8);
        t.Equal(used, ObjectHeap.Used, "bytes of objects made so far"u8);
        Machine.Interrupts.Release(ref token);
    }

    // The handler copies structs, so compiled code moves them through vector registers; the loop keeps its state in all kinds.
    private static void Registers(ref Ktap t)
    {
        if (!TryTake(ref t, out InterruptToken token, out byte vector))
            return;
        // A CPU faster than its local APIC takes several for one.
        const int rounds = 2_000, least = 20;
        bool interrupts = Cpu.DisableInterrupts();
        (ulong Integer, double Real) expected = Compute(rounds, vector: 0);
        Cpu.RestoreInterrupts(interrupts);
        (ulong Integer, double Real) actual = Compute(rounds, vector);
        Await(_counter, least);
        t.Equal(expected.Integer, actual.Integer, "integer result"u8);
        t.Check(expected.Real == actual.Real, "floating-point result"u8);
        t.Check(_counter.Calls >= least, "it was interrupted"u8);
        Machine.Interrupts.Release(ref token);
    }

    private static (ulong Integer, double Real) Compute(int rounds, byte vector)
    {
        ulong a = 1, b = 2, c = 3, d = 4;
        double x = 1, y = 2, z = 3;
        for (int i = 0; i < rounds; i++)
        {
            if (vector != 0)
                LocalApic.InterruptSelf(vector);
            a = a * 6364136223846793005 + b;
            b = b << 7 ^ c;
            c += d >> 3;
            d ^= a;
            x = x * 0.75 + y;
            y = y * 0.5 + z;
            z = z * 0.25 + 1.5;
        }
        return (a ^ b ^ c ^ d, x + y + z);
    }

    private static void StillWorks(ref Ktap t, byte vector)
    {
        LocalApic.InterruptSelf(vector);
        Await(_counter, 1);
        t.Equal(1, _counter.Calls, "interrupts afterwards"u8);
    }

    private static bool TryTake(ref Ktap t, out InterruptToken token, out byte vector)
    {
        _counter.Reset();
        bool taken = Machine.Interrupts.TryTakeMessage(_counter, "self-test"u8, out token, out InterruptMessage message);
        vector = (byte)message.Data;
        if (!taken)
            t.Skip("this machine routes no messages"u8);
        return taken;
    }

    private static void Await(Counter counter, ulong calls)
    {
        Deadline deadline = Deadline.In(DeliveryBound);
        while (counter.Calls < calls && !deadline.Passed)
            Cpu.Pause();
    }

    // Intel 8254, mode 0: the output rises when the count has run down.
    private static void FireIntervalTimer()
    {
        PortIo.Out8(0x43, 0x30);
        PortIo.Out8(0x40, 1193 & 0xFF);
        PortIo.Out8(0x40, 1193 >> 8);
    }

    private sealed class Counter : IInterruptHandler
    {
        private ulong _calls;
        private InterruptName _scratch;

        public ulong Calls => System.Threading.Volatile.Read(ref _calls);

        public bool SawInterruptsOn { get; private set; }

        public void Reset()
        {
            System.Threading.Volatile.Write(ref _calls, 0);
            SawInterruptsOn = false;
        }

        public bool OnInterrupt()
        {
            _scratch = InterruptName.From("moved through registers"u8);
            SawInterruptsOn |= Cpu.DisableInterrupts();
            System.Threading.Volatile.Write(ref _calls, _calls + 1);
            return true;
        }
    }
}
