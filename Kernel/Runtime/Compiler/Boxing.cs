using System.Runtime.CompilerServices;
using Internal.Runtime;
using Internal.Runtime.CompilerHelpers;
using Sluice.Runtime;

namespace System.Runtime;

/// <summary>Values as objects and back; the compiler calls these by name where it does not do it in place.</summary>
internal static unsafe class RuntimeExports
{
    /// <summary>A value as an object; a nullable as its value or null.</summary>
    public static object? RhBox(MethodTable* type, ref byte value)
    {
        ref byte source = ref value;
        if (type->IsNullable)
        {
            if (value == 0)
                return null;
            source = ref Unsafe.Add(ref value, type->NullableValueOffset);
            type = type->NullableType;
        }
        void* box = ObjectHeap.Take(type, type->InstanceBytes);
        SpanHelpers.Memmove(ref *((byte*)box + sizeof(nint)), ref source, type->ValueBytes);
        return Unsafe.AsRef<object>(&box);
    }

    /// <summary>Where the value in a box is; panics unless the box is of the type.</summary>
    public static ref byte RhUnbox2(MethodTable* type, object? box)
    {
        if (box is null)
            ThrowHelpers.ThrowNullReferenceException();
        RhUnboxTypeTest(type, box.m_pEEType);
        return ref Unsafe.As<RawObjectData>(box).Data;
    }

    /// <summary>Panics unless a box may be unboxed as a type: itself, or an enumeration and its integer.</summary>
    public static void RhUnboxTypeTest(MethodTable* type, MethodTable* boxType)
    {
        bool same = type == boxType
            || (type->Kind == boxType->Kind && type->Kind is >= ElementKind.SByte and <= ElementKind.UIntPtr);
        if (!same)
            ThrowHelpers.ThrowInvalidCastException();
    }

    /// <summary>Sets a nullable from a box or null.</summary>
    public static void RhUnboxNullable(ref byte value, MethodTable* type, object? box)
    {
        if (box is null)
        {
            SpanHelpers.ClearWithoutReferences(ref value, type->ValueBytes);
            return;
        }
        MethodTable* inner = type->NullableType;
        if (box.m_pEEType != inner)
            ThrowHelpers.ThrowInvalidCastException();
        value = 1;
        SpanHelpers.Memmove(ref Unsafe.Add(ref value, type->NullableValueOffset), ref Unsafe.As<RawObjectData>(box).Data, inner->ValueBytes);
    }

    /// <summary>An object as its method table and what follows.</summary>
    private sealed class RawObjectData
    {
        public byte Data;
    }
}
