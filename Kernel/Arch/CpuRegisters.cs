using System.Runtime;
using System.Runtime.CompilerServices;

namespace Sluice.Arch;

/// <summary>Control and model-specific registers, and CPUID. Source: Intel SDM volumes 2, 3 and 4.</summary>
internal static unsafe class CpuRegisters
{
    /// <summary>Extended features: long mode, no-execute.</summary>
    public const uint Efer = 0xC000_0080;

    /// <summary>Page attribute table.</summary>
    public const uint Pat = 0x277;

    /// <summary>Base of the gs segment: the per-CPU block.</summary>
    public const uint GsBase = 0xC000_0101;

    [RuntimeImport("cpu_read_msr"), MethodImpl(MethodImplOptions.InternalCall)] public static extern ulong ReadMsr(uint register);
    [RuntimeImport("cpu_write_msr"), MethodImpl(MethodImplOptions.InternalCall)] public static extern void WriteMsr(uint register, ulong value);
    [RuntimeImport("cpu_read_cr0"), MethodImpl(MethodImplOptions.InternalCall)] public static extern ulong ReadCr0();
    [RuntimeImport("cpu_write_cr0"), MethodImpl(MethodImplOptions.InternalCall)] public static extern void WriteCr0(ulong value);
    [RuntimeImport("cpu_read_cr2"), MethodImpl(MethodImplOptions.InternalCall)] public static extern ulong ReadCr2();
    [RuntimeImport("cpu_read_cr3"), MethodImpl(MethodImplOptions.InternalCall)] public static extern ulong ReadCr3();
    [RuntimeImport("cpu_read_cr4"), MethodImpl(MethodImplOptions.InternalCall)] public static extern ulong ReadCr4();
    [RuntimeImport("cpu_write_cr4"), MethodImpl(MethodImplOptions.InternalCall)] public static extern void WriteCr4(ulong value);
    [RuntimeImport("cpu_halt"), MethodImpl(MethodImplOptions.InternalCall)] public static extern void HaltForever();

    /// <summary>CPUID of a leaf and subleaf.</summary>
    public static CpuidResult Identify(uint leaf, uint subleaf = 0)
    {
        CpuidResult result;
        Cpuid(leaf, subleaf, &result);
        return result;
    }

    [RuntimeImport("cpu_identify"), MethodImpl(MethodImplOptions.InternalCall)]
    private static extern void Cpuid(uint leaf, uint subleaf, CpuidResult* result);
}

/// <summary>The four registers that CPUID fills.</summary>
internal struct CpuidResult
{
    public uint Eax, Ebx, Ecx, Edx;
}
