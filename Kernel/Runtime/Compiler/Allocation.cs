using System.Runtime;
using Sluice.Runtime;

namespace Internal.Runtime;

/// <summary>
/// Objects live for good: they are taken from a block that only grows towards its end.
/// There is no collector, so reference stores need no barrier.
/// </summary>
internal static unsafe class Allocation
{
    [RuntimeExport("RhpNewFast")]
    private static void* NewObject(MethodTable* type) => ObjectHeap.Take(type, type->BaseSize);

    [RuntimeExport("RhpNewArrayFast")]
    private static void* NewArray(MethodTable* type, int length)
    {
        if (length < 0)
            CompilerHelpers.ThrowHelpers.ThrowOverflowException();
        void* array = ObjectHeap.Take(type, type->BaseSize + (ulong)type->ComponentSize * (uint)length);
        ((int*)array)[2] = length;
        return array;
    }

    [RuntimeExport("RhNewArray")]
    private static void* NewArrayOfAnyKind(MethodTable* type, int length) => NewArray(type, length);

    [RuntimeExport("RhpAssignRef")]
    private static void Assign(void** target, void* value) => *target = value;

    [RuntimeExport("RhpCheckedAssignRef")]
    private static void CheckedAssign(void** target, void* value) => *target = value;
}
