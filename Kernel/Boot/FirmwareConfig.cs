using System;
using Sluice.Platform;

namespace Sluice.Boot;

/// <summary>
/// QEMU's firmware configuration device: named items that whoever started the machine hands to it. Source: QEMU's specification fw_cfg.rst, "Register Locations" and "Firmware Configuration Items".
/// </summary>
internal static class FirmwareConfig
{
    private const ushort Selector = 0x510, Data = 0x511;
    private const ushort SignatureItem = 0x0000, DirectoryItem = 0x0019;
    private const int EntryBytes = 64, NameBytes = 56, MaxEntries = 512;

    /// <summary>
    /// Whether the ports may be tried at all: in virtual machines alone. On a board they can be anybody's; Intel's chipsets often have
    /// the registers of their general-purpose pins there.
    /// </summary>
    public static bool MayBeThere { get; set; } = true;

    /// <summary>Reads as much of an item as fits; false if there is no such device or item. Not for interrupt handlers.</summary>
    public static bool TryRead(ReadOnlySpan<byte> name, Span<byte> buffer, out int length)
    {
        length = 0;
        if (!IsPresent() || !TryFind(name, out ushort item, out uint bytes))
            return false;
        length = bytes < (uint)buffer.Length ? (int)bytes : buffer.Length;
        PortIo.Out16(Selector, item);
        Read(buffer.Slice(0, length));
        return true;
    }

    /// <summary>Whether there is such a device: whether this is QEMU.</summary>
    public static bool IsPresent()
    {
        if (!MayBeThere)
            return false;
        Span<byte> signature = stackalloc byte[4];
        PortIo.Out16(Selector, SignatureItem);
        Read(signature);
        return BigEndian(signature) == 0x51454D55;      // "QEMU"
    }

    private static bool TryFind(ReadOnlySpan<byte> name, out ushort item, out uint bytes)
    {
        Span<byte> entry = stackalloc byte[EntryBytes];
        PortIo.Out16(Selector, DirectoryItem);
        Read(entry.Slice(0, 4));
        uint count = BigEndian(entry.Slice(0, 4));
        for (uint i = 0; i < count && i < MaxEntries; i++)
        {
            Read(entry);
            bytes = BigEndian(entry.Slice(0, 4));
            item = (ushort)BigEndian(entry.Slice(4, 2));
            if (IsNamed(entry.Slice(8, NameBytes), name))
                return true;
        }
        item = 0;
        bytes = 0;
        return false;
    }

    private static bool IsNamed(ReadOnlySpan<byte> field, ReadOnlySpan<byte> name)
    {
        for (int i = 0; i < name.Length; i++)
        {
            if (field[i] != name[i])
                return false;
        }
        return field[name.Length] == 0;
    }

    private static uint BigEndian(ReadOnlySpan<byte> bytes)
    {
        uint value = 0;
        foreach (byte part in bytes)
            value = value << 8 | part;
        return value;
    }

    private static void Read(Span<byte> target)
    {
        foreach (ref byte value in target)
            value = PortIo.In8(Data);
    }
}
