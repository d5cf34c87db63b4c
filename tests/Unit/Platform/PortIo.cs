using System;

namespace Sluice.Platform;

/// <summary>The hosted twin of the I/O ports: one simulated device decodes them all; with none they read as all ones.</summary>
public static class PortIo
{
    [ThreadStatic] private static ISimulatedRegisters? _device;

    /// <summary>What answers on this thread; offsets are port numbers.</summary>
    public static ISimulatedRegisters? Device
    {
        get => _device;
        set => _device = value;
    }

    public static byte In8(ushort port) => (byte)Read(port, 1);
    public static ushort In16(ushort port) => (ushort)Read(port, 2);
    public static uint In32(ushort port) => (uint)Read(port, 4);
    public static void Out8(ushort port, byte value) => Device?.Write(port, 1, value);
    public static void Out16(ushort port, ushort value) => Device?.Write(port, 2, value);
    public static void Out32(ushort port, uint value) => Device?.Write(port, 4, value);

    private static ulong Read(ushort port, int width) => Device?.Read(port, width) ?? ulong.MaxValue;
}
