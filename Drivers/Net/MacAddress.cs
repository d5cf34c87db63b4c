using System;
using System.Buffers.Binary;

namespace Sluice.Net;

/// <summary>An Ethernet address. Source: IEEE 802-2014, section 8.2.</summary>
public readonly struct MacAddress : IUtf8Formattable
{
    /// <summary>Bytes of one.</summary>
    public const int Bytes = 6;

    // The first byte on the wire is the lowest.
    private readonly ulong _value;

    private MacAddress(ulong value) => _value = value;

    /// <summary>All stations.</summary>
    public static MacAddress Broadcast => new(0xFFFF_FFFF_FFFF);

    /// <summary>The first six bytes, as on the wire.</summary>
    public static MacAddress Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt32LittleEndian(bytes) | (ulong)BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]) << 32);

    /// <summary>Of a number whose lowest byte is the first on the wire; what is above 48 bits is dropped.</summary>
    public static MacAddress FromNumber(ulong value) => new(value & 0xFFFF_FFFF_FFFF);

    /// <summary>The number whose lowest byte is the first on the wire.</summary>
    public ulong Number => _value;

    /// <summary>Whether it names a group, or all, not one station.</summary>
    public bool IsGroup => (_value & 1) != 0;

    /// <summary>Whether one station can have it: no group, not zero.</summary>
    public bool IsStation => !IsGroup && _value != 0;

    /// <summary>Writes it as on the wire.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)_value);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[4..], (ushort)(_value >> 32));
    }

    public static bool operator ==(MacAddress left, MacAddress right) => left._value == right._value;

    public static bool operator !=(MacAddress left, MacAddress right) => left._value != right._value;

    /// <summary><c>52:54:00:12:34:56</c>.</summary>
    public void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format)
    {
        for (int i = 0; i < Bytes; i++)
        {
            if (i > 0)
                writer.Append((byte)':');
            writer.Append(_value >> 8 * i & 0xFF, "x2");
        }
    }

    public override bool Equals(object? obj) => obj is MacAddress other && this == other;

    public override int GetHashCode() => (int)_value;
}
