using System.Threading;

namespace Sluice.Platform;

/// <summary>
/// Mutual exclusion between CPUs, first come first served. Not for interrupt handlers: they take no locks.
/// </summary>
[NonCopyable(Release = false)]
public struct SpinLock
{
    private int _next, _serving;

    /// <summary>Waits for the lock's turn.</summary>
    [NotInInterrupt]
    public void Acquire()
    {
        int ticket = Interlocked.Increment(ref _next) - 1;
        while (Volatile.Read(ref _serving) != ticket)
            Cpu.Pause();
    }

    /// <summary>Lets the next one in. Only the holder calls it.</summary>
    public void Release() => Volatile.Write(ref _serving, _serving + 1);
}
