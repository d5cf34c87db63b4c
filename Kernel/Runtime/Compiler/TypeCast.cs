using System.Runtime.CompilerServices;
using Internal.Runtime;
using Internal.Runtime.CompilerHelpers;

namespace System.Runtime;

/// <summary>
/// Casts and checked stores into arrays of objects; the compiler calls these by name, after it has tried null and the
/// exact type itself where that is likely.
/// </summary>
internal static unsafe class TypeCast
{
    /// <summary><c>value as Class</c>; a class may also be a delegate with <c>in</c> and <c>out</c> parameters.</summary>
    public static object? IsInstanceOfClass(MethodTable* type, object? value) =>
        value is null || TypeRelations.IsOrDerives(value.m_pEEType, type)
        || (type->IsVariant && TypeRelations.IsVariantOf(value.m_pEEType, type, 0)) ? value : null;

    /// <summary><c>value as IInterface</c>.</summary>
    public static object? IsInstanceOfInterface(MethodTable* type, object? value) =>
        value is null || TypeRelations.Implements(value.m_pEEType, type) ? value : null;

    /// <summary><c>value as</c> any type, arrays and variant delegates included.</summary>
    public static object? IsInstanceOfAny(MethodTable* type, object? value) =>
        value is null || TypeRelations.IsAssignable(value.m_pEEType, type->IsNullable ? type->NullableType : type) ? value : null;

    /// <summary>Whether an exception is of a type that a <c>catch</c> names. None is ever caught here.</summary>
    public static bool IsInstanceOfException(MethodTable* type, object? value) =>
        value is not null && TypeRelations.IsOrDerives(value.m_pEEType, type);

    /// <summary><c>(Class)value</c>.</summary>
    public static object? CheckCastClass(MethodTable* type, object? value) => Checked(value, IsInstanceOfClass(type, value));

    /// <summary><c>(Class)value</c> where the value is known to be neither null nor exactly of the type.</summary>
    public static object? CheckCastClassSpecial(MethodTable* type, object? value) => Checked(value, IsInstanceOfClass(type, value));

    /// <summary><c>(IInterface)value</c>.</summary>
    public static object? CheckCastInterface(MethodTable* type, object? value) => Checked(value, IsInstanceOfInterface(type, value));

    /// <summary><c>(T)value</c> for any type.</summary>
    public static object? CheckCastAny(MethodTable* type, object? value) => Checked(value, IsInstanceOfAny(type, value));

    /// <summary><c>array[index] = value</c>. The array may be of a more derived element type than its static one.</summary>
    public static void StelemRef(object?[] array, nint index, object? value)
    {
        if ((nuint)index >= (nuint)array.Length)
            ThrowHelpers.ThrowIndexOutOfRangeException();
        if (value is not null)
        {
            MethodTable* element = array.m_pEEType->ElementType;
            if (element != value.m_pEEType && !element->IsObject && !TypeRelations.IsAssignable(value.m_pEEType, element))
                ThrowHelpers.ThrowArrayTypeMismatchException();
        }
        Element(array, index) = value;
    }

    /// <summary><c>ref array[index]</c>: only to an array of exactly the type, as anything could be stored through it.</summary>
    public static ref object? LdelemaRef(object?[] array, nint index, MethodTable* type)
    {
        if ((nuint)index >= (nuint)array.Length)
            ThrowHelpers.ThrowIndexOutOfRangeException();
        if (array.m_pEEType->ElementType != type)
            ThrowHelpers.ThrowArrayTypeMismatchException();
        return ref Element(array, index);
    }

    private static ref object? Element(object?[] array, nint index) =>
        ref Unsafe.Add(ref Unsafe.As<byte, object?>(ref Unsafe.As<RawArrayData>(array).Data), index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static object? Checked(object? value, object? cast)
    {
        if (cast is null && value is not null)
            ThrowHelpers.ThrowInvalidCastException();
        return value;
    }
}
