using Sluice.Arch;

namespace Sluice.Panic;

/// <summary>
/// Walks from a frame to its callers. Ends at whatever it cannot follow: a stack may be broken, so each step must go up the stack, and
/// there are no more steps than return addresses in the largest one.
/// </summary>
internal unsafe struct CallWalk(InterruptFrame* frame)
{
    private const int MostSteps = 64 * 1024 / 8;

    private UnwindState _state = UnwindState.From(frame);
    private int _steps;
    private bool _ended;

    /// <summary>Whether the walk was given up before its end.</summary>
    public readonly bool IsCut => _steps == MostSteps;

    /// <summary>The next address, and how many calls in a row came from there; false behind the last.</summary>
    public bool TryNext(out ulong address, out int times)
    {
        address = _state.Rip;
        times = 0;
        while (!_ended && _state.Rip == address)
        {
            times++;
            _ended = ++_steps == MostSteps || !TryStep(ref _state);
        }
        return times > 0;
    }

    private static bool TryStep(ref UnwindState state)
    {
        ImageLayout* layout = ImageLayout.Current;
        if (state.Rip == layout->ReturnFromException || state.Rip == layout->ReturnFromDevice)
        {
            // The stub kept the interrupted code's frame in rbx. It may be on another stack.
            if (!Backtrace.IsReadable(state.Rbx, (ulong)sizeof(InterruptFrame)))
                return false;
            state = UnwindState.From((InterruptFrame*)state.Rbx);
            return true;
        }
        ulong before = state.Rsp;
        if (UnwindTable.TryStep(ref state))
            return state.Rip != 0 && state.Rsp > before;
        // Assembly leaves push nothing, nor did a jump into nowhere: the caller's address is on top of the stack.
        if (!Backtrace.IsReadable(state.Rsp, 8))
            return false;
        state.Rip = *(ulong*)state.Rsp;
        state.Rsp += 8;
        return state.Rip >= layout->TextStart && state.Rip < layout->TextEnd;
    }
}
