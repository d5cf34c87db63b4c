using System;
using System.Buffers.Binary;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.Ip1394;

// A packet's way out. What fits goes in its own frame, its Ethernet header replaced by those of the bus, which are shorter; what does not
// fit, or lies in several frames, is copied into fragments.
public sealed unsafe partial class Ip1394Device : ITransactionHandler, IStreamHandler
{
    // Packets under way at most: below a node's 64 labels, and more than the fragments of the longest datagram.
    private const int MostWrites = 32, MostStreams = 16;

    // To all: so fast that everybody hears it (RFC 2734, section 6, leaves no other way to know).
    private const BusSpeed SpeedToAll = BusSpeed.S100;

    private readonly Write[] _writes = new Write[MostWrites];
    private readonly Stream[] _streams = new Stream[MostStreams];
    private int _freeWrites, _freeStreams;
    private ushort _label;
    private bool _isFull;

    /// <inheritdoc/>
    [PacketPath]
    public int Transmit(Span<Frame> frames)
    {
        int count = 0;
        while (count < frames.Length && TrySend(ref frames[count]))
            count++;
        return count;
    }

    /// <inheritdoc/>
    [PacketPath]
    public void OnDone(Transaction transaction)
    {
        Drops.NotTaken += transaction.Result == TransactionResult.Complete ? 0 : 1u;
        _writes[_freeWrites++].Transaction = transaction;
        NoteRoom();
    }

    /// <inheritdoc/>
    [PacketPath]
    public void OnSent(StreamPacket packet)
    {
        Drops.NotTaken += packet.Result == TransactionResult.Complete ? 0 : 1u;
        _streams[_freeStreams++].Packet = packet;
        NoteRoom();
    }

    private void MakeRecords()
    {
        while (_freeWrites < MostWrites)
            _writes[_freeWrites++].Transaction = new Transaction(this);
        while (_freeStreams < MostStreams)
            _streams[_freeStreams++].Packet = new StreamPacket(this);
    }

    private void NoteRoom()
    {
        if (!_isFull)
            return;
        _isFull = false;
        Listener?.Mark();
    }

    // False if there is no room now; else the packet was taken, sent or not.
    private bool TrySend(ref Frame packet)
    {
        uint length = packet.PacketLength;
        if (packet.Length < EthernetHeader.Bytes || length == EthernetHeader.Bytes || length > LongestFrame)
            return Drop(ref packet);
        var ethernet = (EthernetHeader*)Packet.Data(ref packet);
        ushort type = BinaryPrimitives.ReverseEndianness(ethernet->Type);
        int bytes = type == EncapsulationHeader.Arp ? Arp1394.Bytes : (int)(length - EthernetHeader.Bytes);
        MacAddress destination = ethernet->Destination;
        Way way;
        if (destination.IsGroup)
        {
            if (!_bus.IsUp || (_bus.Registers.Broadcast & BusRegisters.IsValid) == 0)
            {
                Drops.NoChannel++;
                return Drop(ref packet);
            }
            way = new Way(null, SpeedToAll, SpeedToAll.MostBytes - GaspHeader.Bytes);
        }
        else
        {
            Peer? peer = _peers.Find(destination);
            if (peer == null || peer.Fifo == 0)
            {
                Drops.NoPeer++;
                return Drop(ref packet);
            }
            if (peer.Node == Peers.Away || !_bus.IsUp)
            {
                Drops.NotThere++;
                return Drop(ref packet);
            }
            BusSpeed speed = _bus.SpeedTo(peer.Node);
            if (peer.Speed < speed)
                speed = peer.Speed;
            way = new Way(peer, speed, Math.Min(speed.MostBytes, peer.MostBytes));
        }
        int step = way.Most - EncapsulationHeader.FragmentBytes;
        int parts = bytes + EncapsulationHeader.WholeBytes <= way.Most ? 1 : (bytes + step - 1) / step;
        if ((way.Peer == null ? _freeStreams : _freeWrites) < parts)
        {
            _isFull = true;
            return false;
        }
        if (type == EncapsulationHeader.Arp && !TryTranslate(ref packet))
            return Drop(ref packet);
        _counters.Sent = _counters.Sent + 1;
        _counters.SentBytes = _counters.SentBytes + length;
        if (parts == 1 && !packet.HasRest)
        {
            packet.TrimFront(EthernetHeader.Bytes - EncapsulationHeader.WholeBytes);
            *(uint*)Packet.Data(ref packet) = BinaryPrimitives.ReverseEndianness((uint)type);
            Give(way, ref packet);
            return true;
        }
        packet.TrimFront(EthernetHeader.Bytes);
        SendCopies(ref packet, way, type, bytes, parts == 1 ? bytes : step);
        return true;
    }

    private bool Drop(ref Frame packet)
    {
        _counters.SendDropped++;
        packet.Free();
        return true;
    }

    // An ARP packet of Ethernet's into the bus's, an Ethernet header before it as there was.
    private bool TryTranslate(ref Frame packet)
    {
        var from = (ArpPacket*)(Packet.Data(ref packet) + EthernetHeader.Bytes);
        if (packet.HasRest || packet.Length < EthernetHeader.Bytes + ArpPacket.Bytes || !from->IsForEthernetAndIpv4)
            return false;
        Arp1394 arp = default;
        arp.Operation = BinaryPrimitives.ReverseEndianness(from->Operation);
        arp.Guid = Guid;
        arp.MaxRecord = (byte)(_bus.Controller.Options.Quadlet >> 12 & 0xF);
        arp.Speed = (byte)OwnSpeed;
        arp.Fifo = Fifo;
        arp.Sender = from->SenderProtocol;
        arp.Target = from->TargetProtocol;
        packet.SetLength(EthernetHeader.Bytes + Arp1394.Bytes);
        arp.Write(packet.Bytes.Slice((int)EthernetHeader.Bytes));
        return true;
    }

    private void SendCopies(ref Frame packet, Way way, ushort type, int bytes, int step)
    {
        ushort label = way.Peer == null ? _label++ : way.Peer.Label++;
        for (int offset = 0; offset < bytes; offset += step)
        {
            if (!_frames.TryTake(out Frame part))
            {
                _counters.SendDropped++;
                break;
            }
            int here = Math.Min(step, bytes - offset);
            part.Reserve(GaspHeader.Bytes + EncapsulationHeader.FragmentBytes);
            part.SetLength((uint)here);
            Packet.CopyTo(ref packet, (uint)offset, part.Bytes);
            if (here == bytes)
            {
                Put(way, EncapsulationHeader.Whole(type), EncapsulationHeader.WholeBytes, ref part);
                break;
            }
            Drops.FragmentsSent++;
            Put(way, EncapsulationHeader.Fragment(type, bytes, offset, here, label), EncapsulationHeader.FragmentBytes, ref part);
        }
        packet.Free();
    }

    // Puts a header before a part of a datagram, and gives it to the bus.
    private void Put(Way way, EncapsulationHeader header, uint headerBytes, ref Frame packet)
    {
        packet.ExtendFront(headerBytes);
        byte* data = Packet.Data(ref packet);
        *(uint*)data = BinaryPrimitives.ReverseEndianness(header.Q0);
        if (headerBytes == EncapsulationHeader.FragmentBytes)
            *(uint*)(data + 4) = BinaryPrimitives.ReverseEndianness(header.Q1);
        Give(way, ref packet);
    }

    private void Give(Way way, ref Frame packet)
    {
        if (way.Peer is { } peer)
        {
            Transaction write = _writes[--_freeWrites].Transaction!;
            write.Most = way.Speed;
            _bus.Submit(write.WriteBlock(peer.Node, _bus.Generation, peer.Fifo, ref packet));
            return;
        }
        packet.ExtendFront(GaspHeader.Bytes);
        var gasp = GaspHeader.Of(_bus.NodeId, Ip1394Unit.Specifier, Ip1394Unit.Version);
        *(ulong*)Packet.Data(ref packet) = BinaryPrimitives.ReverseEndianness((ulong)gasp.Q0 << 32 | gasp.Q1);
        StreamPacket stream = _streams[--_freeStreams].Packet!;
        _bus.Send(stream.Fill(_bus.Generation, Channel, GaspHeader.Tag, 0, way.Speed, ref packet));
    }

    // To a node, or to all; how fast, and with how many bytes in a packet behind a GASP header.
    private readonly struct Way(Peer? peer, BusSpeed speed, int most)
    {
        public readonly Peer? Peer = peer;
        public readonly BusSpeed Speed = speed;
        public readonly int Most = most;
    }

    // In structures, as storing into an array of objects asks what they are.
    private struct Write
    {
        public Transaction? Transaction;
    }

    private struct Stream
    {
        public StreamPacket? Packet;
    }
}
