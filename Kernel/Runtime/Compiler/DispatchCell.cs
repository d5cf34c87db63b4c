using System.Threading;
using Sluice.Runtime;

namespace Internal.Runtime;

/// <summary>
/// What a call site through an interface calls. The compiler lays the cells of equal slots in a row, and behind each row
/// one without code whose second word is the slot.
/// </summary>
internal unsafe struct DispatchCell
{
    private nint _code;

    // Relative pointer to the interface with the low bits set, later a DispatchTable.
    private nint _data;

    /// <summary>What the cell has learned; null before it learned anything.</summary>
    public DispatchTable* Table
    {
        get
        {
            nint data = Volatile.Read(ref _data);
            return (data & 3) == 0 ? (DispatchTable*)data : null;
        }
    }

    /// <summary>Which method the call site wants.</summary>
    public void Describe(out MethodTable* declaring, out ushort slot)
    {
        fixed (DispatchCell* cell = &this)
        {
            nint data = Volatile.Read(ref _data);
            if ((data & 3) == 0)
            {
                declaring = ((DispatchTable*)data)->Declaring;
                slot = ((DispatchTable*)data)->Slot;
                return;
            }
            if ((data & 3) != 3)
                Fault.Stop("a dispatch cell of an unknown kind"u8);
            declaring = (MethodTable*)((byte*)&cell->_data + (int)(data & ~3));
            DispatchCell* end = cell;
            while (end->_code != 0)
                end++;
            slot = (ushort)end->_data;
        }
    }

    /// <summary>Lets calls use a table. In this order: code that expects a table must find one (x86 keeps stores in order).</summary>
    public void Publish(DispatchTable* table, nint cachedDispatch)
    {
        Volatile.Write(ref _data, (nint)table);
        Volatile.Write(ref _code, cachedDispatch);
    }
}
