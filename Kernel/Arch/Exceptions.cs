using System;
using System.Runtime;
using Sluice.Panic;

namespace Sluice.Arch;

/// <summary>CPU exceptions: a probe's are its result, all others are panics. Source: Intel SDM volume 3, section 6.15.</summary>
internal static unsafe class Exceptions
{
    private const int DivideError = 0, Nmi = 2, DoubleFault = 8, PageFault = 14;

    // An access this close to 0 went through a null reference: no field of an object lies further in.
    private const ulong NullGuardBytes = 64 * 1024;

    [RuntimeExport("exception_entry")]
    private static void Handle(InterruptFrame* frame)
    {
        if (Probe.TryRecover(frame))
            return;
        ulong address = CpuRegisters.ReadCr2();
        switch (frame->Vector)
        {
            case DivideError:
                PanicReport.Stop(frame, "divide by zero or quotient overflow"u8);
                break;
            case DoubleFault:
                StopOnDoubleFault(frame);
                break;
            case PageFault:
                StopOnPageFault(frame, address);
                break;
            default:
                PanicReport.Stop(frame, Name(frame->Vector));
                break;
        }
    }

    private static void StopOnPageFault(InterruptFrame* frame, ulong address)
    {
        ReadOnlySpan<byte> access = (frame->ErrorCode & 16) != 0 ? "execution"u8 : (frame->ErrorCode & 2) != 0 ? "write"u8 : "read"u8;
        ReadOnlySpan<byte> state = (frame->ErrorCode & 1) != 0 ? "forbidden"u8 : "not mapped"u8;
        if ((frame->ErrorCode & 8) != 0)
            PanicReport.Stop(frame, $"page fault: reserved bit set in a page table, at {address:x16}");
        else if (address < NullGuardBytes)
            PanicReport.Stop(frame, $"null reference ({access} at {address:x})");
        else if (IsGuard(address & ~0xFFFUL))       // a large frame is tried before it is taken
            PanicReport.Stop(frame, $"stack overflow ({access} at {address:x16})");
        else
            PanicReport.Stop(frame, $"page fault: {access} at {address:x16}, {state}");
    }

    private static void StopOnDoubleFault(InterruptFrame* frame)
    {
        // A page fault on a guard page pushes its frame on the same broken stack: that is this fault.
        ulong page = frame->Rsp - 1 & ~0xFFFUL;
        PanicReport.Stop(frame, IsGuard(page) || IsGuard(page - 4096) ? "stack overflow"u8 : "double fault"u8);
    }

    private static bool IsGuard(ulong page)
    {
        ImageLayout* layout = ImageLayout.Current;
        return page == layout->BootGuard || page == layout->FaultGuard || page == layout->NmiGuard || page == layout->PanicGuard;
    }

    private static ReadOnlySpan<byte> Name(ulong vector) => vector switch
    {
        1 => "debug exception"u8,
        Nmi => "non-maskable interrupt"u8,
        3 => "breakpoint"u8,
        4 => "overflow trap"u8,
        5 => "bound range exceeded"u8,
        6 => "invalid opcode"u8,
        7 => "no floating point"u8,
        10 => "invalid task segment"u8,
        11 => "segment not present"u8,
        12 => "stack segment fault"u8,
        13 => "general protection fault"u8,
        16 => "x87 floating-point error"u8,
        17 => "alignment check"u8,
        18 => "machine check"u8,
        19 => "SIMD floating-point error"u8,
        20 => "virtualisation exception"u8,
        21 => "control protection exception"u8,
        _ => "unexpected exception"u8,
    };
}
