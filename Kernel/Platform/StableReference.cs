using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>
/// A reference to an object that is kept in memory which is not an object's. Objects never move and are never freed here, so it is the
/// reference itself.
/// </summary>
public readonly unsafe struct StableReference<T> where T : class
{
    private readonly nint _object;

    public StableReference(T target) => _object = *(nint*)Unsafe.AsPointer(ref target);

    /// <summary>The object.</summary>
    public T Target
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Unsafe.As<nint, T>(ref Unsafe.AsRef(in _object));
    }
}
