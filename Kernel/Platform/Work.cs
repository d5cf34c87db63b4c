using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>Who has work that interrupt handlers only note.</summary>
public interface IWork
{
    /// <summary>
    /// Does at most <paramref name="budget"/> units (packets, transactions, keys) and returns true if there is more to do: then it
    /// is called again after the others. Runs in the CPU's loop, interrupts on. Must not wait.
    /// </summary>
    [PacketPath]
    bool Work(int budget);
}

/// <summary>Somebody's place in the loop of the CPU that makes it; made while starting.</summary>
public sealed class WorkItem(IWork work)
{
    private readonly WorkQueue _queue = Machine.Work;

    internal IWork Target { get; } = work;

    internal WorkItem? Next { get; set; }

    internal bool IsMarked { get; set; }

    /// <summary>Has the work called soon, once however often it is marked until then. Any context of that CPU.</summary>
    public void Mark() => _queue.Add(this);

    /// <summary>The same in an interrupt's handler, where nothing else can come in between.</summary>
    [InterruptPath]
    public void MarkInInterrupt() => _queue.AddInInterrupt(this);
}

/// <summary>What is marked on one CPU, first come first served. Interrupts are kept off while it changes.</summary>
public sealed class WorkQueue
{
    private WorkItem? _first, _last;
    private bool _attention;

    /// <summary>Calls of <see cref="IWork.Work"/> so far.</summary>
    public ulong Calls { get; private set; }

    /// <summary>Whether nothing is marked.</summary>
    public bool IsEmpty => _first == null;

    /// <summary>Says that an interrupt was handled: whoever waits must look at its condition once more before the CPU sleeps.</summary>
    public void NoteInterrupt() => _attention = true;

    /// <summary>
    /// Serves all that was marked when the call began, each with the budget; false if nothing was. What is marked meanwhile, and what
    /// has more to do, waits for the next call. Called with interrupts off, and lets them in.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Run(int budget)
    {
        WorkItem? item = _first;
        _first = _last = null;
        // Whoever waits looks at its condition after this call.
        _attention = false;
        Cpu.EnableInterrupts();
        if (item == null)
            return false;
        do
        {
            WorkItem? next = item.Next;
            // From here on a mark counts again: what it announces may come after this call looked.
            item.IsMarked = false;
            Calls++;
            if (item.Target.Work(budget))
                Add(item);
            item = next;
        }
        while (item != null);
        return true;
    }

    /// <summary>Interrupts off: whether the CPU may sleep, as no work is marked and no interrupt came since the last call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRest()
    {
        bool rest = _first == null && !_attention;
        _attention = false;
        return rest;
    }

    internal void Add(WorkItem item)
    {
        bool interrupts = Cpu.DisableInterrupts();
        AddInInterrupt(item);
        Cpu.RestoreInterrupts(interrupts);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void AddInInterrupt(WorkItem item)
    {
        if (item.IsMarked)
            return;
        item.IsMarked = true;
        item.Next = null;
        if (_last == null)
            _first = item;
        else
            _last.Next = item;
        _last = item;
    }
}

/// <summary>The loop that a CPU is in when nothing else runs on it.</summary>
public static class WorkLoop
{
    /// <summary>Units that one piece of work may do before the next has its turn.</summary>
    public const int Budget = 64;

    /// <summary>
    /// One turn: sleeps until an interrupt, at most until the limit, unless work is marked already; then does the marked work. Whoever waits
    /// for something calls this in a loop and looks at its condition in between; an interrupt since the last turn makes it return at once,
    /// so none is missed. Not for interrupt handlers, nor for work.
    /// </summary>
    [NotInInterrupt]
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Turn(Deadline limit)
    {
        WorkQueue work = Machine.Rest(limit);
        work.Run(Budget);
    }
}
