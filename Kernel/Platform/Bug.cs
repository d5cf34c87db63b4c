using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Sluice.Runtime;

namespace Sluice;

/// <summary>Stops the machine where our own code is wrong; never for what a device, firmware or user did.</summary>
public static class Bug
{
    /// <summary>Panics with a text.</summary>
    [DoesNotReturn]
    public static void Stop(ReadOnlySpan<byte> what) => Fault.Stop(what);

    /// <summary>Panics with a text if the condition holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void If([DoesNotReturnIf(true)] bool condition, ReadOnlySpan<byte> what)
    {
        if (condition)
            Fault.Stop(what);
    }
}
