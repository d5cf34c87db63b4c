using System;
using System.Buffers.Binary;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.Ip1394;

// A packet's way in: a write to our FIFO or a stream packet, a header, a datagram or a part of one; then it is an Ethernet frame in a queue.
// What is read to be looked at is read once, the rest is copied once: it lies among other packets.
public sealed unsafe partial class Ip1394Device
{
    private const int QueueCapacity = 128;

    // Of ARP packets: 512 bytes are the least that a node takes, 16 KiB and S3200 the most that has a code (RFC 2734, section 5).
    private const int LeastRecord = 8, MostRecord = 13, MostSpeed = 5;

    // Neither where controllers serve memory by themselves, nor a node's registers: a GASP packet's source is what its sender says it is.
    private const ulong LeastFifo = 1ul << 32, LastFifo = BusRegisters.Base - 4096;

    private readonly FrameQueue _received = new(QueueCapacity);
    private bool _isArmed;

    /// <inheritdoc/>
    [PacketPath]
    public int Receive(Span<Frame> frames)
    {
        int count = 0;
        while (count < frames.Length && _received.TryPop(out frames[count]))
            count++;
        return count;
    }

    /// <inheritdoc/>
    [PacketPath]
    public bool Arm()
    {
        if (_received.Count != 0)
            return true;
        _isArmed = true;
        return false;
    }

    /// <summary>Takes the data of a stream packet on <see cref="Channel"/>; valid in this call.</summary>
    [PacketPath]
    public void OnStream(ReadOnlySpan<byte> data)
    {
        if (data.Length < GaspHeader.Bytes)
        {
            Drops.ForeignGasp++;
            return;
        }
        ulong words = BinaryPrimitives.ReadUInt64BigEndian(data);
        var gasp = new GaspHeader((uint)(words >> 32), (uint)words);
        if (gasp.Specifier != Ip1394Unit.Specifier || gasp.Version != Ip1394Unit.Version || gasp.Source < PacketHeader.LocalBus)
            Drops.ForeignGasp++;
        else
            Take(gasp.Source & 0x3F, isToAll: true, data.Slice(GaspHeader.Bytes));
    }

    [PacketPath]
    private ResponseCode TakeWrite(in IncomingRequest request, ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset != Fifo)
        {
            Drops.BadAddress++;
            return ResponseCode.AddressError;
        }
        if (request.IsBroadcast)
            Drops.Broadcast++;
        else
            Take(request.Node, isToAll: false, data);
        return ResponseCode.Complete;
    }

    private void Take(int node, bool isToAll, ReadOnlySpan<byte> data)
    {
        Peer? peer = _bus.IsUp ? PeerOf(node) : null;
        if (peer == null)
        {
            Drops.UnknownSource++;
            return;
        }
        if (data.Length <= EncapsulationHeader.WholeBytes)
        {
            Drops.BadLength++;
            return;
        }
        uint q0 = BinaryPrimitives.ReadUInt32BigEndian(data);
        if (q0 >> 30 != (uint)LinkFragment.Whole)
            TakeFragment(peer, isToAll, q0, data);
        else if ((ushort)q0 == EncapsulationHeader.Ipv4)
            TakeDatagram(peer, isToAll, data.Slice(EncapsulationHeader.WholeBytes));
        else if ((ushort)q0 == EncapsulationHeader.Arp)
            TakeArp(peer, isToAll, data.Slice(EncapsulationHeader.WholeBytes));
        else
            Drops.BadType++;
    }

    // Who sent it, by a number of this bus; null if his ROM is not known.
    private Peer? PeerOf(int node)
    {
        Peer? peer = _peers.At(node);
        if (peer != null)
            return peer;
        RomImage? rom = _nodes.ImageOf(node);
        return rom == null || rom.Guid == 0 ? null : _peers.Place(node, rom.Guid);
    }

    private void TakeDatagram(Peer peer, bool isToAll, ReadOnlySpan<byte> data)
    {
        if (data.Length > Reassembly.Longest)
        {
            Drops.BadLength++;
            return;
        }
        if (!TryTakeFrame((uint)data.Length, out Frame frame))
            return;
        data.CopyTo(frame.Bytes.Slice((int)EthernetHeader.Bytes));
        Push(peer, isToAll, EthernetHeader.Ipv4, ref frame);
    }

    private void TakeFragment(Peer peer, bool isToAll, uint q0, ReadOnlySpan<byte> data)
    {
        if (data.Length <= EncapsulationHeader.FragmentBytes)
        {
            Drops.BadLength++;
            return;
        }
        var header = new EncapsulationHeader(q0, BinaryPrimitives.ReadUInt32BigEndian(data.Slice(4)));
        uint source = (uint)peer.Node | (isToAll ? 0x100u : 0);
        ulong now = Clock.Microseconds;
        if (_reassembly.TryAdd(source, header, data.Slice(EncapsulationHeader.FragmentBytes), now, ref Drops, out Frame frame, out ushort type))
        {
            // No other kind is so long that it comes in parts.
            if (type != EncapsulationHeader.Ipv4)
                Drops.BadType++;
            else if (_received.IsFull)
                _counters.Missed++;
            else
                Push(peer, isToAll, EthernetHeader.Ipv4, ref frame);
            if (!frame.IsEmpty)
                frame.Free();
        }
        else if (!_timer.IsRunning && _reassembly.Count != 0)
        {
            _timer.StartAt(now + Reassembly.Patience);
        }
    }

    private void TakeArp(Peer peer, bool isToAll, ReadOnlySpan<byte> data)
    {
        if (!Arp1394.TryRead(data, out Arp1394 arp))
        {
            Drops.BadArp++;
            return;
        }
        // Otherwise a node could have us write to any address of another one.
        if (arp.Guid != peer.Guid)
        {
            Drops.ForeignArp++;
            return;
        }
        if (arp.MaxRecord is < LeastRecord or > MostRecord || arp.Speed > MostSpeed || arp.Fifo is < LeastFifo or > LastFifo)
        {
            Drops.BadReach++;
            return;
        }
        (peer.Fifo, peer.MostBytes) = (arp.Fifo, 2 << arp.MaxRecord);
        peer.Speed = arp.Speed < (byte)BusSpeed.S800 ? (BusSpeed)arp.Speed : BusSpeed.S800;
        if (!TryTakeFrame(ArpPacket.Bytes, out Frame frame))
            return;
        var packet = (ArpPacket*)(Packet.Data(ref frame) + EthernetHeader.Bytes);
        *packet = default;
        *(ulong*)packet = ArpPacket.Kind | (ulong)Big16.RawOf(arp.Operation) << 48;
        packet->Sender = peer.Address;
        packet->SenderProtocol = arp.Sender;
        packet->TargetProtocol = arp.Target;
        Push(peer, isToAll, EthernetHeader.Arp, ref frame);
    }

    // A frame for so many bytes behind an Ethernet header; false, and counted, if there is none or the queue is full.
    private bool TryTakeFrame(uint bytes, out Frame frame)
    {
        frame = default;
        if (_received.IsFull)
        {
            _counters.Missed++;
            return false;
        }
        if (!_frames.TryTake(out frame))
        {
            _counters.NoFrames++;
            return false;
        }
        frame.Reserve(Reassembly.Reserve);
        frame.SetLength(EthernetHeader.Bytes + bytes);
        return true;
    }

    private void Push(Peer peer, bool isToAll, ushort type, ref Frame frame)
    {
        var ethernet = (EthernetHeader*)Packet.Data(ref frame);
        ethernet->Set(isToAll ? MacAddress.Broadcast : Address, peer.Address);
        ethernet->Type = type;
        _counters.Received = _counters.Received + 1;
        _counters.ReceivedBytes = _counters.ReceivedBytes + frame.Length;
        _received.Push(ref frame);
        Announce();
    }

    private void Announce()
    {
        if (!_isArmed)
            return;
        _isArmed = false;
        Listener?.Mark();
    }
}
