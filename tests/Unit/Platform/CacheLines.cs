using System;
using System.Runtime.CompilerServices;
using Sluice.Tests.Platform;

namespace Sluice.Platform;

/// <summary>
/// The hosted twin: lines of whatever machine this thread simulates; coherent unless the test says otherwise. Calls can be left out.
/// </summary>
public static class CacheLines
{
    [ThreadStatic] private static ICacheLines? _current;

    /// <summary>The noncoherent caches of this thread's machine; null where devices see what the CPU sees.</summary>
    public static ICacheLines? Current
    {
        get => _current;
        set => _current = value;
    }

    public static uint Bytes => _current?.LineBytes ?? 64;

    public static bool AreCoherent => _current == null;

    public static void Clean(PhysAddr start, ulong bytes, [CallerFilePath] string file = "", [CallerMemberName] string member = "")
    {
        if (bytes != 0 && !Mutation.LeavesOut(file, member))
            _current?.Clean(start.Value, bytes);
    }

    public static void Invalidate(PhysAddr start, ulong bytes, [CallerFilePath] string file = "", [CallerMemberName] string member = "")
    {
        if (bytes != 0 && !Mutation.LeavesOut(file, member))
            _current?.Invalidate(start.Value, bytes);
    }

    public static void SetUncached(
        PhysAddr start, ulong bytes, bool uncached, [CallerFilePath] string file = "", [CallerMemberName] string member = "")
    {
        if (!Mutation.LeavesOut(file, member))
            _current?.SetUncached(start.Value, bytes, uncached);
    }
}
