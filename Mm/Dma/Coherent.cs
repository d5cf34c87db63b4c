using System.Runtime.CompilerServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// An array that CPU and device use at once: rings, status blocks. Its fields are <see cref="Shared{T}"/>, so that every access is one
/// access. Zero when allocated; <see cref="DmaDevice.Free{T}"/> ends it. Do not copy it.
/// </summary>
/// <typeparam name="T">A structure as the device's datasheet lays it out.</typeparam>
[NonCopyable]
public unsafe struct Coherent<T> where T : unmanaged
{
    // As in the buffers' handles: the record is the device's common one where nothing needs to be remembered.
    internal readonly ulong Origin;
    internal readonly Mapping* Mapping;
    private readonly T* _first;
    private readonly int _count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Coherent(int count, ulong origin, Mapping* mapping)
    {
        Origin = origin;
        Mapping = mapping;
        _count = count;
        _first = (T*)PhysicalMemory.At(new PhysAddr(origin >> 32 << 12));
    }

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Mapping == null;

    /// <summary>Elements.</summary>
    public readonly int Count => _count;

    /// <summary>Where the device sees the first element.</summary>
    public readonly DmaAddr Address => new(Mapping->HasWork ? Mapping->Address : Origin >> 32 << 12);

    /// <summary>An element. The index is checked; the reference must not be used after the array was freed.</summary>
    public readonly ref T this[int index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if ((uint)index >= (uint)_count)
                Bug.Stop("coherent memory indexed past its end"u8);
            return ref _first[index];
        }
    }

    /// <summary>Where the device sees an element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly DmaAddr AddressOf(int index)
    {
        if ((uint)index >= (uint)_count)
            Bug.Stop("coherent memory indexed past its end"u8);
        return new DmaAddr(Address.Value + (ulong)index * (uint)sizeof(T));
    }

    /// <summary>
    /// Gives an element away: writes the word that does so after all that was written before has reached memory, whatever the
    /// memory's kind.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Publish<TWord>(ref Shared<TWord> word, TWord value) where TWord : unmanaged
    {
        if (Mapping->Cache == CacheMode.WriteCombining)
            Cpu.FenceStores();
        word.Write(value);
    }
}
