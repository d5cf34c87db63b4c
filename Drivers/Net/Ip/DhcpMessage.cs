using System;
using System.Buffers.Binary;

namespace Sluice.Net;

/// <summary>What a DHCP message is. Source: RFC 2132, section 9.6.</summary>
public enum DhcpKind : byte
{
    None,
    Discover,
    Offer,
    Request,
    Decline,
    Ack,
    Nak,
    Release,
}

/// <summary>A DHCP message from a server, as far as a client looks at it. Source: RFC 2131, section 2; RFC 2132.</summary>
public struct DhcpMessage
{
    /// <summary>Bytes before the options, and with the cookie that begins them.</summary>
    public const int FixedBytes = 236, HeaderBytes = 240;

    private const uint Cookie = 0x6382_5363;
    private const byte BootReply = 2;

    // RFC 2855, section 3: the link's kind; of the client's identifier, which is an EUI-64, that; who cannot be spoken to yet is answered to all.
    private const byte FireWire = 24, Eui64 = 27, Broadcast = 0x80;
    private const int ServerNameAt = 44, ServerNameBytes = 64, FileAt = 108, FileBytes = 128;

    public DhcpKind Kind;
    public uint Transaction;

    /// <summary>The client's; none on FireWire, where the field means nothing.</summary>
    public MacAddress Hardware;

    /// <summary>The address offered or leased.</summary>
    public Ipv4Address Yours;

    /// <summary>The server; none if the message does not say.</summary>
    public Ipv4Address Server;

    /// <summary>Of the net; all ones if the message does not say.</summary>
    public Ipv4Address Mask;

    /// <summary>The first of the routers; none if the message does not say.</summary>
    public Ipv4Address Router;

    /// <summary>Seconds: the lease, until it is to be renewed, until anybody is to be asked; 0 if the message does not say.</summary>
    public uint Lease, Renew, Rebind;

    /// <summary>Reads a message; false if a length in it is wrong, a value impossible, or it is no server's DHCP message for this kind of link.</summary>
    /// <param name="isFireWire">Whether it came over that; else over Ethernet.</param>
    public static bool TryParse(ReadOnlySpan<byte> data, bool isFireWire, out DhcpMessage message)
    {
        message = default;
        if (data.Length < HeaderBytes || data[0] != BootReply || data[1] != (isFireWire ? FireWire : 1) || data[2] != (isFireWire ? 0 : MacAddress.Bytes) ||
            BinaryPrimitives.ReadUInt32BigEndian(data.Slice(FixedBytes)) != Cookie)
            return false;
        message.Transaction = BinaryPrimitives.ReadUInt32BigEndian(data.Slice(4));
        message.Yours = Address(data.Slice(16));
        message.Hardware = isFireWire ? default : MacAddress.Read(data.Slice(28));
        message.Mask = Ipv4Address.Broadcast;
        byte overload = 0;
        if (!message.TryTakeOptions(data.Slice(HeaderBytes), ref overload))
            return false;
        // Options may go on in fields that nobody uses otherwise.
        byte none = 0;
        if ((overload & 1) != 0 && !message.TryTakeOptions(data.Slice(FileAt, FileBytes), ref none))
            return false;
        if ((overload & 2) != 0 && !message.TryTakeOptions(data.Slice(ServerNameAt, ServerNameBytes), ref none))
            return false;
        return message.Kind is DhcpKind.Offer or DhcpKind.Ack or DhcpKind.Nak;
    }

    private bool TryTakeOptions(ReadOnlySpan<byte> options, ref byte overload)
    {
        int at = 0;
        while (at < options.Length)
        {
            byte code = options[at++];
            if (code == 0)
                continue;
            if (code == 255)
                return true;
            if (at == options.Length || options[at] > options.Length - at - 1)
                return false;
            ReadOnlySpan<byte> value = options.Slice(at + 1, options[at]);
            at += 1 + value.Length;
            if (!TryTakeOption(code, value, ref overload))
                return false;
        }
        // The end may be missing, as some servers do.
        return true;
    }

    private bool TryTakeOption(byte code, ReadOnlySpan<byte> value, ref byte overload)
    {
        switch (code)
        {
            case 1 when value.Length == 4:
                Mask = Address(value);
                return Mask.TryGetPrefix(out int prefix) && prefix != 0;
            case 3 when value.Length >= 4 && value.Length % 4 == 0:
                Router = Address(value);
                return true;
            case 51 when value.Length == 4:
                Lease = BinaryPrimitives.ReadUInt32BigEndian(value);
                return true;
            case 52 when value.Length == 1:
                overload = value[0];
                return overload is >= 1 and <= 3;
            case 53 when value.Length == 1:
                Kind = (DhcpKind)value[0];
                return true;
            case 54 when value.Length == 4:
                Server = Address(value);
                return true;
            case 58 when value.Length == 4:
                Renew = BinaryPrimitives.ReadUInt32BigEndian(value);
                return true;
            case 59 when value.Length == 4:
                Rebind = BinaryPrimitives.ReadUInt32BigEndian(value);
                return true;
            default:
                return code is not (1 or 3 or 51 or 52 or 53 or 54 or 58 or 59);
        }
    }

    /// <summary>Writes a client's message; returns its length. 300 bytes at least, which old relays want (RFC 1542, section 2.1).</summary>
    /// <param name="guid">Of a FireWire node; 0 of an Ethernet card, which is known by its address.</param>
    /// <param name="client">The client's own address, while it may use one.</param>
    /// <param name="wanted">The address asked for or declined; none leaves the option out.</param>
    /// <param name="server">Whom it is for; none leaves the option out.</param>
    public static int Write(
        Span<byte> room, DhcpKind kind, uint transaction, ushort seconds, MacAddress hardware, ulong guid, Ipv4Address client, Ipv4Address wanted, Ipv4Address server)
    {
        room.Clear();
        room[0] = 1;
        room[1] = guid != 0 ? FireWire : (byte)1;
        room[2] = guid != 0 ? (byte)0 : (byte)MacAddress.Bytes;
        BinaryPrimitives.WriteUInt32BigEndian(room.Slice(4), transaction);
        BinaryPrimitives.WriteUInt16BigEndian(room.Slice(8), seconds);
        BinaryPrimitives.WriteUInt32LittleEndian(room.Slice(12), client.Raw);
        if (guid != 0 && client.IsNone)
            room[10] = Broadcast;
        else if (guid == 0)
            hardware.Write(room.Slice(28));
        BinaryPrimitives.WriteUInt32BigEndian(room.Slice(FixedBytes), Cookie);
        int at = HeaderBytes;
        Put(room, ref at, 53, [(byte)kind]);
        Span<byte> identifier = stackalloc byte[1 + sizeof(ulong)];
        identifier[0] = guid != 0 ? Eui64 : (byte)1;
        if (guid != 0)
            BinaryPrimitives.WriteUInt64BigEndian(identifier.Slice(1), guid);
        else
            hardware.Write(identifier.Slice(1));
        Put(room, ref at, 61, guid != 0 ? identifier : identifier.Slice(0, 1 + MacAddress.Bytes));
        Span<byte> address = stackalloc byte[4];
        if (!wanted.IsNone)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(address, wanted.Raw);
            Put(room, ref at, 50, address);
        }
        if (!server.IsNone)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(address, server.Raw);
            Put(room, ref at, 54, address);
        }
        if (kind is DhcpKind.Discover or DhcpKind.Request)
        {
            Put(room, ref at, 57, [1500 >> 8, 1500 & 0xFF]);
            Put(room, ref at, 55, [1, 3, 51, 54, 58, 59]);
        }
        room[at++] = 255;
        return Math.Max(at, 300);
    }

    private static void Put(Span<byte> room, ref int at, byte code, ReadOnlySpan<byte> value)
    {
        room[at] = code;
        room[at + 1] = (byte)value.Length;
        value.CopyTo(room.Slice(at + 2));
        at += 2 + value.Length;
    }

    private static Ipv4Address Address(ReadOnlySpan<byte> bytes) => Ipv4Address.FromRaw(BinaryPrimitives.ReadUInt32LittleEndian(bytes));
}
