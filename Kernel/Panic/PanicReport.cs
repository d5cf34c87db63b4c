using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime;
using Sluice.Arch;
using Sluice.Console;
using Sluice.Platform;

namespace Sluice.Panic;

/// <summary>The end of a kernel with a bug: says what and where on every output, then stops. Takes no lock and allocates nothing.</summary>
internal static unsafe class PanicReport
{
    private const ushort DebugExit = 0xF4;
    private const uint PanicStatus = 0x12;

    private static int _depth;

    /// <summary>Stops with a report of the frame.</summary>
    [DoesNotReturn]
    public static void Stop(InterruptFrame* frame, scoped in Utf8Message what) => Stop(frame, what.Text);

    /// <summary>Stops with a report of the frame.</summary>
    [DoesNotReturn]
    public static void Stop(InterruptFrame* frame, ReadOnlySpan<byte> what)
    {
        Cpu.DisableInterrupts();
        ulong address = CpuRegisters.ReadCr2();     // the backtrace's probes may change it
        _depth++;
        if (_depth <= 2)
        {
            Terminal.BeginPanic();
            Line($"");
            Terminal.WriteHeadline($"PANIC: {what}");
            if (_depth == 1)
                Describe(frame, address);
            else
                Line($"  while reporting another panic, at {frame->Rip:x16}");
        }
        End();
    }

    [RuntimeExport("panic_entry")]
    private static void FromCode(InterruptFrame* frame, byte* text, int length) => Stop(frame, new ReadOnlySpan<byte>(text, length));

    private static void Describe(InterruptFrame* frame, ulong address)
    {
        Line($"  kernel {BuildInformation.Version}, up {Clock.Microseconds / 1_000_000}.{Clock.Microseconds % 1_000_000:d6} s, CPU {Cpu.Id}");
        Backtrace.Print(frame);
        if (frame->Vector < 256)
            Line($"  exception {frame->Vector}, error code {frame->ErrorCode:x}, cr2 {address:x16}");
        Line($"  rax {frame->Rax:x16}  rbx {frame->Rbx:x16}  rcx {frame->Rcx:x16}  rdx {frame->Rdx:x16}");
        Line($"  rsi {frame->Rsi:x16}  rdi {frame->Rdi:x16}  rbp {frame->Rbp:x16}  rsp {frame->Rsp:x16}");
        Line($"  r8  {frame->R8:x16}  r9  {frame->R9:x16}  r10 {frame->R10:x16}  r11 {frame->R11:x16}");
        Line($"  r12 {frame->R12:x16}  r13 {frame->R13:x16}  r14 {frame->R14:x16}  r15 {frame->R15:x16}");
        Line($"  rip {frame->Rip:x16}  rflags {frame->Rflags:x8}  cs {frame->Cs:x}  ss {frame->Ss:x}");
        Line($"  cr0 {CpuRegisters.ReadCr0():x8}  cr3 {CpuRegisters.ReadCr3():x8}  cr4 {CpuRegisters.ReadCr4():x8}");
        Line($"The machine is stopped. Switch it off, or reset it.");
    }

    [DoesNotReturn]
    private static void End()
    {
        PortIo.Out32(DebugExit, PanicStatus);    // ends QEMU where it has that device
        CpuRegisters.HaltForever();
        while (true)
            Cpu.Pause();
    }

    internal static void Line(scoped in Utf8Message message) => Terminal.WriteLine(message);
}
