using System;
using Sluice.Mm;

namespace Sluice.Arch;

/// <summary>CPU settings that memory protection and caching rest on, and the sections of the image.</summary>
internal static unsafe class MemoryProtection
{
    private const ulong NoExecuteEnable = 1 << 11;
    private const ulong GlobalPages = 1 << 7, SupervisorExecutionPrevention = 1 << 20;

    // Entry 0 write-back, 1 write-combining, 2 uncached unless MTRRs say combining, 3 uncached; again. Source: Intel SDM volume 3,
    // section 11.12. CacheMode's numbers are these entries'.
    private const ulong PageAttributes = 0x0007_0106_0007_0106;

    /// <summary>Lets the page tables forbid execution and choose caching. Once for each CPU, before the kernel's tables are used.</summary>
    public static void Enable()
    {
        CpuRegisters.WriteMsr(CpuRegisters.Efer, CpuRegisters.ReadMsr(CpuRegisters.Efer) | NoExecuteEnable);
        CpuRegisters.WriteMsr(CpuRegisters.Pat, PageAttributes);
        ulong cr4 = CpuRegisters.ReadCr4();
        if (CpuFeatures.GlobalPages)
            cr4 |= GlobalPages;
        if (CpuFeatures.SupervisorExecutionPrevention)
            cr4 |= SupervisorExecutionPrevention;
        CpuRegisters.WriteCr4(cr4);
    }

    /// <summary>Builds the kernel's address space from the machine's memory and goes over to it.</summary>
    public static void BuildAddressSpace(MemoryMap map, EarlyMemory early)
    {
        ImageLayout* layout = ImageLayout.Current;
        // The pages below each stack stay out: they are its guard.
        ReadOnlySpan<ImageSection> sections =
        [
            new(layout->TextStart, layout->TextEnd, PageAccess.Execute),
            new(layout->RodataStart, layout->RodataEnd, PageAccess.Read),
            new(layout->DataStart, layout->BootGuard, PageAccess.ReadWrite),
            new(layout->BootGuard + 4096, layout->BootStackTop, PageAccess.ReadWrite),
            new(layout->FaultGuard + 4096, layout->FaultStackTop, PageAccess.ReadWrite),
            new(layout->NmiGuard + 4096, layout->NmiStackTop, PageAccess.ReadWrite),
            new(layout->PanicGuard + 4096, layout->PanicStackTop, PageAccess.ReadWrite),
        ];
        VirtualMemory.Initialize(sections, ImageLayout.KernelBase, map.Ram.Ranges, early,
            CpuFeatures.HugePages ? 2 : 1, CpuFeatures.PhysicalAddressBits);
    }
}
