using System;
using System.Runtime;
using Sluice.Runtime;

namespace Internal.Runtime.CompilerHelpers;

/// <summary>Entry points that compiled code calls by symbol; most mean work only where there is a collector.</summary>
internal static unsafe class StartupCodeHelpers
{
    // Around every exported and imported method with a frame of its own.
    [RuntimeExport("RhpReversePInvoke")]
    private static void EnterManaged(nint frame) { }

    [RuntimeExport("RhpReversePInvokeReturn")]
    private static void LeaveManaged(nint frame) { }

    [RuntimeExport("RhpPInvoke")]
    private static void EnterNative(nint frame) { }

    [RuntimeExport("RhpPInvokeReturn")]
    private static void LeaveNative(nint frame) { }

    [RuntimeExport("RhpGcPoll")]
    private static void Poll() { }

    // The canary between a frame's buffers and its return address has changed.
    [RuntimeExport("RhpFallbackFailFast")]
    private static void FailFast() => Fault.Stop("stack buffer overrun"u8);

    [RuntimeExport("RhpThrowEx")]
    private static void Throw(Exception? exception)
    {
        if (exception is null)
            ThrowHelpers.ThrowNullReferenceException();
        Fault.Stop(exception.Message);
    }
}
