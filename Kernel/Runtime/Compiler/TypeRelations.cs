using System.Runtime.CompilerServices;

namespace Internal.Runtime;

/// <summary>Whether values of one type may stand for another: ECMA-335 I.8.7.1 and I.8.7.3.</summary>
internal static unsafe class TypeRelations
{
    // Types may mention themselves in their own variant arguments; a chain this long counts as no relation.
    private const int MaxDepth = 16;

    /// <summary>Whether an object of a type is a <paramref name="target"/>. Boxed values are of their value type.</summary>
    public static bool IsAssignable(MethodTable* type, MethodTable* target) => IsAssignable(type, target, 0);

    /// <summary>Whether a class or one of its bases is <paramref name="target"/>.</summary>
    public static bool IsOrDerives(MethodTable* type, MethodTable* target)
    {
        if (type->IsParameterized)
            return type == target || target->IsObject || (target->Kind == ElementKind.SystemArray && type->IsArray);
        while (type != null && type != target)
            type = type->BaseType;
        return type != null;
    }

    /// <summary>Whether a type lists an interface, or one that may stand for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Implements(MethodTable* type, MethodTable* target) => Implements(type, target, 0);

    /// <summary>Whether an instance of a generic interface or delegate may stand for another by <c>in</c> and <c>out</c>.</summary>
    public static bool IsVariantOf(MethodTable* type, MethodTable* target, int depth)
    {
        if (!type->IsVariant || !target->IsVariant || type->GenericDefinition != target->GenericDefinition)
            return false;
        Variance* variances = target->Variances;
        int count = target->GenericArity;
        for (int i = 0; i < count; i++)
        {
            MethodTable* given = type->GenericArgument(i), wanted = target->GenericArgument(i);
            if (given == wanted)
                continue;
            bool fits = variances[i] switch
            {
                Variance.Out => !given->IsValueType && IsAssignable(given, wanted, depth + 1),
                Variance.In => !wanted->IsValueType && IsAssignable(wanted, given, depth + 1),
                _ => false,
            };
            if (!fits)
                return false;
        }
        return true;
    }

    /// <summary>Whether an array of one element type may stand for one of another.</summary>
    public static bool IsElementCompatible(MethodTable* element, MethodTable* target) => IsElementCompatible(element, target, 0);

    private static bool IsAssignable(MethodTable* type, MethodTable* target, int depth)
    {
        if (type == target)
            return true;
        if (depth > MaxDepth)
            return false;
        if (target->IsInterface)
            return (type->IsInterface && IsVariantOf(type, target, depth)) || Implements(type, target, depth);
        if (type->IsInterface)
            return target->IsObject;
        if (target->IsParameterized)
            return type->IsArray && type->Kind == target->Kind && IsElementCompatible(type->ElementType, target->ElementType, depth);
        return IsOrDerives(type, target) || (target->IsVariant && IsVariantOf(type, target, depth));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Implements(MethodTable* type, MethodTable* target, int depth)
    {
        MethodTable** interfaces = type->Interfaces, end = interfaces + type->InterfaceCount;
        for (; interfaces < end; interfaces++)
        {
            if (*interfaces == target)
                return true;
        }
        return target->IsVariant && ImplementsVariantOf(type, target, depth);
    }

    private static bool ImplementsVariantOf(MethodTable* type, MethodTable* target, int depth)
    {
        for (int i = 0; i < type->InterfaceCount; i++)
        {
            if (IsVariantOf(type->Interfaces[i], target, depth))
                return true;
        }
        return false;
    }

    private static bool IsElementCompatible(MethodTable* element, MethodTable* target, int depth)
    {
        if (element == target)
            return true;
        if (element->IsValueType || target->IsValueType)
            return IntegerWidth(element) != 0 && IntegerWidth(element) == IntegerWidth(target);
        return IsAssignable(element, target, depth + 1);
    }

    // Arrays of integers differ for a cast by width only, not by sign or by being an enumeration.
    private static int IntegerWidth(MethodTable* type) => type->Kind switch
    {
        ElementKind.SByte or ElementKind.Byte => 1,
        ElementKind.Int16 or ElementKind.UInt16 => 2,
        ElementKind.Int32 or ElementKind.UInt32 => 4,
        ElementKind.Int64 or ElementKind.UInt64 or ElementKind.IntPtr or ElementKind.UIntPtr => 8,
        _ => 0,
    };
}
