using System.Runtime.CompilerServices;

namespace Internal.Runtime;

/// <summary>
/// Which method of a type implements which slot of which of its interfaces. Entries for methods of the class come
/// first, then those for default methods of interfaces. Layout: seen in the objects that ILC 10.0.14 writes.
/// </summary>
internal unsafe struct DispatchMap
{
    /// <summary>Instead of a slot: derived interfaces disagree on the default implementation.</summary>
    public const ushort Ambiguous = 0xFFFE;

    /// <summary>Instead of a slot: a derived interface took the default implementation away.</summary>
    public const ushort Abstract = 0xFFFF;

    private readonly ushort _standard, _default;
    private readonly ushort _standardStatic, _defaultStatic;   // static ones are bound while compiling
    private Entry _first;

    /// <summary>Entries for the class's own methods, or for default methods.</summary>
    public Entries Select(bool defaults)
    {
        var first = (Entry*)Unsafe.AsPointer(ref _first);
        return defaults ? new Entries(first + _standard, _default) : new Entries(first, _standard);
    }

    /// <summary>A run of entries.</summary>
    public readonly struct Entries(Entry* first, int count)
    {
        public readonly Entry* First = first;
        public readonly int Count = count;
    }

    /// <summary>Method <see cref="MethodSlot"/> implements <see cref="InterfaceSlot"/> of an interface of the type.</summary>
    public readonly struct Entry
    {
        public readonly ushort InterfaceIndex, InterfaceSlot;

        /// <summary>A virtual slot, or past those a sealed slot of the type whose map this is.</summary>
        public readonly ushort MethodSlot;
    }
}
