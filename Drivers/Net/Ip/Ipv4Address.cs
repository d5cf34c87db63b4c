using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Runtime;

namespace Sluice.Net;

/// <summary>An IPv4 address, or a mask, as it lies in packets.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly struct Ipv4Address : IUtf8Formattable
{
    private Ipv4Address(uint raw) => Raw = raw;

    /// <summary>Of the number whose highest byte is written first.</summary>
    public static Ipv4Address FromNumber(uint value) => new(BinaryPrimitives.ReverseEndianness(value));

    /// <summary>As the CPU reads the four bytes.</summary>
    public static Ipv4Address FromRaw(uint raw) => new(raw);

    /// <summary>As the CPU reads the four bytes.</summary>
    public readonly uint Raw;

    /// <summary>The number whose highest byte is written first.</summary>
    public uint Number => BinaryPrimitives.ReverseEndianness(Raw);

    /// <summary>No address: a host that has none yet.</summary>
    public bool IsNone => Raw == 0;

    /// <summary>255.255.255.255.</summary>
    public static Ipv4Address Broadcast => new(uint.MaxValue);

    /// <summary>224.0.0.1: the group that every host is in.</summary>
    public static Ipv4Address AllHosts => new(0x0100_00E0);

    /// <summary>Whether it names a group: 224.0.0.0 to 239.255.255.255.</summary>
    public bool IsMulticast => (Raw & 0xF0) == 0xE0;

    /// <summary>Whether one host can have it: not 0.x, 127.x, a group, or what is above. Source: RFC 1122, section 3.2.1.3.</summary>
    public bool IsHost
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (byte)(Raw - 1) < 0xDF && (byte)Raw != 127;
    }

    /// <summary>Whether it is this machine whatever its addresses are: 127.x.</summary>
    public bool IsLoopback => (Raw & 0xFF) == 127;

    /// <summary>The mask of so many leading ones, 0 to 32.</summary>
    public static Ipv4Address Mask(int prefix) => FromNumber(prefix == 0 ? 0 : uint.MaxValue << (32 - prefix));

    /// <summary>The leading ones of a mask; false if ones follow a zero.</summary>
    public bool TryGetPrefix(out int prefix)
    {
        prefix = System.Numerics.BitOperations.LeadingZeroCount(~Number);
        return Mask(prefix) == this;
    }

    /// <summary>The Ethernet address that frames to this group go to. Source: RFC 1112, section 6.4.</summary>
    public MacAddress GroupAddress => MacAddress.FromNumber(0x5E_0001 | (ulong)(Raw >> 8 & 0xFF_FF7F) << 24);

    /// <summary>Four numbers with points between; nothing else, no leading zeros.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out Ipv4Address address)
    {
        address = default;
        uint value = 0;
        for (int part = 0; part < 4; part++)
        {
            int end = 0;
            while (end < text.Length && text[end] is >= (byte)'0' and <= (byte)'9')
                end++;
            if (end is 0 or > 3 || end > 1 && text[0] == '0' || !NumberParse.TryParse(text.Slice(0, end), out ulong number) || number > 255)
                return false;
            value = value << 8 | (uint)number;
            text = text.Slice(end);
            if (part == 3)
                break;
            if (text.IsEmpty || text[0] != '.')
                return false;
            text = text.Slice(1);
        }
        address = FromNumber(value);
        return text.IsEmpty;
    }

    public static bool operator ==(Ipv4Address left, Ipv4Address right) => left.Raw == right.Raw;

    public static bool operator !=(Ipv4Address left, Ipv4Address right) => left.Raw != right.Raw;

    public override bool Equals(object? obj) => obj is Ipv4Address other && this == other;

    public override int GetHashCode() => (int)Raw;

    /// <inheritdoc/>
    public void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format)
    {
        for (int part = 0; part < 4; part++)
        {
            if (part != 0)
                writer.Append((byte)'.');
            writer.Append((ulong)(Raw >> (8 * part) & 0xFF));
        }
    }
}
