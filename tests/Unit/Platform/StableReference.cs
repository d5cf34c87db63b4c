using System.Runtime.InteropServices;

namespace Sluice.Platform;

/// <summary>The hosted twin: objects move here, so it is a handle of the garbage collector's, kept until the process ends.</summary>
public readonly struct StableReference<T>(T target) where T : class
{
    private readonly nint _handle = GCHandle.ToIntPtr(GCHandle.Alloc(target));

    public T Target => (T)GCHandle.FromIntPtr(_handle).Target!;
}
