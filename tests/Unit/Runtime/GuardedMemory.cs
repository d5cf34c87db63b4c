using System;
using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Sluice.Tests.Runtime;

/// <summary>A page between two that fault: whoever reads or writes outside of it ends the test run.</summary>
internal sealed unsafe class GuardedMemory : IDisposable
{
    /// <summary>Bytes that may be used.</summary>
    public const int Bytes = 4096;

    private readonly byte* _mapping;

    public GuardedMemory()
    {
        const int readWrite = 3, privateAnonymous = 0x22;
        nint mapping = Map(0, 3 * Bytes, readWrite, privateAnonymous, -1, 0);
        if (mapping == -1)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        _mapping = (byte*)mapping;
        Protect(0);
        Protect(2);
    }

    /// <summary>The first byte; the one before faults.</summary>
    public byte* Start => _mapping + Bytes;

    /// <summary>Behind the last byte; it faults.</summary>
    public byte* End => _mapping + 2 * Bytes;

    public void Dispose() => _ = Unmap((nint)_mapping, 3 * Bytes);

    private void Protect(int page)
    {
        if (ProtectMemory((nint)(_mapping + page * Bytes), Bytes, 0) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [DllImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static extern nint Map(nint address, nint bytes, int protection, int flags, int file, nint offset);

    [DllImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static extern int ProtectMemory(nint address, nint bytes, int protection);

    [DllImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static extern int Unmap(nint address, nint bytes);
}
