using Sluice.Arch;

namespace Sluice.Panic;

/// <summary>The chain of calls that led to a frame, by the unwind tables that the compiler emits.</summary>
internal static unsafe class Backtrace
{
    private const int MaxFrames = 32;

    /// <summary>Prints one line a call, innermost first; ends at the first address it knows nothing about.</summary>
    public static void Print(InterruptFrame* frame)
    {
        UnwindState state = UnwindState.From(frame);
        for (int i = 0; i < MaxFrames; i++)
        {
            PrintCall(i, state.Rip);
            if (!TryStep(ref state))
                return;
        }
        PanicReport.Line($"  ... and more");
    }

    private static void PrintCall(int number, ulong address)
    {
        if (SymbolTable.TryFind(address, out SymbolName name, out uint offset))
            PanicReport.Line($"  {(number == 0 ? "at"u8 : "by"u8)} \e[1m{name}\e[0m+0x{offset:x}  [{address:x16}]");
        else
            PanicReport.Line($"  {(number == 0 ? "at"u8 : "by"u8)} ?  [{address:x16}]");
    }

    private static bool TryStep(ref UnwindState state)
    {
        ImageLayout* layout = ImageLayout.Current;
        if (state.Rip == layout->ReturnFromException || state.Rip == layout->ReturnFromDevice)
        {
            // The stub kept the interrupted code's frame in rbx.
            if (!IsReadable(state.Rbx, (ulong)sizeof(InterruptFrame)))
                return false;
            state = UnwindState.From((InterruptFrame*)state.Rbx);
            return true;
        }
        if (UnwindTable.TryStep(ref state))
            return state.Rip != 0;
        // Assembly leaves push nothing, nor did a jump into nowhere: the caller's address is on top of the stack.
        if (!IsReadable(state.Rsp, 8))
            return false;
        state.Rip = *(ulong*)state.Rsp;
        state.Rsp += 8;
        return state.Rip >= layout->TextStart && state.Rip < layout->TextEnd;
    }

    /// <summary>Whether a part of a stack can be read: a broken chain must not fault again.</summary>
    internal static bool IsReadable(ulong address, ulong bytes) =>
        (address & 7) == 0 && address + bytes > address && Probe.TryRead(address) && Probe.TryRead(address + bytes - 1);
}
