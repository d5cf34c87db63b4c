using System;

namespace Sluice.Platform;

/// <summary>The hosted twin: this thread's simulated device may do what it wants before each read of memory that it shares.</summary>
public static class DeviceTurn
{
    [ThreadStatic] private static Action? _taken;

    /// <summary>What the device does; nothing if null.</summary>
    public static Action? Taken
    {
        get => _taken;
        set => _taken = value;
    }

    public static void BeforeRead() => _taken?.Invoke();
}
