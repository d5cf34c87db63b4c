using System.Runtime;
using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>What the CPU does with page tables. Source: Intel SDM volume 3, sections 4.5 and 4.10.</summary>
public static class AddressSpace
{
    /// <summary>Makes a top-level table the one in use; forgets all translations that are not global.</summary>
    public static void Activate(PhysAddr root) => WriteRoot(root.Value);

    /// <summary>Makes this CPU forget the translation of one address.</summary>
    [RuntimeImport("cpu_invalidate_page"), MethodImpl(MethodImplOptions.InternalCall)] public static extern void Invalidate(ulong address);

    [RuntimeImport("cpu_write_cr3"), MethodImpl(MethodImplOptions.InternalCall)] private static extern void WriteRoot(ulong value);
}
