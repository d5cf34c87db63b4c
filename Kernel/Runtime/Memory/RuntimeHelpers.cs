using System.Runtime.InteropServices;

namespace System.Runtime.CompilerServices;

/// <summary>What compilers ask the runtime about types.</summary>
public static unsafe class RuntimeHelpers
{
    public static int OffsetToStringData => sizeof(nint) + sizeof(int);

    /// <summary>Whether values of the type hold object references.</summary>
    [Intrinsic] public static extern bool IsReferenceOrContainsReferences<T>();

    /// <summary>The constants that a span literal names: read where they lie in the image.</summary>
    [Intrinsic] public static extern ReadOnlySpan<T> CreateSpan<T>(RuntimeFieldHandle field);

    /// <summary>A part of an array as a new array; slices of arrays allocate, so use spans.</summary>
    public static T[] GetSubArray<T>(T[] array, Range range)
    {
        (int offset, int length) = range.GetOffsetAndLength(array.Length);
        T[] part = new T[length];
        new ReadOnlySpan<T>(array, offset, length).CopyTo(part);
        return part;
    }
}
