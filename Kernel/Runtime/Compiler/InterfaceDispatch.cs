using System.Runtime;
using System.Threading;

namespace Internal.Runtime;

/// <summary>
/// Calls through interfaces. Each call site has a <see cref="DispatchCell"/> and calls the code it names with the cell
/// in r11. At first that is RhpInitialDynamicInterfaceDispatch, which comes here; then interface_dispatch, which looks
/// the receiver's type up in the cell's <see cref="DispatchTable"/>. Both are in Boot/runtime.s. Several CPUs and
/// interrupt handlers may call through one cell at once.
/// </summary>
internal static unsafe class InterfaceDispatch
{
    private static int _busy;

    /// <summary>Code to run for a receiver; also remembered for the next call. Called from assembly.</summary>
    [RuntimeExport("interface_dispatch_resolve")]
    public static nint Resolve(object receiver, DispatchCell* cell, nint cachedDispatch)
    {
        cell->Describe(out MethodTable* declaring, out ushort slot);
        nint code = InterfaceMethods.Find(receiver.m_pEEType, declaring, slot);
        // A delegate's cell is used once, without cachedDispatch. Whoever comes while another (or the code that this
        // interrupt handler interrupted) is at it does not wait: it only is not remembered this time.
        if (cachedDispatch != 0 && Interlocked.Exchange(ref _busy, 1) == 0)
        {
            Remember(cell, declaring, slot, receiver.m_pEEType, code, cachedDispatch);
            Volatile.Write(ref _busy, 0);
        }
        return code;
    }

    private static void Remember(DispatchCell* cell, MethodTable* declaring, ushort slot, MethodTable* type, nint code, nint cachedDispatch)
    {
        DispatchTable* table = cell->Table;
        if (table == null || table->IsFull)
        {
            DispatchTable* larger = DispatchTable.TryMake(cell, declaring, slot, table);
            if (larger == null)
                return;
            larger->Add(type, code);
            cell->Publish(larger, cachedDispatch);
        }
        else if (!table->Has(type))
        {
            table->Add(type, code);
        }
    }
}
