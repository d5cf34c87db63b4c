using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Sluice.Arch;

namespace Sluice.Panic;

/// <summary>The registers that survive calls, while a stack is unwound. Numbers are DWARF's: System V ABI x86-64, figure 3.36.</summary>
internal struct UnwindState
{
    /// <summary>The number that tables give the return address.</summary>
    public const int ReturnAddress = 16;

    private Registers _registers;

    public ulong Rip
    {
        readonly get => _registers[ReturnAddress];
        set => _registers[ReturnAddress] = value;
    }

    public ulong Rsp
    {
        readonly get => _registers[7];
        set => _registers[7] = value;
    }

    public readonly ulong Rbx => _registers[3];

    /// <summary>A register by DWARF's number, 0 to 16.</summary>
    [UnscopedRef] public ref ulong this[int register] => ref _registers[register];

    /// <summary>The state of interrupted code.</summary>
    public static unsafe UnwindState From(InterruptFrame* frame)
    {
        UnwindState state = default;
        state[0] = frame->Rax;
        state[1] = frame->Rdx;
        state[2] = frame->Rcx;
        state[3] = frame->Rbx;
        state[4] = frame->Rsi;
        state[5] = frame->Rdi;
        state[6] = frame->Rbp;
        state[7] = frame->Rsp;
        state[8] = frame->R8;
        state[9] = frame->R9;
        state[10] = frame->R10;
        state[11] = frame->R11;
        state[12] = frame->R12;
        state[13] = frame->R13;
        state[14] = frame->R14;
        state[15] = frame->R15;
        state[16] = frame->Rip;
        return state;
    }

    [InlineArray(17)]
    private struct Registers
    {
        private ulong _first;
    }
}
