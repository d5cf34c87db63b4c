using Internal.Runtime;
using Internal.Runtime.CompilerHelpers;
using System.Runtime.CompilerServices;

namespace System.Runtime;

/// <summary>Casts and checked stores into arrays of objects; the compiler calls these by name.</summary>
internal static unsafe class TypeCast
{
    public static void StelemRef(object?[] array, nint index, object? value)
    {
        if ((nuint)index >= (nuint)array.Length)
            ThrowHelpers.ThrowIndexOutOfRangeException();
        Unsafe.Add(ref Unsafe.As<byte, object?>(ref Unsafe.As<RawArrayData>(array).Data), index) = value;
    }

    public static ref object? LdelemaRef(object?[] array, nint index, MethodTable* type)
    {
        if ((nuint)index >= (nuint)array.Length)
            ThrowHelpers.ThrowIndexOutOfRangeException();
        return ref Unsafe.Add(ref Unsafe.As<byte, object?>(ref Unsafe.As<RawArrayData>(array).Data), index);
    }

    public static object? CheckCastAny(MethodTable* type, object? value) => value;
    public static object? CheckCastClass(MethodTable* type, object? value) => value;
    public static object? CheckCastClassSpecial(MethodTable* type, object? value) => value;
    public static object? CheckCastInterface(MethodTable* type, object? value) => value;
    public static object? IsInstanceOfAny(MethodTable* type, object? value) => value;
    public static object? IsInstanceOfClass(MethodTable* type, object? value) => value;
    public static object? IsInstanceOfInterface(MethodTable* type, object? value) => value;
    public static bool IsInstanceOfException(MethodTable* type, object? value) => true;
}
