using System.Runtime.CompilerServices;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

// A packet's way in: Ethernet, IPv4, UDP. A length is read once, compared with what is there, and used. What most packets are comes first,
// in a row; everything else is a call.
public sealed unsafe partial class IpInterface
{
    private UdpSocket? _latest;

    // What is known of a packet on its way up.
    private readonly ref struct Arrival(Ipv4Header* header, uint network, uint transport, uint bytes, bool isToMany, bool isOwn)
    {
        public readonly Ipv4Header* Header = header;

        /// <summary>Where the IPv4 header begins in the frame, where what it carries begins, and how long that is.</summary>
        public readonly uint Network = network, Transport = transport, Bytes = bytes;

        /// <summary>Sent to all, or to a group; sent by ourselves.</summary>
        public readonly bool IsToMany = isToMany, IsOwn = isOwn;
    }

    private void Handle(ref Frame frame)
    {
        byte* data = Packet.Data(ref frame);
        uint length = frame.Length;
        if (length < EthernetHeader.Bytes || ((EthernetHeader*)data)->Type != EthernetHeader.Ipv4 || ((frame.Flags & FrameFlags.Vlan) | (FrameFlags)_vlan) != 0)
            HandleOther(ref frame);
        else if (!TryEchoAtOnce(ref frame, data, length))
            HandleIpv4(ref frame, data, EthernetHeader.Bytes, false);
    }

    // A plain datagram for the socket that had the last one, if that sends back what it gets: all that makes it plain is asked for in a row.
    // False, and nothing happened, if it is something else: the long way knows what, and counts it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryEchoAtOnce(ref Frame frame, byte* data, uint length)
    {
        const uint network = EthernetHeader.Bytes, transport = network + Ipv4Header.Bytes;
        var header = (Ipv4Header*)(data + network);
        var udp = (UdpHeader*)(data + transport);
        UdpSocket? socket = _latest;
        if (socket == null || !socket.IsEcho || length < transport + UdpHeader.Bytes || frame.HasRest ||
            header->VersionAndWords != Ipv4Header.Plain || header->Length.Value != length - network || udp->Length.Value != length - transport ||
            (*(uint*)&header->FragmentBits & Ipv4Header.PlainMask) != Ipv4Header.PlainUdp)
            return false;
        uint source = header->Source.Raw, own = _address.Raw;
        if (header->Destination.Raw != own || own == 0 || source == own || !Ipv4Address.FromRaw(source).IsHost)
            return false;
        ushort from = udp->Source.Raw, port = udp->Destination.Raw;
        if (port != socket.RawPort || from == port || from == 0)
            return false;
        FrameFlags flags = frame.Flags;
        if ((flags & FrameFlags.HeaderChecksumGood) == 0 && InternetChecksum.Fold(SumHeader(header, Ipv4Header.Bytes)) != InternetChecksum.Right)
            return false;
        if ((flags & FrameFlags.ChecksumGood) == 0 && udp->Checksum != 0 &&
            InternetChecksum.Fold(InternetChecksum.Sum((byte*)&header->Source, length - transport + 8) + udp->Length.Raw + (Ipv4Header.Udp << 8)) != InternetChecksum.Right)
            return false;
        Counters.Received = Counters.Received + 1;
        var arrival = new Arrival(header, network, transport, length - transport, false, false);
        EchoUdp(ref frame, data, in arrival, udp, socket);
        return true;
    }

    // What is no IPv4, or has a VLAN: a tag in the data, or one that the device took out.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void HandleOther(ref Frame frame)
    {
        uint network = EthernetHeader.Bytes;
        if (frame.Length < network)
        {
            Drop(ref frame, IpCounter.EthernetShort);
            return;
        }
        var ethernet = (EthernetHeader*)Packet.Data(ref frame);
        ushort type = ethernet->Type, vlan = (frame.Flags & FrameFlags.Vlan) != 0 ? frame.VlanTag : (ushort)0;
        if (type == EthernetHeader.Vlan)
        {
            network += EthernetHeader.VlanBytes;
            if (frame.Length < network)
            {
                Drop(ref frame, IpCounter.EthernetShort);
                return;
            }
            vlan = ethernet->Tag.Value;
            type = ethernet->TaggedType;
        }
        if ((vlan & 0xFFF) != _vlan)
            Drop(ref frame, IpCounter.EthernetVlan);
        else if (type == EthernetHeader.Arp)
            HandleArp(ref frame, network);
        else if (type == EthernetHeader.Ipv4)
            HandleIpv4(ref frame, (byte*)ethernet, network, false);
        else
            Drop(ref frame, IpCounter.EthernetType);
    }

    // What we sent to ourselves.
    private void HandleOwn(ref Frame frame) => HandleIpv4(ref frame, Packet.Data(ref frame), LinkBytes, true);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void HandleIpv4(ref Frame frame, byte* data, uint network, bool isOwn)
    {
        var header = (Ipv4Header*)(data + network);
        uint there = frame.Length - network, headerBytes = Ipv4Header.Bytes;
        if (there < Ipv4Header.Bytes)
        {
            Drop(ref frame, IpCounter.Ipv4Short);
            return;
        }
        uint version = header->VersionAndWords;
        if (version != Ipv4Header.Plain)
        {
            // Options are passed over.
            headerBytes = (version & 0xF) * 4;
            if (version >> 4 != 4 || headerBytes < Ipv4Header.Bytes || headerBytes > there)
            {
                Drop(ref frame, version >> 4 != 4 ? IpCounter.Ipv4Version : IpCounter.Ipv4HeaderLength);
                return;
            }
        }
        if (frame.HasRest)
            there = frame.PacketLength - network;
        uint total = header->Length.Value;
        if (total < headerBytes || total > there)
        {
            Drop(ref frame, IpCounter.Ipv4TotalLength);
            return;
        }
        if ((frame.Flags & FrameFlags.HeaderChecksumGood) == 0 && InternetChecksum.Fold(SumHeader(header, headerBytes)) != InternetChecksum.Right)
        {
            Drop(ref frame, IpCounter.Ipv4Checksum);
            return;
        }
        if ((header->FragmentBits & Ipv4Header.Fragment) != 0)
        {
            Drop(ref frame, IpCounter.Ipv4Fragment);
            return;
        }
        if ((!header->Source.IsHost || header->Source.Raw == _address.Raw) && !isOwn)
        {
            Drop(ref frame, IpCounter.Ipv4Source);
            return;
        }
        bool isToMany = false;
        if (header->Destination.Raw != _address.Raw && !IsForUs(header, isOwn, out isToMany))
        {
            Drop(ref frame, IpCounter.Ipv4Destination);
            return;
        }
        // Ethernet's padding, or whatever else is behind.
        if (total != there)
            Packet.Trim(ref frame, network + total);
        Counters.Received = Counters.Received + 1;
        uint protocol = header->Protocol;
        var arrival = new Arrival(header, network, network + headerBytes, total - headerBytes, isToMany, isOwn);
        if (protocol == Ipv4Header.Udp)
            HandleUdp(ref frame, data, in arrival);
        else if (protocol == Ipv4Header.Icmp)
            HandleIcmp(ref frame, in arrival);
        else
            Drop(ref frame, IpCounter.Ipv4Protocol);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong SumHeader(Ipv4Header* header, uint bytes)
    {
        if (bytes != Ipv4Header.Bytes)
            return InternetChecksum.Sum((byte*)header, bytes);
        uint* words = (uint*)header;
        return (ulong)words[0] + words[1] + words[2] + words[3] + words[4];
    }

    // To all, to all of our net, to the group of all hosts; to anybody while we have no address, as a DHCP server's answer
    // goes to the address that it offers (RFC 2131, section 4.1).
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool IsForUs(Ipv4Header* header, bool isOwn, out bool isToMany)
    {
        Ipv4Address destination = header->Destination;
        isToMany = !destination.IsHost && !destination.IsLoopback || destination == _directed;
        if (destination == Ipv4Address.Broadcast || destination == _directed && !_address.IsNone || destination == Ipv4Address.AllHosts)
            return true;
        if (isOwn)
            return destination.IsLoopback;
        return _address.IsNone && header->Protocol == Ipv4Header.Udp && Dhcp.IsWaiting && destination.IsHost;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void HandleUdp(ref Frame frame, byte* data, ref readonly Arrival arrival)
    {
        var udp = (UdpHeader*)(data + arrival.Transport);
        if (arrival.Bytes < UdpHeader.Bytes || frame.Length < arrival.Transport + UdpHeader.Bytes)
        {
            Drop(ref frame, IpCounter.UdpLength);
            return;
        }
        uint bytes = udp->Length.Value;
        if (bytes < UdpHeader.Bytes || bytes > arrival.Bytes)
        {
            Drop(ref frame, IpCounter.UdpLength);
            return;
        }
        if ((frame.Flags & FrameFlags.ChecksumGood) == 0 && udp->Checksum != 0)
        {
            // The pseudo header has the two addresses, which stand right before UDP's header, the protocol and the length.
            bool isPlain = arrival.Transport - arrival.Network == Ipv4Header.Bytes && !frame.HasRest;
            ulong sum = isPlain ? InternetChecksum.Sum((byte*)udp - 8, bytes + 8) : SumOddUdp(ref frame, arrival.Header, arrival.Transport, bytes);
            if (InternetChecksum.Fold(sum + udp->Length.Raw + (Ipv4Header.Udp << 8)) != InternetChecksum.Right)
            {
                Drop(ref frame, IpCounter.UdpChecksum);
                return;
            }
        }
        UdpSocket? socket = _latest;
        if (socket == null || socket.RawPort != udp->Destination.Raw)
        {
            _latest = socket = Find(udp->Destination.Raw);
            if (socket == null)
            {
                Drop(ref frame, IpCounter.UdpNoPort);
                return;
            }
        }
        if (socket.IsEcho)
            CheckAndEchoUdp(ref frame, data, in arrival, udp, socket);
        else
            DeliverUdp(ref frame, in arrival, udp, bytes, socket);
    }

    // In several frames, or behind options.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong SumOddUdp(ref Frame frame, Ipv4Header* header, uint transport, uint bytes) =>
        (ulong)header->Source.Raw + header->Destination.Raw + Packet.Sum(ref frame, transport, bytes);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void DeliverUdp(ref Frame frame, ref readonly Arrival arrival, UdpHeader* udp, uint bytes, UdpSocket socket)
    {
        if (_address.IsNone && socket != Dhcp.Socket)
        {
            Drop(ref frame, IpCounter.UdpNoPort);
            return;
        }
        Ipv4Address source = arrival.Header->Source;
        ushort port = udp->Source.Value;
        if (bytes != arrival.Bytes)
            Packet.Trim(ref frame, arrival.Transport + bytes);
        frame.TrimFront(arrival.Transport + UdpHeader.Bytes);
        if (!socket.TryDeliver(ref frame, source, port))
            Drop(ref frame, IpCounter.UdpQueueFull);
    }

    // Two echo servers would keep each other busy for good; what was sent to many would be answered by many.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CheckAndEchoUdp(ref Frame frame, byte* data, ref readonly Arrival arrival, UdpHeader* udp, UdpSocket socket)
    {
        if (udp->Source.Raw == udp->Destination.Raw || udp->Source.Raw == 0 || arrival.IsToMany || _address.IsNone)
            Drop(ref frame, IpCounter.UdpEchoLoop);
        else
            EchoUdp(ref frame, data, in arrival, udp, socket);
    }

    // Back to where it came from, in its own frame: addresses and ports change places, so no checksum changes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void EchoUdp(ref Frame frame, byte* data, ref readonly Arrival arrival, UdpHeader* udp, UdpSocket socket)
    {
        ushort source = udp->Source.Raw;
        udp->Source.Raw = udp->Destination.Raw;
        udp->Destination.Raw = source;
        socket.Received = socket.Received + 1;
        Counters.DatagramsEchoed = Counters.DatagramsEchoed + 1;
        SendBack(ref frame, data, in arrival);
    }

    // Sends a packet to where it came from: addresses change places.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SendBack(ref Frame packet, byte* data, ref readonly Arrival arrival)
    {
        Ipv4Header* header = arrival.Header;
        uint source = header->Source.Raw;
        header->Source = header->Destination;
        header->Destination = Ipv4Address.FromRaw(source);
        byte left = header->TimeToLive;
        if (left != Ipv4Header.OurTimeToLive)
        {
            header->TimeToLive = Ipv4Header.OurTimeToLive;
            header->Checksum = InternetChecksum.Update(header->Checksum, left, Ipv4Header.OurTimeToLive);
        }
        var ethernet = (EthernetHeader*)data;
        ulong hardware = _hardware.Number;
        ethernet->DestinationLow = ethernet->SourceLow | (uint)(ushort)ethernet->SourceHigh << 16;
        ethernet->DestinationHigh = (ushort)(ethernet->SourceHigh >> 16);
        ethernet->SourceLow = (ushort)hardware;
        ethernet->SourceHigh = (uint)(hardware >> 16);
        if (arrival.IsOwn)
            SendBackToUs(ref packet);
        else
            Enqueue(ref packet);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void SendBackOne(ref Frame packet, ref readonly Arrival arrival) => SendBack(ref packet, Packet.Data(ref packet), in arrival);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void SendBackToUs(ref Frame packet)
    {
        if (_self.IsFull)
            Drop(ref packet, IpCounter.SendFull);
        else
            _self.Push(ref packet);
    }

    // The socket of a port as it lies in packets; null if nobody has it.
    private UdpSocket? Find(ushort port)
    {
        foreach (UdpSocket socket in _sockets)
        {
            if (socket.RawPort == port && port != 0)
                return socket;
        }
        return null;
    }
}
