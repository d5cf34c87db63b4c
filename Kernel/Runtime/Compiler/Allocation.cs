using System.Runtime;
using Sluice.Runtime;

namespace Internal.Runtime;

/// <summary>
/// Where <c>new</c> goes. Objects live for good; there is no collector, so reference stores need no barrier (see
/// Boot/runtime.s for those).
/// </summary>
internal static unsafe class Allocation
{
    [RuntimeExport("RhpNewFast")]
    private static void* NewObject(MethodTable* type) => ObjectHeap.Take(type, type->InstanceBytes);

    [RuntimeExport("RhpNewArrayFast")]
    private static void* NewArray(MethodTable* type, nint length)
    {
        if ((nuint)length > int.MaxValue)
            CompilerHelpers.ThrowHelpers.ThrowOverflowException();
        void* array = ObjectHeap.Take(type, type->InstanceBytes + (ulong)length * type->ComponentSize);
        ((int*)array)[2] = (int)length;
        return array;
    }

    [RuntimeExport("RhpNewPtrArrayFast")]
    private static void* NewArrayOfReferences(MethodTable* type, nint length) => NewArray(type, length);

    [RuntimeExport("RhNewArray")]
    private static void* NewArrayOfAnyKind(MethodTable* type, nint length) => NewArray(type, length);
}
