using Sluice.Runtime;

namespace Internal.Runtime;

/// <summary>Finds the method that a type runs for an interface's method. ECMA-335 I.8.10.4, II.12.2.</summary>
internal static unsafe class InterfaceMethods
{
    /// <summary>Code of the method; panics if there is none or more than one.</summary>
    public static nint Find(MethodTable* type, MethodTable* declaring, ushort slot)
    {
        // A class's own method, inherited or not, comes before any default method.
        nint code = Find(type, declaring, slot, defaults: false);
        if (code == 0)
            code = Find(type, declaring, slot, defaults: true);
        if (code == 0)
            Fault.Stop("the type has no method for the interface's"u8);
        return code;
    }

    private static nint Find(MethodTable* type, MethodTable* declaring, ushort slot, bool defaults)
    {
        for (MethodTable* level = type; level != null && !level->IsArray; level = level->BaseType)
        {
            DispatchMap* map = level->DispatchMap;
            if (map == null)
                continue;
            DispatchMap.Entries entries = map->Select(defaults);
            if (!TryFind(level, entries, declaring, slot, variant: false, out ushort method)
                && !(declaring->IsVariant && TryFind(level, entries, declaring, slot, variant: true, out method)))
                continue;
            if (method == DispatchMap.Abstract)
                Fault.Stop("the interface's method is abstract again"u8);
            if (method == DispatchMap.Ambiguous)
                Fault.Stop("two interfaces implement the interface's method"u8);
            // A virtual method may be overridden below the level that names it; a sealed one is found there only.
            return method < level->VirtualSlots ? type->VirtualSlot(method) : level->SealedSlot(method - level->VirtualSlots);
        }
        return 0;
    }

    private static bool TryFind(MethodTable* type, DispatchMap.Entries entries, MethodTable* declaring, ushort slot, bool variant, out ushort method)
    {
        for (int i = 0; i < entries.Count; i++)
        {
            DispatchMap.Entry* entry = entries.First + i;
            if (entry->InterfaceSlot != slot)
                continue;
            MethodTable* candidate = type->Interfaces[entry->InterfaceIndex];
            if (variant ? TypeRelations.IsVariantOf(candidate, declaring, 0) : candidate == declaring)
            {
                method = entry->MethodSlot;
                return true;
            }
        }
        method = 0;
        return false;
    }
}
