using System;
using System.IO;
using System.Runtime.InteropServices;

namespace Sluice.Platform;

/// <summary>The hosted twin of the direct map: the <see cref="SimulatedMemory"/> that this thread uses.</summary>
public static unsafe class PhysicalMemory
{
    public static byte* At(PhysAddr address)
    {
        SimulatedMemory memory = SimulatedMemory.Current;
        Bug.If(address.Value >= memory.Bytes, "physical address outside the simulated memory"u8);
        return memory.Base + address.Value;
    }

    public static PhysAddr Of(void* pointer)
    {
        SimulatedMemory memory = SimulatedMemory.Current;
        var offset = (ulong)((byte*)pointer - memory.Base);
        Bug.If(offset >= memory.Bytes, "not a pointer into the direct map"u8);
        return new PhysAddr(offset);
    }
}

/// <summary>
/// A machine's memory from address 0, of any size: address space only, which Linux fills page by page where it is written.
/// Making one makes it this thread's; other threads call <see cref="Use"/>.
/// </summary>
public sealed unsafe partial class SimulatedMemory : IDisposable
{
    private const ulong Alignment = 1 << 30, Margin = Alignment + PhysAddr.PageSize;

    [ThreadStatic] private static SimulatedMemory? _current;
    private readonly byte* _mapping;

    public SimulatedMemory(ulong bytes)
    {
        const int none = 0, readWrite = 3, sharedAnonymousUnreserved = 0x01 | 0x20 | 0x4000, noHugePages = 15;
        Bytes = bytes;
        // Shared, so that a test can see the same bytes in two places.
        // Between pages that cannot be reached: an access past either end faults, and Linux joins no neighbours to it.
        // Aligned, as the kernel's direct map is, so that what is aligned in physical memory is so for pointers.
        _mapping = (byte*)Map(null, (nuint)(bytes + Margin), none, sharedAnonymousUnreserved, -1, 0);
        Base = (byte*)(((ulong)_mapping + Alignment) & ~(Alignment - 1));
        if ((nint)_mapping == -1 || Protect(Base, (nuint)bytes, readWrite) != 0 || Advise(Base, (nuint)bytes, noHugePages) != 0)
            throw new OutOfMemoryException($"no address space for {bytes} bytes");
        Use();
    }

    public byte* Base { get; private set; }

    public ulong Bytes { get; }

    public static SimulatedMemory Current => _current ?? throw new InvalidOperationException("this thread has no simulated memory");

    /// <summary>Bytes that were written so far, in whole pages, as the operating system counts them.</summary>
    public ulong Touched
    {
        get
        {
            string start = ((ulong)Base).ToString("x");
            bool ours = false;
            foreach (string line in File.ReadLines("/proc/self/smaps"))
            {
                if (line.StartsWith(start + "-", StringComparison.Ordinal))
                    ours = true;
                else if (ours && line.StartsWith("Rss:", StringComparison.Ordinal))
                    return ulong.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;
            }
            throw new InvalidOperationException("the mapping is not in /proc/self/smaps");
        }
    }

    /// <summary>Makes it the memory that this thread sees.</summary>
    public void Use() => _current = this;

    public void Dispose()
    {
        if (Base == null)
            return;
        Unmap(_mapping, (nuint)(Bytes + Margin));
        Base = null;
        if (_current == this)
            _current = null;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
