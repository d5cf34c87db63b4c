using System;
using Sluice.Runtime;

namespace Internal.Runtime.CompilerHelpers;

/// <summary>
/// Handles of fields. The compiler looks for the method where constant arrays and spans are made, though it then puts
/// them in place; there is nothing else to do with a handle here.
/// </summary>
internal static class LdTokenHelpers
{
    internal static RuntimeFieldHandle GetRuntimeFieldHandle(nint field)
    {
        Fault.Stop("a field handle at run time"u8);
        return default;
    }
}
