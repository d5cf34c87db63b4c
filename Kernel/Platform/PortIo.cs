using System.Runtime;
using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>The x86 I/O ports.</summary>
public static class PortIo
{
    [RuntimeImport("port_in8"), MethodImpl(MethodImplOptions.InternalCall)] public static extern byte In8(ushort port);
    [RuntimeImport("port_in16"), MethodImpl(MethodImplOptions.InternalCall)] public static extern ushort In16(ushort port);
    [RuntimeImport("port_in32"), MethodImpl(MethodImplOptions.InternalCall)] public static extern uint In32(ushort port);
    [RuntimeImport("port_out8"), MethodImpl(MethodImplOptions.InternalCall)] public static extern void Out8(ushort port, byte value);
    [RuntimeImport("port_out16"), MethodImpl(MethodImplOptions.InternalCall)] public static extern void Out16(ushort port, ushort value);
    [RuntimeImport("port_out32"), MethodImpl(MethodImplOptions.InternalCall)] public static extern void Out32(ushort port, uint value);
}
