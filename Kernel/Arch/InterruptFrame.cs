namespace Sluice.Arch;

/// <summary>What Boot/interrupts.s saves of the interrupted code; the handler may change it. Lowest address first.</summary>
internal struct InterruptFrame
{
    public ulong R15, R14, R13, R12, R11, R10, R9, R8, Rdi, Rsi, Rbp, Rbx, Rdx, Rcx, Rax;

    /// <summary>0 to 255, or 256 for a panic from code.</summary>
    public ulong Vector;

    /// <summary>The CPU's error code, or 0 where the exception has none.</summary>
    public ulong ErrorCode;

    public ulong Rip, Cs, Rflags, Rsp, Ss;
}
