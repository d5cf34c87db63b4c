using System;
using System.Runtime;
using System.Runtime.CompilerServices;
using Sluice.Runtime;

namespace Internal.Runtime.CompilerHelpers;

/// <summary>Entry points that compiled code calls by symbol; most mean work only where there is a collector.</summary>
internal static unsafe class StartupCodeHelpers
{
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

    [RuntimeExport("RhpFallbackFailFast")]
    private static void FailFast() => Fault.Stop("the compiler's fail-fast"u8);

    [RuntimeExport("RhpThrowEx")]
    private static void Throw(Exception exception) => Fault.Stop(exception.Message);
}
