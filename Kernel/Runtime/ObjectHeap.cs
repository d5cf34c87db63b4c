using System.Runtime.CompilerServices;
using System.Threading;
using Internal.Runtime;

namespace Sluice.Runtime;

/// <summary>
/// The block that objects are made in while the kernel starts. Never given back. Taking is safe on several CPUs and in
/// interrupt handlers (which, by the kernel's rules, do not).
/// </summary>
public static unsafe class ObjectHeap
{
    private static nint _next, _end;

    /// <summary>Bytes handed out so far, from all blocks.</summary>
    public static ulong Used => _usedBefore + (ulong)(_next - _start);

    /// <summary>Bytes left in the block.</summary>
    public static ulong Free => (ulong)(_end - _next);

    private static nint _start;
    private static ulong _usedBefore;

    /// <summary>
    /// Hands over zeroed memory to make objects in; what is left of the block before is lost. While starting, when
    /// nobody else makes objects.
    /// </summary>
    public static void Feed(void* start, ulong bytes)
    {
        _usedBefore = Used;
        _start = ((nint)start + 7) & ~7;
        _next = _start;
        _end = (nint)start + (nint)bytes;
    }

    /// <summary>Room for an object, zeroed but for its type; panics if there is none.</summary>
    internal static void* Take(MethodTable* type, ulong bytes)
    {
        void* room = TryTake(bytes);
        if (room == null)
            Fault.Stop("the object heap is full"u8);
        *(MethodTable**)room = type;
        return room;
    }

    /// <summary>Zeroed memory, aligned to 8 bytes, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void* TryTake(ulong bytes)
    {
        bytes = (bytes + 7) & ~7UL;
        while (true)
        {
            nint next = _next;
            if (bytes > (ulong)(_end - next))
                return null;
            if (Interlocked.CompareExchange(ref _next, next + (nint)bytes, next) == next)
                return (void*)next;
        }
    }
}
