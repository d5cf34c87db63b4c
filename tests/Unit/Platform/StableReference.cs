using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Sluice.Platform;

/// <summary>The hosted twin: objects move here, so it is a handle of the garbage collector's, one an object, kept until the process ends.</summary>
public readonly struct StableReference<T>(T target) where T : class
{
    private readonly nint _handle = StableHandles.Of(target);

    public T Target => (T)GCHandle.FromIntPtr(_handle).Target!;
}

internal static class StableHandles
{
    private static readonly ConcurrentDictionary<object, nint> _handles = new(ReferenceEqualityComparer.Instance);

    public static nint Of(object target) => _handles.GetOrAdd(target, static made => GCHandle.ToIntPtr(GCHandle.Alloc(made)));
}
