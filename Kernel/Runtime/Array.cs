namespace System;

/// <summary>Base of all arrays; the elements follow the length.</summary>
public abstract class Array
{
    internal int _numComponents;

    /// <summary>Number of elements.</summary>
    public int Length => _numComponents;

    /// <summary>An array without elements.</summary>
    public static T[] Empty<T>() => EmptyArray<T>.Value;

    private static class EmptyArray<T>
    {
        public static readonly T[] Value = new T[0];
    }
}

/// <summary>What the compiler derives array types from.</summary>
public class Array<T> : Array;

/// <summary>The layout of every one-dimensional array: method table, length, elements.</summary>
internal sealed class RawArrayData
{
    public uint Length;
    public uint Padding;
    public byte Data;
}
