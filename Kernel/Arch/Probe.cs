using System.Runtime;
using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>Accesses that may fault and then just say so: for tests of protection, and for memory nobody vouches for.</summary>
internal static unsafe class Probe
{
    /// <summary>Exceptions that a probe may cause: general protection, page fault.</summary>
    private const ulong FirstRecoverable = 13, LastRecoverable = 14;

    /// <summary>Reads a byte; false if that faults.</summary>
    public static bool TryRead(ulong address) => Run(address, &Read);

    /// <summary>Writes the byte that is there back; false if reading or writing faults.</summary>
    public static bool TryWrite(ulong address) => TryRead(address) && Run(address, &WriteBack);

    /// <summary>Calls the address, which must hold a function without parameters or result; false if that faults at once.</summary>
    public static bool TryExecute(ulong address) => Run(address, &Execute);

    /// <summary>Called for each exception: if a probe runs, it ends there with false.</summary>
    public static bool TryRecover(InterruptFrame* frame)
    {
        ImageLayout* layout = ImageLayout.Current;
        if (*layout->ProbeStack == 0 || frame->Vector is < FirstRecoverable or > LastRecoverable)
            return false;
        frame->Rip = layout->ProbeFailed;
        return true;
    }

    private static bool Run(ulong address, delegate*<ulong, bool> access)
    {
        // An interrupt handler's own fault must not look like the probe's.
        bool interrupts = Cpu.DisableInterrupts();
        bool done = access(address);
        Cpu.RestoreInterrupts(interrupts);
        return done;
    }

    private static bool WriteBack(ulong address) => Write(address, *(byte*)address);

    [RuntimeImport("probe_read"), MethodImpl(MethodImplOptions.InternalCall)] private static extern bool Read(ulong address);
    [RuntimeImport("probe_write"), MethodImpl(MethodImplOptions.InternalCall)] private static extern bool Write(ulong address, byte value);
    [RuntimeImport("probe_execute"), MethodImpl(MethodImplOptions.InternalCall)] private static extern bool Execute(ulong address);
}
