using System.Diagnostics.CodeAnalysis;
using Sluice.Runtime;

namespace Internal.Runtime.CompilerHelpers;

/// <summary>Where compiled code goes when a check fails. The compiler knows most of these by name; each is a panic.</summary>
public static class ThrowHelpers
{
    [DoesNotReturn] public static void ThrowIndexOutOfRangeException() => throw Fault.Stop("index out of range"u8);
    [DoesNotReturn] public static void ThrowNullReferenceException() => throw Fault.Stop("null reference"u8);
    [DoesNotReturn] public static void ThrowOverflowException() => throw Fault.Stop("arithmetic overflow"u8);
    [DoesNotReturn] public static void ThrowDivideByZeroException() => throw Fault.Stop("divide by zero"u8);
    [DoesNotReturn] public static void ThrowArrayTypeMismatchException() => throw Fault.Stop("array type mismatch"u8);
    [DoesNotReturn] public static void ThrowInvalidCastException() => throw Fault.Stop("invalid cast"u8);
    [DoesNotReturn] public static void ThrowArgumentException() => throw Fault.Stop("invalid argument"u8);
    [DoesNotReturn] public static void ThrowArgumentOutOfRangeException() => throw Fault.Stop("argument out of range"u8);
    [DoesNotReturn] public static void ThrowNotImplementedException() => throw Fault.Stop("not implemented"u8);
    [DoesNotReturn] public static void ThrowPlatformNotSupportedException() => throw Fault.Stop("not supported on this machine"u8);

    // Code that the compiler found to be wrong or left out, reached all the same.
    [DoesNotReturn] internal static void ThrowInvalidProgramException(int id) => throw Fault.Stop("invalid program"u8);
    [DoesNotReturn] internal static void ThrowInvalidProgramExceptionWithArgument(int id, string name) => throw Fault.Stop("invalid program"u8);
    [DoesNotReturn] internal static void ThrowTypeLoadException(int id, string type, string module) => throw Fault.Stop("type cannot be loaded"u8);
    [DoesNotReturn] internal static void ThrowTypeLoadExceptionWithArgument(int id, string type, string module, string argument) => throw Fault.Stop("type cannot be loaded"u8);
    [DoesNotReturn] internal static void ThrowMissingMethodException(int id, string name) => throw Fault.Stop("missing method"u8);
    [DoesNotReturn] internal static void ThrowMissingFieldException(int id, string name) => throw Fault.Stop("missing field"u8);
    [DoesNotReturn] internal static void ThrowFileNotFoundException(int id, string name) => throw Fault.Stop("missing assembly"u8);
    [DoesNotReturn] internal static void ThrowBadImageFormatException(int id) => throw Fault.Stop("bad assembly"u8);
    [DoesNotReturn] internal static void ThrowBodyRemoved() => throw Fault.Stop("method removed by the compiler"u8);
    [DoesNotReturn] internal static void ThrowFeatureBodyRemoved() => throw Fault.Stop("method removed by the compiler"u8);
    [DoesNotReturn] internal static void ThrowInstanceBodyRemoved() => throw Fault.Stop("method of a type that is never made"u8);
    [DoesNotReturn] internal static void ThrowUnavailableType() => throw Fault.Stop("unavailable type"u8);
}
