namespace Internal.Runtime.CompilerHelpers;

/// <summary>What thunks of code shared between generic instances ask.</summary>
internal static unsafe class SharedCodeHelpers
{
    /// <summary>The interface whose default method an object of a type runs: tells that method its type arguments.</summary>
    internal static MethodTable* GetOrdinalInterface(MethodTable* type, ushort index) => type->Interfaces[index];

    /// <summary>For thunks made at run time, of which there are none here.</summary>
    internal static MethodTable* GetCurrentSharedThunkContext()
    {
        Sluice.Runtime.Fault.Stop("a thunk made at run time"u8);
        return null;
    }
}
