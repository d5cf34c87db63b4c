using System;

namespace Internal.Runtime.CompilerHelpers;

/// <summary>Asked for by the compiler's scanner for span literals; compiled code reads the constants directly and never calls it.</summary>
internal static class LdTokenHelpers
{
    public static RuntimeFieldHandle GetRuntimeFieldHandle(nint handle) => default;
}
