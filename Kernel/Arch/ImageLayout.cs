using System.Runtime;
using System.Runtime.CompilerServices;

namespace Sluice.Arch;

/// <summary>Addresses that the linker script and the assembly know; filled in Boot/interrupts.s in this order.</summary>
internal unsafe struct ImageLayout
{
    public ulong ImageStart, ImageEnd, TextStart, TextEnd, RodataStart, RodataEnd, DataStart;
    public ulong BootGuard, BootStackTop, FaultGuard, FaultStackTop, NmiGuard, NmiStackTop, PanicGuard, PanicStackTop;
    public byte* CodeMapStart, CodeMapEnd;
    public ulong ModulesStart, ModulesEnd;
    public ulong InterruptStubs, ProbeFailed;
    public ulong* ProbeStack;
    public ulong ReturnFromException, ReturnFromDevice;

    /// <summary>Virtual minus physical address of the image.</summary>
    public const ulong KernelBase = 0xFFFF_FFFF_8000_0000;

    /// <summary>The one of this image.</summary>
    public static ImageLayout* Current => Get();

    [RuntimeImport("image_layout"), MethodImpl(MethodImplOptions.InternalCall)]
    private static extern ImageLayout* Get();
}
