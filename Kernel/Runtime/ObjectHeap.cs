using System;
using Internal.Runtime;

namespace Sluice.Runtime;

/// <summary>The block that objects are made in while the kernel starts. Never given back.</summary>
public static unsafe class ObjectHeap
{
    private static byte* _next, _end;

    /// <summary>Bytes handed out so far.</summary>
    public static ulong Used { get; private set; }

    /// <summary>Bytes left in the block.</summary>
    public static ulong Free => (ulong)(_end - _next);

    /// <summary>Hands over zeroed memory to make objects in; what is left of the block before is lost.</summary>
    public static void Feed(void* start, ulong bytes)
    {
        _next = (byte*)start;
        _end = _next + bytes;
    }

    internal static void* Take(MethodTable* type, ulong bytes)
    {
        bytes = (bytes + 7) & ~7UL;
        if (bytes > Free)
            Fault.Stop("the object heap is full"u8);
        byte* result = _next;
        _next += bytes;
        Used += bytes;
        *(MethodTable**)result = type;
        return result;
    }
}
