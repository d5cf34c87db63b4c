using System;
using System.Runtime.CompilerServices;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

// A packet's way out. Headers are put before the data, into room that was left there.
public sealed unsafe partial class IpInterface
{
    // Ethernet with a tag, IPv4, UDP; a multiple of 16, and 2 more, so that what follows the headers is aligned.
    private const uint Headroom = 48;

    private const ulong RetryMicroseconds = 1_000;

    /// <summary>The most data that one datagram, or one echo, carries here.</summary>
    public uint LongestPayload => _device.LongestFrame - EthernetHeader.Bytes - Ipv4Header.Bytes - UdpHeader.Bytes;

    /// <summary>A frame without data and with room for headers before it. False, and counted, if there is none.</summary>
    public bool TryTakeFrame(out Frame frame)
    {
        if (!_pool.TryTake(out frame))
        {
            Counters.Add(IpCounter.SendNoFrame);
            return false;
        }
        frame.Reserve(Headroom);
        return true;
    }

    /// <summary>
    /// A packet with room for headers, its data <paramref name="bytes"/> long, in as many frames as that takes. Its data are somebody's old bytes.
    /// </summary>
    internal bool TryTakePacket(uint bytes, out Frame packet)
    {
        if (!TryTakeFrame(out packet))
            return false;
        uint here = Math.Min(bytes, packet.Room);
        packet.SetLength(here);
        for (bytes -= here; bytes != 0; bytes -= here)
        {
            if (!_pool.TryTake(out Frame more))
            {
                packet.Free();
                Counters.Add(IpCounter.SendNoFrame);
                return false;
            }
            here = Math.Min(bytes, Frame.PageBytes);
            more.SetLength(here);
            packet.Append(ref more);
        }
        return true;
    }

    internal bool TrySendUdp(ref Frame payload, ushort sourcePort, Ipv4Address destination, ushort port)
    {
        uint bytes = payload.PacketLength + UdpHeader.Bytes;
        if (bytes > LongestPayload + UdpHeader.Bytes)
        {
            Drop(ref payload, IpCounter.SendTooLong);
            return false;
        }
        payload.ExtendFront(UdpHeader.Bytes);
        var udp = (UdpHeader*)Packet.Data(ref payload);
        udp->Source.Value = sourcePort;
        udp->Destination.Value = port;
        udp->Length.Value = (ushort)bytes;
        Ipv4Address source = SourceFor(destination);
        ulong pseudo = (ulong)source.Raw + destination.Raw + (Ipv4Header.Udp << 8) + udp->Length.Raw;
        payload.SetFlags(FrameFlags.None);
        udp->Checksum = 0;
        if (_deviceInsertsChecksums && !IsOwn(destination))
        {
            udp->Checksum = InternetChecksum.Fold(pseudo);
            uint start = Ipv4Header.Bytes + LinkBytes;
            payload.AskForChecksum(start, start + 6);
        }
        else
        {
            ushort checksum = InternetChecksum.Finish(pseudo + Packet.Sum(ref payload, 0, bytes));
            // Zero would mean that there is none (RFC 768).
            udp->Checksum = checksum == 0 ? (ushort)0xFFFF : checksum;
        }
        return TrySendIpv4(ref payload, source, destination, Ipv4Header.Udp);
    }

    // Before the data: 14, or 18 with a tag that the device does not put in itself.
    private uint LinkBytes => _vlan != 0 && !_deviceTags ? EthernetHeader.Bytes + EthernetHeader.VlanBytes : EthernetHeader.Bytes;

    private bool IsOwn(Ipv4Address destination) => destination == _address && !_address.IsNone || destination.IsLoopback;

    private Ipv4Address SourceFor(Ipv4Address destination) => destination.IsLoopback ? destination : _address;

    // Puts an IPv4 header before a packet and sends it; the packet is taken in any case.
    private bool TrySendIpv4(ref Frame packet, Ipv4Address source, Ipv4Address destination, byte protocol)
    {
        packet.ExtendFront(Ipv4Header.Bytes);
        var header = (Ipv4Header*)Packet.Data(ref packet);
        header->VersionAndWords = Ipv4Header.Plain;
        header->Service = 0;
        header->Length.Value = (ushort)packet.PacketLength;
        header->Identification = _identification++;
        header->FragmentBits = Ipv4Header.DoNotFragment;
        header->TimeToLive = Ipv4Header.OurTimeToLive;
        header->Protocol = protocol;
        header->Checksum = 0;
        header->Source = source;
        header->Destination = destination;
        header->Checksum = InternetChecksum.Finish(SumHeader(header, Ipv4Header.Bytes));
        packet.ExtendFront(LinkBytes);
        var ethernet = (EthernetHeader*)Packet.Data(ref packet);
        SetType(ref packet, ethernet, EthernetHeader.Ipv4);
        if (IsOwn(destination))
        {
            ethernet->Set(_hardware, _hardware);
            if (_self.IsFull)
            {
                Drop(ref packet, IpCounter.SendFull);
                return false;
            }
            _self.Push(ref packet);
            _work.Mark();
            return true;
        }
        MacAddress to;
        if (destination == Ipv4Address.Broadcast || destination == _directed && !_address.IsNone)
        {
            to = MacAddress.Broadcast;
        }
        else if (destination.IsMulticast)
        {
            to = destination.GroupAddress;
        }
        else
        {
            Ipv4Address next = IsOnLink(destination) ? destination : Gateway;
            if (next.IsNone)
            {
                Drop(ref packet, IpCounter.SendNoRoute);
                return false;
            }
            if (!TryResolve(next, ref packet, out to))
                return true;
        }
        ethernet->Set(to, _hardware);
        EnqueueOne(ref packet);
        _work.Mark();
        return true;
    }

    // What kind of frame it is, with the tag of our VLAN if we have one.
    private void SetType(ref Frame packet, EthernetHeader* ethernet, ushort type)
    {
        ethernet->Type = type;
        if (_vlan == 0)
            return;
        if (_deviceTags)
        {
            packet.SetFlags(packet.Flags | FrameFlags.Vlan, _vlan);
            return;
        }
        ethernet->Type = EthernetHeader.Vlan;
        ethernet->Tag.Value = _vlan;
        ethernet->TaggedType = type;
    }

    // Into the batch that goes to the device at the end of this turn.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Enqueue(ref Frame packet)
    {
        int count = _outCount;
        if (count >= OutCapacity)
        {
            EnqueueOne(ref packet);
            return;
        }
        _out[count] = Own.Move(ref packet);
        _outCount = count + 1;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EnqueueOne(ref Frame packet)
    {
        if (_outCount == OutCapacity)
            Flush();
        if (_outCount == OutCapacity)
            Drop(ref packet, IpCounter.SendFull);
        else
            _out[_outCount++] = Own.Move(ref packet);
    }

    // Gives the batch to the device. What it does not take now is tried again in a millisecond.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Flush()
    {
        if (!_device.Link.IsUp)
        {
            // It would go out when the link is back, long after anybody waits for it.
            for (int i = 0; i < _outCount; i++)
                Drop(ref _out[i], IpCounter.SendLinkDown);
            _outCount = 0;
            return;
        }
        int sent = _device.Transmit(new Span<Frame>(_out, 0, _outCount));
        Counters.Sent += (uint)sent;
        int left = _outCount - sent;
        for (int i = 0; i < left; i++)
            _out[i] = Own.Move(ref _out[sent + i]);
        _outCount = left;
        _retryAt = left == 0 ? ulong.MaxValue : Clock.Microseconds + RetryMicroseconds;
    }
}
