using System.Runtime.CompilerServices;
using Internal.Runtime;

namespace System;

/// <summary>Root of all classes. Its one field names the type and is the first word of every object.</summary>
public unsafe class Object
{
    // The compiler knows the field by this name.
    internal MethodTable* m_pEEType;

    /// <summary>Whether both are equal; the same object, if a class says nothing else.</summary>
    public virtual bool Equals(object? other) => ReferenceEquals(this, other);

    /// <summary>A number that equal objects share. Objects do not move here, so it may be made of the address.</summary>
    public virtual int GetHashCode()
    {
        object self = this;
        return (int)(*(ulong*)Unsafe.AsPointer(ref self) >> 3);
    }

    /// <summary>A text for people; types have no names at run time.</summary>
    public virtual string? ToString() => "object";

    /// <summary>Whether both are the same object, or both null.</summary>
    public static bool ReferenceEquals(object? a, object? b) => a == b;
}
