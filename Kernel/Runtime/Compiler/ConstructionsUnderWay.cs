using System.Threading;
using Sluice.Runtime;

namespace System.Runtime.CompilerServices;

/// <summary>What a CPU does about a static constructor that has not run.</summary>
internal enum ConstructionTurn
{
    /// <summary>Run it, then leave.</summary>
    Run,

    /// <summary>Wait until another CPU has run it, then leave.</summary>
    Wait,

    /// <summary>It has run by now, or waiting for it would be waiting for oneself.</summary>
    GoOn,
}

/// <summary>Which CPU runs which static constructor, and which waits for one. Any CPU, any context.</summary>
internal static unsafe class ConstructionsUnderWay
{
    private const int Capacity = 64;

    private static Records _records;
    private static int _lock;

    /// <summary>Whose turn a constructor is; notes the answer if it is to run or to wait.</summary>
    public static ConstructionTurn Enter(StaticClassConstructionContext* context, uint cpu)
    {
        bool interrupts = Lock();
        ConstructionTurn turn = Decide(context, cpu);
        if (turn != ConstructionTurn.GoOn)
        {
            Record* free = Unused();
            if (free == null)
                Fault.Stop("too many static constructors under way"u8);
            *free = new Record { Context = context, Cpu = cpu, Waits = turn == ConstructionTurn.Wait };
        }
        Unlock(interrupts);
        return turn;
    }

    /// <summary>Forgets what <see cref="Enter"/> noted.</summary>
    public static void Leave(StaticClassConstructionContext* context, uint cpu)
    {
        bool interrupts = Lock();
        for (Record* record = First; record < First + Capacity; record++)
        {
            if (record->Context == context && record->Cpu == cpu)
                *record = default;
        }
        Unlock(interrupts);
    }

    /// <summary>Tells the CPU that this is a waiting loop.</summary>
    [RuntimeImport("cpu_pause"), MethodImpl(MethodImplOptions.InternalCall)] public static extern void Pause();

    /// <summary>A number of this CPU that needs nothing to be set up: its APIC's. Slow.</summary>
    [RuntimeImport("runtime_cpu_number"), MethodImpl(MethodImplOptions.InternalCall)] public static extern uint ThisCpu();

    private static ConstructionTurn Decide(StaticClassConstructionContext* context, uint cpu)
    {
        if (Volatile.Read(ref context->Constructor) == 0)
            return ConstructionTurn.GoOn;
        Record* running = Runner(context);
        if (running == null)
            return ConstructionTurn.Run;
        // Who runs it may itself wait for one that another runs, and so on. The chain ends: nobody who would close a
        // circle waits.
        while (running != null && running->Cpu != cpu)
        {
            Record* waiting = Waiter(running->Cpu);
            running = waiting == null ? null : Runner(waiting->Context);
        }
        return running == null ? ConstructionTurn.Wait : ConstructionTurn.GoOn;
    }

    private static Record* Runner(StaticClassConstructionContext* context)
    {
        for (Record* record = First; record < First + Capacity; record++)
        {
            if (record->Context == context && !record->Waits)
                return record;
        }
        return null;
    }

    private static Record* Waiter(uint cpu)
    {
        for (Record* record = First; record < First + Capacity; record++)
        {
            if (record->Context != null && record->Waits && record->Cpu == cpu)
                return record;
        }
        return null;
    }

    private static Record* Unused()
    {
        for (Record* record = First; record < First + Capacity; record++)
        {
            if (record->Context == null)
                return record;
        }
        return null;
    }

    private static Record* First => (Record*)Unsafe.AsPointer(ref _records);

    // Interrupts are off while it is held: a handler may be the first to use a type, too.
    private static bool Lock()
    {
        bool interrupts = DisableInterrupts();
        while (Interlocked.Exchange(ref _lock, 1) != 0)
            Pause();
        return interrupts;
    }

    private static void Unlock(bool interrupts)
    {
        Volatile.Write(ref _lock, 0);
        if (interrupts)
            EnableInterrupts();
    }

    [RuntimeImport("cpu_disable_interrupts"), MethodImpl(MethodImplOptions.InternalCall)] private static extern bool DisableInterrupts();

    [RuntimeImport("cpu_enable_interrupts"), MethodImpl(MethodImplOptions.InternalCall)] private static extern void EnableInterrupts();

    private struct Record
    {
        public StaticClassConstructionContext* Context;   // null: unused
        public uint Cpu;
        public bool Waits;
    }

    [InlineArray(Capacity)]
    private struct Records
    {
        private Record _first;
    }
}
