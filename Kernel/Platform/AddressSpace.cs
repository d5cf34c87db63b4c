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

    /// <summary>
    /// Writes the cache lines of mapped memory back and forgets them, in the caches of all CPUs, whatever the memory's type is. Waits for
    /// all stores before, also those that are being combined. Source: Intel SDM volume 2, CLFLUSH.
    /// </summary>
    public static void FlushLines(ulong address, ulong bytes)
    {
        FenceAll();
        for (ulong done = 0; done < bytes; done += CacheLines.Bytes)
            FlushLine(address + done);
        FenceAll();
    }

    [RuntimeImport("cpu_flush_line"), MethodImpl(MethodImplOptions.InternalCall)] private static extern void FlushLine(ulong address);
    [RuntimeImport("cpu_fence_all"), MethodImpl(MethodImplOptions.InternalCall)] private static extern void FenceAll();
    [RuntimeImport("cpu_write_cr3"), MethodImpl(MethodImplOptions.InternalCall)] private static extern void WriteRoot(ulong value);
}
