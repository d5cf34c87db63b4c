using System.Runtime;

namespace Sluice.Arch;

/// <summary>Interrupts of devices, vectors 32 to 255.</summary>
internal static class DeviceInterrupts
{
    [RuntimeExport("device_interrupt_entry")]
    private static void Handle(ulong vector) => Log.Warn($"interrupt {vector} that nobody asked for");
}
