namespace Internal.Runtime;

/// <summary>What the compiler emits for a type; every object points to one. Source: .NET 10 ILC, EETypeNode.</summary>
internal unsafe struct MethodTable
{
    private readonly uint _flags;
    private readonly uint _baseSize;
    private readonly MethodTable* _relatedType;
    private readonly ushort _vtableSlots;
    private readonly ushort _interfaces;
    private readonly uint _hashCode;

    /// <summary>Bytes of an element, for arrays and strings.</summary>
    public readonly uint ComponentSize => _flags & 0xFFFF;

    /// <summary>Bytes of an instance with its header, without elements.</summary>
    public readonly uint BaseSize => _baseSize;

    /// <summary>Base class, or an array's element type.</summary>
    public readonly MethodTable* RelatedType => _relatedType;
}
