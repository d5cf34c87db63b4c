using System;
using Sluice.Arch;
using Sluice.Runtime;

namespace Sluice.Panic;

/// <summary>Steps from a call to its caller, and names methods, by the map of the image's code.</summary>
internal static unsafe class UnwindTable
{
    /// <summary>Replaces the state by the caller's; false where the map says nothing of the address, or the stack cannot be read.</summary>
    public static bool TryStep(ref UnwindState state)
    {
        if (!TryFind(state.Rip, out CodeMap map, out CodeMap.Method method, out uint offset) ||
            !map.TryGetProgram(method, out UnwindProgram program))
        {
            return false;
        }
        FrameRules rules = program.At(offset);
        ulong end = state[rules.Register] + 8 * (ulong)rules.Words;
        UnwindState caller = state;
        for (int register = 0; register < FrameRules.Registers; register++)
        {
            if (rules.Saved[register] != 0 && !TryRead(end - 8 * (ulong)rules.Saved[register], out caller[register]))
                return false;
        }
        if (!TryRead(end - 8, out caller[UnwindState.ReturnAddress]))
            return false;
        caller.Rsp = end;
        state = caller;
        return true;
    }

    /// <summary>The name of the method that holds an address, and how far in.</summary>
    public static bool TryName(ulong address, out PackedName name, out uint offset)
    {
        name = default;
        if (!TryFind(address, out CodeMap map, out CodeMap.Method method, out offset))
            return false;
        map.ReadName(method, out name);
        return true;
    }

    private static bool TryFind(ulong address, out CodeMap map, out CodeMap.Method method, out uint offset)
    {
        ImageLayout* layout = ImageLayout.Current;
        map = new CodeMap(new ReadOnlySpan<byte>(layout->CodeMapStart, (int)(layout->CodeMapEnd - layout->CodeMapStart)));
        uint place = (uint)(address - ImageLayout.KernelBase);
        method = default;
        offset = 0;
        if (address < layout->TextStart || address >= layout->TextEnd || !map.TryFind(place, out method))
            return false;
        offset = place - method.Start;
        return true;
    }

    private static bool TryRead(ulong slot, out ulong value)
    {
        value = 0;
        if (!Backtrace.IsReadable(slot, 8))
            return false;
        value = *(ulong*)slot;
        return true;
    }
}
