using System;
using System.Runtime.InteropServices;

namespace Sluice.VfioUser;

// Names and numbers of the protocol. Source: QEMU, docs/interop/vfio-user (0.9.2), and Linux, include/uapi/linux/vfio.h (what its fields mean).

/// <summary>What a message asks for.</summary>
internal enum Command : ushort
{
    Version = 1,
    DmaMap = 2,
    DmaUnmap = 3,
    DeviceGetInfo = 4,
    DeviceGetRegionInfo = 5,
    DeviceGetRegionIoFds = 6,
    DeviceGetIrqInfo = 7,
    DeviceSetIrqs = 8,
    RegionRead = 9,
    RegionWrite = 10,
    DmaRead = 11,
    DmaWrite = 12,
    DeviceReset = 13,
    RegionWriteMulti = 15,
    DeviceFeature = 16,
}

/// <summary>What a message is.</summary>
[Flags]
internal enum MessageFlags : uint
{
    Request = 0,
    Reply = 1,
    TypeMask = 0xF,
    NoReply = 1 << 4,
    Error = 1 << 5,
}

/// <summary>What each message begins with.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MessageHeader
{
    public const int Bytes = 16;

    public ushort Id;
    public Command Command;

    /// <summary>Of the whole message, this header with it.</summary>
    public uint Size;
    public MessageFlags Flags;
    public uint Errno;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DmaMapRequest
{
    public const uint Readable = 1, Writeable = 2;

    public uint ArgumentBytes, Flags;
    public ulong FileOffset, Address, Length;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DmaUnmapRequest
{
    public uint ArgumentBytes, Flags;
    public ulong Address, Length;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DeviceInfo
{
    public const uint HasReset = 1, IsPci = 2;

    public uint ArgumentBytes, Flags, Regions, Interrupts;
}

[StructLayout(LayoutKind.Sequential)]
internal struct RegionInfo
{
    public const uint Read = 1, Write = 2;

    public uint ArgumentBytes, Flags, Index, CapabilityOffset;
    public ulong Length, FileOffset;
}

[StructLayout(LayoutKind.Sequential)]
internal struct InterruptInfo
{
    public const uint EventFd = 1, Maskable = 2, AutoMasked = 4, NoResize = 8;

    public uint ArgumentBytes, Flags, Index, Count;
}

[StructLayout(LayoutKind.Sequential)]
internal struct InterruptSet
{
    public const uint DataNone = 1, DataBool = 2, DataEventFd = 4, Mask = 8, Unmask = 16, Trigger = 32;

    public uint ArgumentBytes, Flags, Index, Start, Count;
}

/// <summary>What an access to a region begins with, both ways; the data of a write, or of a read's answer, follows.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RegionAccess
{
    public const int Bytes = 16;

    public ulong Offset;
    public uint Region, Count;
}

/// <summary>The regions of a PCI device. 0 to 5 are the BARs.</summary>
internal static class RegionIndex
{
    public const uint Bars = 6, Configuration = 7, Count = 9;
}

/// <summary>The interrupts of a PCI device.</summary>
internal static class InterruptIndex
{
    public const uint Pin = 0, Msi = 1, Count = 5;
}

/// <summary>Errors as the other side knows them.</summary>
internal enum Errno : uint
{
    None = 0,
    IoError = 5,
    Exists = 17,
    Invalid = 22,
    NotSupported = 95,
}
