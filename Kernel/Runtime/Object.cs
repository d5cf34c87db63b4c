using Internal.Runtime;

namespace System;

/// <summary>Root of all classes. Its one field names the type and is the first word of every object.</summary>
public unsafe class Object
{
    internal MethodTable* m_pMethodTable;

    public virtual bool Equals(object? other) => ReferenceEquals(this, other);

    public virtual int GetHashCode() => 0;

    public virtual string? ToString() => "object";

    /// <summary>Whether both are the same object, or both null.</summary>
    public static bool ReferenceEquals(object? a, object? b) => a == b;
}
