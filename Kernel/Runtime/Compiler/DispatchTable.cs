using System.Runtime.CompilerServices;
using System.Threading;
using Sluice.Runtime;

namespace Internal.Runtime;

/// <summary>
/// The receivers' types that a call site has seen, with their methods: a hash table with linear probing, never more than
/// half full, never freed. Boot/runtime.s knows the layout.
/// </summary>
internal unsafe struct DispatchTable
{
    private uint _mask;     // of an entry's offset in bytes
    private ushort _slot;
    private ushort _used;
    private MethodTable* _declaring;
    private DispatchCell* _cell;
    private nint _reserved; // entries start at 32

    private struct Entry
    {
        public MethodTable* Type;
        public nint Code;
    }

    public readonly MethodTable* Declaring => _declaring;

    public readonly ushort Slot => _slot;

    /// <summary>Whether another type needs a larger table.</summary>
    public readonly bool IsFull => (_used + 1u) * 2 * (uint)sizeof(Entry) > _mask + (uint)sizeof(Entry);

    /// <summary>A table for one type, or one of twice the size with the same contents; null if the object heap is full.</summary>
    public static DispatchTable* TryMake(DispatchCell* cell, MethodTable* declaring, ushort slot, DispatchTable* smaller)
    {
        uint entries = smaller == null ? 2 : (smaller->_mask / (uint)sizeof(Entry) + 1) * 2;
        var table = (DispatchTable*)ObjectHeap.TryTake((ulong)sizeof(DispatchTable) + entries * (ulong)sizeof(Entry));
        if (table == null)
            return null;
        table->_mask = (entries - 1) * (uint)sizeof(Entry);
        table->_slot = slot;
        table->_declaring = declaring;
        table->_cell = cell;
        for (uint i = 0; smaller != null && i < entries / 2; i++)
        {
            Entry* entry = smaller->At(i * (uint)sizeof(Entry));
            if (entry->Type != null)
                table->Add(entry->Type, entry->Code);
        }
        return table;
    }

    /// <summary>Whether a type is in.</summary>
    public bool Has(MethodTable* type) => Probe(type)->Type == type;

    /// <summary>Adds a type that is not in. Others may be reading: the type goes in last.</summary>
    public void Add(MethodTable* type, nint code)
    {
        Entry* entry = Probe(type);
        entry->Code = code;
        Volatile.Write(ref *(nint*)&entry->Type, (nint)type);
        _used++;
    }

    private Entry* Probe(MethodTable* type)
    {
        uint offset = type->HashCode & _mask;
        while (At(offset)->Type != null && At(offset)->Type != type)
            offset = (offset + (uint)sizeof(Entry)) & _mask;
        return At(offset);
    }

    private Entry* At(uint offset) => (Entry*)((byte*)Unsafe.AsPointer(ref this) + sizeof(DispatchTable) + offset);
}
