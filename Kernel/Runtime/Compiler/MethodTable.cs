using System.Runtime.CompilerServices;

namespace Internal.Runtime;

/// <summary>
/// What the compiler emits for a type; the first word of every object points to one. After the fixed part come the
/// virtual slots, the interfaces, and 32-bit relative pointers, most of them only where a flag says so.
/// Layout: seen in the objects that ILC 10.0.14 writes.
/// </summary>
internal unsafe struct MethodTable
{
    private const int FixedBytes = 24;

    private readonly uint _flags;
    private readonly uint _baseSize;
    private readonly MethodTable* _relatedType;
    private readonly ushort _virtualSlots;
    private readonly ushort _interfaces;
    private readonly uint _hashCode;

    /// <summary>Bytes of an element, for arrays and strings only.</summary>
    public readonly uint ComponentSize => _flags & 0xFFFF;

    /// <summary>
    /// Bytes of an instance, without elements, from the method table pointer on. (The compiler counts a header of
    /// 8 bytes before it, for locks and hash codes, that this kernel's objects do not have.)
    /// </summary>
    public readonly uint InstanceBytes => _baseSize - 8;

    /// <summary>Bytes of a value type's value, unboxed.</summary>
    public readonly uint ValueBytes => _baseSize - 16 - ((_flags >> 5) & 7);

    /// <summary>A number that differs for most types.</summary>
    public readonly uint HashCode => _hashCode;

    /// <summary>Number of slots for virtual methods.</summary>
    public readonly uint VirtualSlots => _virtualSlots;

    /// <summary>Number of interfaces, inherited ones included.</summary>
    public readonly int InterfaceCount => _interfaces;

    /// <summary>What the type is, in the coarse sense of <see cref="ElementKind"/>.</summary>
    public readonly ElementKind Kind => (ElementKind)((_flags >> 26) & 0x1F);

    public readonly bool IsInterface => Kind == ElementKind.Interface;
    public readonly bool IsValueType => Kind < ElementKind.Class;
    public readonly bool IsNullable => Kind == ElementKind.Nullable;
    public readonly bool IsArray => Kind is ElementKind.Vector or ElementKind.Array;

    /// <summary>Made from another type: an array, a pointer.</summary>
    public readonly bool IsParameterized => (_flags & 0x0003_0000) == 0x0002_0000;

    /// <summary>An instance of a generic type.</summary>
    public readonly bool IsGeneric => (_flags & Flags.Generic) != 0;

    /// <summary>A generic interface or delegate with <c>in</c> or <c>out</c> parameters.</summary>
    public readonly bool IsVariant => (_flags & Flags.Variant) != 0;

    /// <summary>Whether it is System.Object: the only class without a base.</summary>
    public readonly bool IsObject => Kind == ElementKind.Class && _relatedType == null && !IsParameterized;

    /// <summary>Element type of an array.</summary>
    public readonly MethodTable* ElementType => _relatedType;

    /// <summary>Base class; null for System.Object and interfaces. Not for arrays: see <see cref="ElementType"/>.</summary>
    public readonly MethodTable* BaseType => _relatedType;

    /// <summary>Bytes from the start of a nullable to its value.</summary>
    public readonly int NullableValueOffset => 1 << (int)((_flags >> 8) & 7);

    /// <summary>The type parameter of a nullable.</summary>
    public MethodTable* NullableType => GenericArgument(0);

    /// <summary>Code of a virtual method.</summary>
    public nint VirtualSlot(uint slot) => ((nint*)Behind(FixedBytes))[slot];

    /// <summary>The interfaces, <see cref="InterfaceCount"/> of them.</summary>
    public MethodTable** Interfaces
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (MethodTable**)Behind(FixedBytes + _virtualSlots * sizeof(nint));
    }

    /// <summary>Which methods implement the interfaces; null if no call needs to know.</summary>
    public DispatchMap* DispatchMap => (_flags & Flags.DispatchMap) == 0 ? null : (DispatchMap*)Follow(Tail(OptionalPart.DispatchMap));

    /// <summary>Code of a method that implements an interface but is not virtual for derived classes.</summary>
    public nint SealedSlot(uint slot) => (nint)Follow((int*)Follow(Tail(OptionalPart.SealedSlots)) + slot);

    /// <summary>The generic type without arguments that this one is an instance of.</summary>
    public MethodTable* GenericDefinition => (MethodTable*)Follow(Tail(OptionalPart.GenericDefinition));

    /// <summary>Number of type parameters. Definitions keep it where others have their size.</summary>
    public int GenericArity => (int)GenericDefinition->_baseSize;

    /// <summary>The variance of each type parameter; only if <see cref="IsVariant"/>.</summary>
    public Variance* Variances => (Variance*)Follow(GenericDefinition->Tail(OptionalPart.DispatchMap));

    /// <summary>A type argument. A single one is pointed to directly, several through a list.</summary>
    public MethodTable* GenericArgument(int index)
    {
        byte* composition = Follow(Tail(OptionalPart.GenericArguments));
        return GenericArity == 1 ? (MethodTable*)composition : (MethodTable*)Follow((int*)composition + index);
    }

    // The optional parts in the order they are emitted, each a 32-bit relative pointer.
    private enum OptionalPart { DispatchMap, SealedSlots, GenericDefinition, GenericArguments }

    private int* Tail(OptionalPart part)
    {
        // Two that are always there come first: the module's type manager and the type's writable word.
        int* at = (int*)Behind(FixedBytes + _virtualSlots * sizeof(nint) + _interfaces * sizeof(nint)) + 2;
        if (part == OptionalPart.DispatchMap)
            return at;
        if ((_flags & Flags.DispatchMap) != 0)
            at++;
        if ((_flags & Flags.Finalizer) != 0)
            at++;
        if (part == OptionalPart.SealedSlots)
            return at;
        if ((_flags & Flags.SealedSlots) != 0)
            at++;
        return part == OptionalPart.GenericDefinition ? at : at + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* Behind(int bytes) => (byte*)Unsafe.AsPointer(ref this) + bytes;

    private static byte* Follow(int* relative) => (byte*)relative + *relative;

    private static class Flags
    {
        public const uint DispatchMap = 0x0004_0000;
        public const uint Finalizer = 0x0010_0000;
        public const uint SealedSlots = 0x0040_0000;
        public const uint Variant = 0x0080_0000;
        public const uint Generic = 0x0200_0000;
    }
}

/// <summary>How a method table classifies its type; enumerations count as their underlying integer.</summary>
internal enum ElementKind
{
    SByte = 4, Byte = 5, Int16 = 6, UInt16 = 7, Int32 = 8, UInt32 = 9, Int64 = 10, UInt64 = 11, IntPtr = 12, UIntPtr = 13,
    Nullable = 0x12, Class = 0x14, Interface = 0x15, SystemArray = 0x16, Array = 0x17, Vector = 0x18,
}

/// <summary>How a type parameter may differ in a cast: not at all, <c>out</c>, <c>in</c>.</summary>
internal enum Variance : byte { None = 0, Out = 1, In = 2 }
