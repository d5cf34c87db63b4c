using System;

namespace Sluice.Arch;

/// <summary>What this CPU can do; read once while starting. Source: Intel SDM volume 2, CPUID.</summary>
internal static class CpuFeatures
{
    public static bool NoExecute { get; private set; }
    public static bool HugePages { get; private set; }
    public static bool PageAttributes { get; private set; }
    public static bool GlobalPages { get; private set; }
    public static bool LocalApic { get; private set; }
    public static bool X2Apic { get; private set; }
    public static bool TscDeadline { get; private set; }
    public static bool InvariantTsc { get; private set; }
    public static bool SupervisorExecutionPrevention { get; private set; }

    /// <summary>Whether the CPU says that it is a virtual one, with or without hardware for that.</summary>
    public static bool IsVirtual { get; private set; }

    /// <summary>Whether the CPU is QEMU's, without hardware virtualisation.</summary>
    public static bool IsQemuInterpreter { get; private set; }

    /// <summary>Bits of a physical address; at most 52.</summary>
    public static int PhysicalAddressBits { get; private set; } = 36;

    /// <summary>Fills the properties; returns what is missing that the kernel needs, or nothing.</summary>
    public static ReadOnlySpan<byte> Detect()
    {
        uint highest = CpuRegisters.Identify(0).Eax;
        CpuidResult basic = CpuRegisters.Identify(1);
        GlobalPages = (basic.Edx & 1 << 13) != 0;
        PageAttributes = (basic.Edx & 1 << 16) != 0;
        LocalApic = (basic.Edx & 1 << 9) != 0;
        X2Apic = (basic.Ecx & 1 << 21) != 0;
        TscDeadline = (basic.Ecx & 1 << 24) != 0;
        if (highest >= 7)
            SupervisorExecutionPrevention = (CpuRegisters.Identify(7).Ebx & 1 << 7) != 0;

        // No real CPU sets bit 31. It promises the leaf, which holds a name in EBX, ECX and EDX: "TCGTCGTCGTCG".
        IsVirtual = (basic.Ecx & 1u << 31) != 0;
        if (IsVirtual)
            IsQemuInterpreter = CpuRegisters.Identify(0x4000_0000) is { Ebx: 0x54474354, Ecx: 0x43544743, Edx: 0x47435447 };

        uint highestExtended = CpuRegisters.Identify(0x8000_0000).Eax;
        CpuidResult extended = CpuRegisters.Identify(0x8000_0001);
        NoExecute = (extended.Edx & 1 << 20) != 0;
        HugePages = (extended.Edx & 1 << 26) != 0;
        if (highestExtended >= 0x8000_0007)
            InvariantTsc = (CpuRegisters.Identify(0x8000_0007).Edx & 1 << 8) != 0;
        if (highestExtended >= 0x8000_0008)
            PhysicalAddressBits = Math.Clamp((int)(CpuRegisters.Identify(0x8000_0008).Eax & 0xFF), 32, 52);

        if ((basic.Edx & 1 << 4) == 0)
            return "a time stamp counter (TSC)"u8;
        if ((basic.Edx & 1 << 5) == 0)
            return "model-specific registers (MSR)"u8;
        if ((basic.Edx & 1 << 24) == 0 || (basic.Edx & 1 << 26) == 0)
            return "SSE2 (FXSR)"u8;
        if (!NoExecute)
            return "no-execute pages (NX)"u8;
        if (!PageAttributes)
            return "page attribute tables (PAT)"u8;
        return default;
    }
}
