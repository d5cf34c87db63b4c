using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>
/// Where the CPU is about to read memory that a device may write at any moment. Nothing is to be done: hosted, simulated devices have their turn
/// here, so what they change between two reads is the same on every run.
/// </summary>
public static class DeviceTurn
{
    /// <summary>A device may write now, as it may before any other instruction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void BeforeRead()
    {
    }
}
