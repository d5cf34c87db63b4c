using System;

namespace Sluice.FireWire.Core;

/// <summary>Keys of configuration ROM entries; the type is in bits 7:6. Source: IEEE 1212-2001, table 16; 1394-1995, section 8.3.2.5.</summary>
public static class RomKey
{
    public const byte TextLeaf = 0x81, Vendor = 0x03, HardwareVersion = 0x04, NodeCapabilities = 0x0C, UnitDirectory = 0xD1;
    public const byte Specifier = 0x12, Version = 0x13, Model = 0x17;

    // Types: a value, an offset from the start of registers in quadlets, a block further on, a directory further on.
    internal const byte Leaf = 2, Directory = 3;

    internal static int TypeOf(byte key) => key >> 6;
}

/// <summary>What is the same for reading and writing configuration ROMs.</summary>
public static class Rom
{
    /// <summary>Where they begin in a node's space, and their size.</summary>
    public const ulong Address = 0xFFFF_F000_0400;
    public const int Quadlets = 256, BusBlock = 5;

    /// <summary>"1394", the second quadlet.</summary>
    public const uint BusName = 0x3133_3934;

    /// <summary>The check of a block: CRC-16 of ITU-T, first bit highest, start 0. Source: IEEE 1212-2001, section 7.3.</summary>
    public static ushort Crc(ReadOnlySpan<uint> quadlets)
    {
        uint crc = 0;
        foreach (uint quadlet in quadlets)
        {
            // Four bits at a time, as in the standard's example.
            for (int shift = 28; shift >= 0; shift -= 4)
            {
                uint next = (crc >> 12 ^ quadlet >> shift) & 0xF;
                crc = (crc << 4 ^ next << 12 ^ next << 5 ^ next) & 0xFFFF;
            }
        }
        return (ushort)crc;
    }
}

/// <summary>
/// What a node says that it can: the third quadlet of its ROM. Source: IEEE 1394a-2000, section 8.3.2.5.4.
/// </summary>
public readonly struct BusOptions(uint quadlet)
{
    /// <summary>irmc, cmc, isc and bmc: what a node can that has all of this.</summary>
    public const uint Able = 0xF0u << 24;

    public readonly uint Quadlet = quadlet;

    /// <summary>Can be isochronous resource manager.</summary>
    public bool CanManageResources => (Quadlet & 1u << 31) != 0;

    /// <summary>Can be cycle master, so a root.</summary>
    public bool CanBeCycleMaster => (Quadlet & 1 << 30) != 0;

    /// <summary>Takes part in isochronous traffic.</summary>
    public bool IsIsochronous => (Quadlet & 1 << 29) != 0;

    /// <summary>Can be bus manager.</summary>
    public bool CanManageBus => (Quadlet & 1 << 28) != 0;

    /// <summary>The most bytes that it takes in a block write: 2^(max_rec + 1), 4 at least; those it gives may be more.</summary>
    public int MostBytes => 2 << ((int)(Quadlet >> 12) & 0xF);

    /// <summary>Changes with the ROM; 0 if nothing is known about that.</summary>
    public int Generation => (int)(Quadlet >> 4) & 0xF;

    /// <summary>Of its link.</summary>
    public BusSpeed Speed => (BusSpeed)(Quadlet & 7) < BusSpeed.S800 ? (BusSpeed)(Quadlet & 7) : BusSpeed.S800;

    public BusOptions WithGeneration(int generation) => new(Quadlet & ~0xF0u | (uint)(generation & 0xF) << 4);
}
