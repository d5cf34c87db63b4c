using Sluice.Runtime;

namespace System;

// What the compilers know by name and need to exist; integers are in Numbers/.

public struct Void;
public readonly struct Single { private readonly float _value; }
public readonly struct Double { private readonly double _value; }

/// <summary>Base of all values.</summary>
public abstract class ValueType
{
    // .NET compares field by field, by reflection, which is not here.
    public override bool Equals(object? other)
    {
        Fault.Stop("a struct is compared that does not say how"u8);
        return false;
    }

    public override int GetHashCode()
    {
        Fault.Stop("a struct is hashed that does not say how"u8);
        return 0;
    }
}

/// <summary>Base of all enumerations. The compiler adds Equals and GetHashCode to each.</summary>
public abstract class Enum : ValueType;

public struct RuntimeTypeHandle { private nint _value; }
public struct RuntimeMethodHandle { private nint _value; }
public struct RuntimeFieldHandle { private nint _value; }
public ref struct TypedReference;

/// <summary>Named by attributes only: the kernel has no reflection.</summary>
public abstract class Type;

/// <summary>The compiler looks for it by name while it optimises.</summary>
internal sealed class RuntimeType : Type;
