using System;
using System.Collections.Generic;

namespace Sluice.Platform;

/// <summary>The hosted twin: remembers what this thread's CPU was told.</summary>
public static class AddressSpace
{
    [ThreadStatic] private static List<ulong>? _invalidated;

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

    public static void Invalidate(ulong address) => Invalidated.Add(address);
}
