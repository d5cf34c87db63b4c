using System;
using System.Collections.Generic;

namespace Sluice.Platform;

/// <summary>The hosted twin: remembers what this thread's CPU was told.</summary>
public static class AddressSpace
{
    [ThreadStatic] private static List<ulong>? _invalidated;
    [ThreadStatic] private static List<(ulong Address, ulong Bytes)>? _flushed;

    /// <summary>The table made active last.</summary>
    [field: ThreadStatic]
    public static PhysAddr Root { get; private set; }

    /// <summary>Addresses whose translations were to be forgotten, since the last activation.</summary>
    public static List<ulong> Invalidated => _invalidated ??= [];

    public static void Activate(PhysAddr root)
    {
        Root = root;
        Invalidated.Clear();
    }

    public static void FlushLines(ulong address, ulong bytes) => Flushed.Add((address, bytes));

    /// <summary>Ranges whose cache lines were to be written back.</summary>
    public static List<(ulong Address, ulong Bytes)> Flushed => _flushed ??= [];

    public static void Invalidate(ulong address) => Invalidated.Add(address);
}
