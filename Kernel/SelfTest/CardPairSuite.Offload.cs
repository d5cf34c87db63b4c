using System;
using System.Buffers.Binary;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.SelfTest;

// What cards do beside sending and receiving: checksums put in and looked at, VLAN tags put in and taken out. What one card does, the other
// sees: without such help it has the bytes as they were on the wire.
internal static unsafe partial class CardPairSuite
{
    private const int Ethernet = 14, Ipv4 = 20, Udp = 8, TagBytes = 4, TypeAt = 12, ChecksumAt = Ethernet + Ipv4 + 6;
    private const ushort Tag = 0x6005;                  // priority 3, VLAN 5
    private const uint Addresses = 0x0A09_0001;         // 10.9.0.1, and the next one

    private static readonly byte[] _wire = new byte[9216], _seen = new byte[9216];

    private enum Spoilt : byte
    {
        Nothing,
        Header,
        Transport,
    }

    private static void Offload(ref Ktap t)
    {
        if (!TryBegin(ref t, out int used))
            return;
        if (IsListenedTo)
        {
            t.Skip("somebody else uses the cards (net=none helps)"u8);
            return;
        }
        foreach (uint length in (ReadOnlySpan<uint>)[60, 61, 1000, LongestPlain, 2047, PartBytes + 1, _longest])
        {
            for (Spoilt spoilt = Spoilt.Nothing; length <= _longest && spoilt <= Spoilt.Transport; spoilt++)
            {
                foreach (ushort tag in (ReadOnlySpan<ushort>)[0, Tag])
                {
                    bool there = IsCarried(_first, _second, length, tag, spoilt), back = IsCarried(_second, _first, length, tag, spoilt);
                    if (!t.Check(there && back, "it arrives as it was meant, and the card says what is true"u8))
                        Ktap.Note($"{length} bytes, tag {tag}, fault {(int)spoilt}: {(there ? "back"u8 : "there"u8)}");
                }
            }
        }
        Settle();
        t.Equal((ulong)used, (ulong)Boot.DmaStart.System.Frames.Used, "frames in use"u8);
    }

    private static bool IsCarried(INetworkDevice from, INetworkDevice to, uint length, ushort tag, Spoilt spoilt)
    {
        WriteUdp(from, to, (int)length, spoilt);
        if (!TryMakeOffloaded(from, (int)length, tag, spoilt, out Frame packet))
            return false;
        if (from.Transmit(new Span<Frame>(ref packet)) == 0)
            packet.Free();
        Frame received = default;
        for (Deadline end = Deadline.In(HearMicroseconds); to.Receive(new Span<Frame>(ref received)) == 0;)
        {
            if (end.Passed)
                return false;
        }
        FrameFlags flags = received.Flags;
        int seenTag = (flags & FrameFlags.Vlan) != 0 ? received.VlanTag : 0, bytes = Packet.CopyTo(ref received, 0, _seen);
        received.Free();
        Span<byte> seen = _seen.AsSpan(0, bytes);
        if ((to.Features & NetworkFeatures.Vlan) == 0 && BinaryPrimitives.ReadUInt16BigEndian(seen[TypeAt..]) == 0x8100)
        {
            seenTag = BinaryPrimitives.ReadUInt16BigEndian(seen[(TypeAt + 2)..]);
            seen[(TypeAt + TagBytes)..].CopyTo(seen[TypeAt..]);
            seen = seen[..^TagBytes];
        }
        FrameFlags good = (to.Features & NetworkFeatures.VerifiesChecksums) == 0 ? 0 : spoilt switch
        {
            Spoilt.Nothing => FrameFlags.HeaderChecksumGood | FrameFlags.ChecksumGood,
            Spoilt.Transport => FrameFlags.HeaderChecksumGood,
            _ => 0,
        };
        FrameFlags asked = spoilt == Spoilt.Header ? FrameFlags.HeaderChecksumGood : FrameFlags.HeaderChecksumGood | FrameFlags.ChecksumGood;
        return seenTag == tag && (flags & asked) == good && seen.SequenceEqual(_wire.AsSpan(0, (int)length));
    }

    // The packet as it is on the wire, but for the tag: Ethernet, IPv4, UDP.
    private static void WriteUdp(INetworkDevice from, INetworkDevice to, int length, Spoilt spoilt)
    {
        Span<byte> wire = _wire.AsSpan(0, length), header = wire.Slice(Ethernet, Ipv4), udp = wire[(Ethernet + Ipv4)..];
        Pattern(wire, _nextNumber++, 0);
        to.Address.Write(wire);
        from.Address.Write(wire[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(wire[TypeAt..], 0x0800);
        header.Clear();
        header[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)(length - Ethernet));
        (header[6], header[8], header[9]) = (0x40, 64, 17);
        BinaryPrimitives.WriteUInt32BigEndian(header[12..], Addresses);
        BinaryPrimitives.WriteUInt32BigEndian(header[16..], Addresses + 1);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], (ushort)(~Sum(header, 0) ^ (spoilt == Spoilt.Header ? 1 : 0)));
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udp.Length);
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], 0);
        ushort checksum = (ushort)~Sum(udp, PseudoSum(udp.Length));
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], (ushort)((checksum == 0 ? 0xFFFF : checksum) ^ (spoilt == Spoilt.Transport ? 1 : 0)));
    }

    // The same as it is given to the sender: what that puts in is not there yet.
    private static bool TryMakeOffloaded(INetworkDevice from, int length, ushort tag, Spoilt spoilt, out Frame packet)
    {
        FramePool pool = Boot.DmaStart.System.Frames;
        bool inserts = spoilt != Spoilt.Transport && (from.Features & NetworkFeatures.InsertsChecksums) != 0;
        bool tags = tag != 0 && (from.Features & NetworkFeatures.Vlan) != 0, isTagged = tag != 0 && !tags;
        if (!pool.TryTake(out packet))
            return false;
        // The headers in a part of their own, as a stack has them.
        int at = Ethernet + Ipv4 + Udp;
        packet.SetLength((uint)(at + (isTagged ? TagBytes : 0)));
        Span<byte> bytes = packet.Bytes;
        _wire.AsSpan(0, TypeAt).CopyTo(bytes);
        _wire.AsSpan(TypeAt, at - TypeAt).CopyTo(bytes[(isTagged ? TypeAt + TagBytes : TypeAt)..]);
        if (isTagged)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes[TypeAt..], 0x8100);
            BinaryPrimitives.WriteUInt16BigEndian(bytes[(TypeAt + 2)..], tag);
        }
        while (at < length)
        {
            if (!pool.TryTake(out Frame part))
            {
                packet.Free();
                return false;
            }
            int here = Math.Min(length - at, (int)PartBytes);
            part.SetLength((uint)here);
            _wire.AsSpan(at, here).CopyTo(part.Bytes);
            packet.Append(ref part);
            at += here;
        }
        packet.SetFlags(tags ? FrameFlags.Vlan : FrameFlags.None, tags ? tag : (ushort)0);
        if (inserts)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes[ChecksumAt..], PseudoSum(length - Ethernet - Ipv4));
            packet.AskForChecksum(Ethernet + Ipv4, ChecksumAt);
        }
        return true;
    }

    // Addresses, protocol and length, not inverted (RFC 768).
    private static ushort PseudoSum(int bytes)
    {
        const ulong addresses = (Addresses >> 16) * 2 + (Addresses & 0xFFFF) * 2 + 1;
        return Fold(addresses + 17 + (uint)bytes);
    }

    // As RFC 1071 has it, a word at a time: the drivers' and the stack's way is another.
    private static ushort Sum(ReadOnlySpan<byte> bytes, ulong sum)
    {
        for (int i = 0; i < bytes.Length; i++)
            sum += (uint)bytes[i] << ((i & 1) == 0 ? 8 : 0);
        return Fold(sum);
    }

    private static ushort Fold(ulong sum)
    {
        while (sum > ushort.MaxValue)
            sum = (ushort)sum + (sum >> 16);
        return (ushort)sum;
    }
}
