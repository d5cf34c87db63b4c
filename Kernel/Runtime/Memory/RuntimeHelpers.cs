namespace System.Runtime.CompilerServices;

/// <summary>What compilers ask the runtime about types.</summary>
public static unsafe class RuntimeHelpers
{
    public static int OffsetToStringData => sizeof(nint) + sizeof(int);

    /// <summary>Whether values of the type hold object references.</summary>
    [Intrinsic] public static extern bool IsReferenceOrContainsReferences<T>();

    /// <summary>A constant span of values wider than a byte, in the image.</summary>
    [Intrinsic] public static extern ReadOnlySpan<T> CreateSpan<T>(RuntimeFieldHandle field);

    /// <summary>Copies constant elements from the image into a new array.</summary>
    [Intrinsic] public static extern void InitializeArray(Array array, RuntimeFieldHandle field);

    /// <summary>A part of an array as a new array; slices of arrays allocate, so use spans.</summary>
    public static T[] GetSubArray<T>(T[] array, Range range)
    {
        (int offset, int length) = range.GetOffsetAndLength(array.Length);
        T[] part = new T[length];
        new ReadOnlySpan<T>(array, offset, length).CopyTo(part);
        return part;
    }
}
