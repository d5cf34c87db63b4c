namespace System;

// The compilers know these types by name and supply their contents: each holds exactly itself.

public struct Void;
public readonly struct Boolean { private readonly bool _value; }
public readonly struct Char { private readonly char _value; }
public readonly struct SByte { private readonly sbyte _value; public const sbyte MaxValue = 0x7F; public const sbyte MinValue = -0x80; }
public readonly struct Byte { private readonly byte _value; public const byte MaxValue = 0xFF; public const byte MinValue = 0; }
public readonly struct Int16 { private readonly short _value; public const short MaxValue = 0x7FFF; public const short MinValue = -0x8000; }
public readonly struct UInt16 { private readonly ushort _value; public const ushort MaxValue = 0xFFFF; public const ushort MinValue = 0; }
public readonly struct Int32 { private readonly int _value; public const int MaxValue = 0x7FFF_FFFF; public const int MinValue = -0x7FFF_FFFF - 1; }
public readonly struct UInt32 { private readonly uint _value; public const uint MaxValue = 0xFFFF_FFFF; public const uint MinValue = 0; }
public readonly struct Int64 { private readonly long _value; public const long MaxValue = 0x7FFF_FFFF_FFFF_FFFF; public const long MinValue = -0x7FFF_FFFF_FFFF_FFFF - 1; }
public readonly struct UInt64 { private readonly ulong _value; public const ulong MaxValue = 0xFFFF_FFFF_FFFF_FFFF; public const ulong MinValue = 0; }
public readonly struct Single { private readonly float _value; }
public readonly struct Double { private readonly double _value; }

/// <summary>A signed integer as wide as an address.</summary>
public readonly unsafe struct IntPtr
{
    private readonly void* _value;

    /// <summary>Zero.</summary>
    public static IntPtr Zero => default;
}

/// <summary>An unsigned integer as wide as an address.</summary>
public readonly unsafe struct UIntPtr
{
    private readonly void* _value;

    /// <summary>Zero.</summary>
    public static UIntPtr Zero => default;
}

/// <summary>Base of all values; the compilers require it.</summary>
public abstract class ValueType;

/// <summary>Base of all enumerations; the compilers require it.</summary>
public abstract class Enum : ValueType;

/// <summary>A value that may be missing.</summary>
public readonly struct Nullable<T> where T : struct
{
    private readonly bool hasValue;
    private readonly T value;

    public Nullable(T value)
    {
        hasValue = true;
        this.value = value;
    }

    /// <summary>Whether there is a value.</summary>
    public bool HasValue => hasValue;

    /// <summary>The value; panics if there is none.</summary>
    public T Value
    {
        get
        {
            if (!hasValue)
                throw new InvalidOperationException("Nullable has no value");
            return value;
        }
    }

    /// <summary>The value, or all zeros if there is none.</summary>
    public T GetValueOrDefault() => value;

    /// <summary>The value, or <paramref name="other"/> if there is none.</summary>
    public T GetValueOrDefault(T other) => hasValue ? value : other;

    public static implicit operator T?(T value) => new Nullable<T>(value);
    public static explicit operator T(T? value) => value!.Value;
}

public struct RuntimeTypeHandle { private nint _value; }
public struct RuntimeMethodHandle { private nint _value; }
public struct RuntimeFieldHandle { private nint _value; }
public ref struct TypedReference;

/// <summary>Named by attributes only: the kernel has no reflection.</summary>
public abstract class Type;

/// <summary>The compiler looks for it by name while it optimises.</summary>
internal sealed class RuntimeType : Type;

/// <summary>Something with an end that must be reached.</summary>
public interface IDisposable
{
    void Dispose();
}
