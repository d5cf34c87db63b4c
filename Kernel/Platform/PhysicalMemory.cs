using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>The direct map: all RAM at one fixed distance from its physical address.</summary>
public static unsafe class PhysicalMemory
{
    /// <summary>Where physical address 0 is seen.</summary>
    public const ulong DirectMap = 0xFFFF_8000_0000_0000;

    /// <summary>Bytes the direct map may span.</summary>
    public const ulong DirectMapBytes = 0x4000_0000_0000;

    /// <summary>The CPU's pointer to RAM. Only RAM is mapped: a device's address faults when used.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* At(PhysAddr address) => (byte*)(DirectMap + address.Value);

    /// <summary>The physical address of a pointer into the direct map.</summary>
    public static PhysAddr Of(void* pointer)
    {
        ulong offset = (ulong)pointer - DirectMap;
        Bug.If(offset >= DirectMapBytes, "not a pointer into the direct map"u8);
        return new PhysAddr(offset);
    }
}
