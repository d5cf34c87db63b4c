using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>
/// The programs of a buffer: two that are alike and used in turn. A context that ended with one waits there, and looks at its end for where to
/// go on when it finds that it was woken, which may be long after the buffer was taken and given again. So what it looks at stays as it is until it
/// is through with the other one. Source: OHCI 1.1, sections 3.1.1 (wake) and 3.1.3.
/// </summary>
/// <typeparam name="T">An element: a descriptor or a block of some.</typeparam>
[NonCopyable]
internal struct IsoPrograms<T> where T : unmanaged
{
    private Coherent<T> _even, _odd;
    private bool _isOdd;

    public const int Count = 2;

    /// <summary>That of the buffer as it was given last.</summary>
    [UnscopedRef]
    public ref Coherent<T> Now
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref _isOdd ? ref _odd : ref _even;
    }

    /// <summary>That of the time before.</summary>
    [UnscopedRef]
    public ref Coherent<T> Before => ref _isOdd ? ref _even : ref _odd;

    /// <summary>Takes memory for both; what was taken on an error is <see cref="Free"/>'s.</summary>
    public Error TryMake(DmaDevice dma, int elements)
    {
        Error error = dma.TryAllocateCoherent(elements, out _even);
        return error == Error.None ? dma.TryAllocateCoherent(elements, out _odd) : error;
    }

    /// <summary>The other one comes next.</summary>
    public void Turn() => _isOdd = !_isOdd;

    /// <summary>Gives the memory back; there may be none.</summary>
    public void Free()
    {
        if (!_even.IsEmpty)
            DmaDevice.Free(ref _even);
        if (!_odd.IsEmpty)
            DmaDevice.Free(ref _odd);
    }

    /// <summary>The controller cannot be kept from it.</summary>
    public void Lose()
    {
        Own.KeepForGood(ref _even);
        Own.KeepForGood(ref _odd);
    }
}
