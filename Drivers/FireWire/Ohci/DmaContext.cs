using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>
/// A DMA context: runs a program of descriptor blocks until it is stopped, waits at its end, dies of what it cannot do. Source: OHCI 1.1,
/// section 3.1.
/// </summary>
internal readonly struct DmaContext(ContextRegisters registers)
{
    // What a context may take to let go: a packet with all its retries, and no more.
    private const ulong StopMicroseconds = 10_000;

    /// <summary>Begins at a block.</summary>
    public void Start(uint block)
    {
        registers.Command.Write(block);
        registers.Set.Write(ContextControl.Run);
    }

    /// <summary>Something was linked to the program's end.</summary>
    public void Wake() => registers.Set.Write(ContextControl.Wake);

    /// <summary>Whether it has died: it stays so until it is stopped (3.1.2.1). Or it was stopped, and not by us, which only software should do.</summary>
    public bool IsDead => (registers.Set.Read() & (ContextControl.Dead | ContextControl.Run)) != ContextControl.Run;

    /// <summary>
    /// Ends it: afterwards it touches no memory. <see cref="Error.Timeout"/> if it stays active, <see cref="Error.DeviceGone"/>. Waits for
    /// 10 ms at most.
    /// </summary>
    public Error Stop()
    {
        registers.Clear.Write(ContextControl.Run);
        Deadline end = Deadline.In(StopMicroseconds);
        while (true)
        {
            bool last = end.Passed;
            ContextControl control = registers.Set.Read();
            if (control == ContextControl.Gone)
                return Error.DeviceGone;
            if ((control & ContextControl.Active) == 0)
                return Error.None;
            if (last)
                return Error.Timeout;
            Clock.Delay(5);
        }
    }
}
