using System;
using System.Collections.Generic;
using System.Text;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Nodes;

/// <summary>What a node says in its bus information block. Source: IEEE 1394a-2000, section 8.3.2.5.4.</summary>
/// <param name="Guid">EUI-64: organization in the upper 24 bits.</param>
/// <param name="MaxRecord">Takes blocks of 2^(this + 1) bytes.</param>
/// <param name="CanManage">Isochronous resource manager, cycle master, isochronous, bus manager: bits 3:0.</param>
public readonly record struct BusInformation(ulong Guid, Speed Speed = Speed.S400, int MaxRecord = 8, int CanManage = 0, int Generation = 1)
{
    /// <summary>The third quadlet of the ROM.</summary>
    public uint Options => ((uint)CanManage << 28) | (100u << 16) | ((uint)MaxRecord << 12) | (2u << 8) | ((uint)Generation << 4) | (uint)Speed;
}

/// <summary>Makes configuration ROMs. Source: IEEE 1212-2001, section 7.</summary>
public static class ConfigurationRom
{
    /// <summary>"1394".</summary>
    public const uint BusName = 0x3133_3934;

    /// <summary>From 0xFFFF_F000_0400 on, so many bytes at most.</summary>
    public const int MostBytes = 1024;

    private const int BusBlockQuadlets = 5;

    /// <summary>Puts a ROM together: bus information block, root directory, and what that refers to.</summary>
    public static uint[] Build(in BusInformation bus, RomDirectory root)
    {
        var rom = new List<uint> { 0, BusName, bus.Options, (uint)(bus.Guid >> 32), (uint)bus.Guid };
        rom[0] = 0x0404_0000 | (uint)Crc.Rom(rom.GetRange(1, BusBlockQuadlets - 1).ToArray());
        root.Append(rom);
        if (rom.Count * 4 > MostBytes)
            throw new ArgumentException("a configuration ROM has 1,024 bytes at most");
        return [.. rom];
    }
}

/// <summary>A directory of a configuration ROM: keys with values, texts and further directories.</summary>
public sealed class RomDirectory
{
    private readonly List<(byte Key, uint Value, RomDirectory? Directory, string? Text)> _entries = [];

    /// <summary>A 24-bit value. The key has its type, 0 or 1, in bits 7:6.</summary>
    public RomDirectory Value(byte key, uint value)
    {
        _entries.Add((key, value & 0xFF_FFFF, null, null));
        return this;
    }

    /// <summary>Text that describes the entry before, or has a key of its own.</summary>
    public RomDirectory Text(string text, byte key = 0x81)
    {
        _entries.Add((key, 0, null, text));
        return this;
    }

    /// <summary>A directory inside, such as 0xD1, a unit's.</summary>
    public RomDirectory Directory(byte key, RomDirectory directory)
    {
        _entries.Add((key, 0, directory, null));
        return this;
    }

    internal void Append(List<uint> rom)
    {
        int start = rom.Count;
        rom.Add(0);
        foreach ((byte key, uint value, _, _) in _entries)
            rom.Add(((uint)key << 24) | value);
        Close(rom, start);
        for (int i = 0; i < _entries.Count; i++)
        {
            (_, _, RomDirectory? directory, string? text) = _entries[i];
            if (directory == null && text == null)
                continue;
            int at = start + 1 + i;
            rom[at] |= (uint)(rom.Count - at);
            if (directory != null)
                directory.Append(rom);
            else
                AppendText(rom, text!);
        }
        Close(rom, start, _entries.Count);
    }

    // Minimal ASCII. Source: IEEE 1212-2001, section 7.5.4.1.
    private static void AppendText(List<uint> rom, string text)
    {
        int start = rom.Count;
        rom.AddRange([0, 0, 0]);
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        for (int i = 0; i < bytes.Length; i += 4)
        {
            uint quadlet = 0;
            for (int j = 0; j < 4; j++)
                quadlet = (quadlet << 8) | (i + j < bytes.Length ? bytes[i + j] : 0u);
            rom.Add(quadlet);
        }
        Close(rom, start);
    }

    private static void Close(List<uint> rom, int start, int length = -1)
    {
        if (length < 0)
            length = rom.Count - start - 1;
        rom[start] = ((uint)length << 16) | Crc.Rom(rom.GetRange(start + 1, length).ToArray());
    }
}
