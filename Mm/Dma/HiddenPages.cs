using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Dma;

/// <summary>
/// Pages for a device alone, without a kernel mapping: while they are held, a CPU access faults. An address, no bytes.
/// <see cref="DmaDevice.Free(ref HiddenPages)"/> ends it. Do not copy it.
/// </summary>
[NonCopyable]
public unsafe struct HiddenPages
{
    internal Mapping* Mapping;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Mapping == null;

    /// <summary>What to tell the device. A copy of the address is no right to use it after the pages were freed.</summary>
    public readonly DmaAddr Address => new(Mapping->Address);

    /// <summary>Bytes that were asked for.</summary>
    public readonly uint Length => Mapping->Room;
}

public sealed unsafe partial class DmaDevice
{
    /// <summary>
    /// Allocates pages in a row below the coherent mask, zeroed, and takes them out of the direct map: memory that the device works in and
    /// the CPU never looks at. Any context but interrupt handlers.
    /// </summary>
    /// <param name="bytes">1 to 16 MiB; the memory is rounded up to a power of two of pages.</param>
    /// <param name="pages">Empty on an error.</param>
    /// <param name="method">For the checker's reports, as <paramref name="line"/>: the compiler fills them in.</param>
    /// <param name="line"></param>
    /// <returns><see cref="Error.TooLarge"/>, also for none; <see cref="Error.NoResources"/>.</returns>
    [NotInInterrupt]
    public Error TryAllocateHidden(uint bytes, out HiddenPages pages, [CallerMemberName] string method = "", [CallerLineNumber] int line = 0)
    {
        pages = default;
        if (bytes - 1 >= (uint)PhysAddr.PageSize << PageAllocator.MaxOrder)
            return Error.TooLarge;
        Error error = TryAllocateShared(bytes, CacheMode.WriteBack, DmaFamily.Hidden, method, line, out ulong origin, out Mapping* mapping);
        if (error != Error.None)
            return error;
        if (!DirectMap.TryHide(new PhysAddr(mapping->Memory), RunBytes(mapping)))
        {
            FreeBuffer(mapping, origin);
            return Error.NoResources;
        }
        pages.Mapping = mapping;
        return Error.None;
    }

    /// <summary>
    /// Brings the pages back into the direct map, zeroes what the device left there, gives them back and empties the handle. The device
    /// must no longer use them. Any context but interrupt handlers.
    /// </summary>
    [NotInInterrupt]
    public static void Free(ref HiddenPages pages)
    {
        Mapping* mapping = pages.Mapping;
        pages = default;
        if (mapping->Side != Side.Shared || mapping->Kind.PlainFamily != DmaFamily.Hidden)
            Misuse.StaleHandle(mapping);
        PhysAddr start = new(mapping->Memory);
        DirectMap.Show(start, RunBytes(mapping));
        BlockCopy.ClearBlocks(PhysicalMemory.At(start), (nuint)RunBytes(mapping));
        FreeBuffer(mapping, mapping->Origin);
    }

    [OwnershipInternals("the record is the owner")]
    private static ulong RunBytes(Mapping* mapping) => mapping->Checked == 0 ? new PageRun(mapping->Origin).Bytes : CheckedPath.PageBytes(mapping);
}
