using System;
using System.Buffers.Binary;
using Sluice.Dma;
using Sluice.Drivers.Ip1394;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Tests.Fuzz.FireWire;

/// <summary>Somebody who speaks IPv4 with a neighbour, which sends whatever could come.</summary>
internal sealed class IpUser : IBusUser
{
    private const uint Neighbour = IpNode.DefaultAddress, Ours = Neighbour - 1;
    private const ushort EchoPort = 7, DiscardPort = 9, OwnPort = 5000;
    private const int MostBytes = 2048;

    private static readonly (string Name, System.Reflection.FieldInfo Field)[] _counters = Array.ConvertAll(typeof(Ip1394Counters).GetFields(), field => ("IPv4: " + field.Name, field));

    private readonly Surroundings _around;
    private readonly Choices _choices;
    private readonly IpNode _neighbour = new(new BusInformation(0x1B4, MaxRecord: 10));
    private readonly Ip1394Device _device;
    private readonly BroadcastReceiver _receiver;
    private readonly IpInterface _ip;
    private UdpSocket _socket = null!;
    private readonly byte[] _packet = new byte[MostBytes];

    public IpUser(Surroundings around, RemoteNodes nodes)
    {
        (_around, _choices) = (around, around.Choices);
        _choices.Tell("somebody speaks IPv4");
        _device = new Ip1394Device(around.Driver.Bus, nodes, around.Machine.Pool, [.. "ip1394"u8]);
        _receiver = new BroadcastReceiver(_device, around.Driver.Bus, around.Driver, around.Dma);
        _ip = new IpInterface(_device, around.Machine.Pool, 1);
        _ip.Configure(Address(Ours), 24, default);
        Open();
        around.Plug(_neighbour);
    }

    /// <inheritdoc/>
    public void Use()
    {
        Ipv4Address to = Address(_choices.Pick(8, 1, 1) switch { 0 => Neighbour, 1 => uint.MaxValue, _ => Neighbour + 7 });
        int times = 1 + (_choices.OneIn(4) ? _choices.Small(32) : 0), bytes = _choices.Small(4000);
        _choices.Tell($"{times} datagrams of {bytes} bytes are sent");
        for (int i = 0; i < times; i++)
            Send(to, bytes, _choices.OneIn(2) ? EchoPort : DiscardPort);
        Take();
    }

    /// <summary>Parts of datagrams come, in order or not, to us or to all; ARP packets; anything.</summary>
    public void Disturb()
    {
        int datagram = 1 + _choices.Small(4096), part = 8 * (1 + _choices.Small(128)), times = 1 + _choices.Small(16), label = _choices.Below(3);
        bool isInOrder = _choices.OneIn(2), isToAll = _choices.OneIn(3);
        int kind = _choices.Pick(6, 2, 2);
        _choices.Tell($"{times} packets of IPv4 come, of kind {kind}, {(isToAll ? "to all" : "to us")}");
        for ((int i, int offset) = (0, 0); i < times; i++)
        {
            int bytes = kind switch { 0 => Fragment(datagram, ref offset, part, label, isInOrder), 1 => Arp(), _ => Anything() };
            Write(_packet.AsSpan(0, bytes), isToAll);
        }
        _around.Advance(1_000);
        Take();
    }

    /// <inheritdoc/>
    public void MustWork()
    {
        for (int i = 0; i < 40 && !_device.Link.IsUp; i++)
            _around.Advance(500_000);
        Surroundings.Must(_device.Link.IsUp, "a good bus has no link");
        long echoed = _neighbour.Echoed;
        // It has forgotten with the bus reset where we are, and hears so when it is asked.
        _ip.Clear();
        Open();
        bool isBack = false;
        for (int i = 0; i < 10 && !isBack; i++)
        {
            Take();
            Send(Address(Neighbour), 999, EchoPort);
            _around.Advance(1_000_000);
            while (_socket.TryTake(out Frame frame, out _))
            {
                isBack |= frame.PacketLength == 999;
                frame.Free();
            }
        }
        Surroundings.Must(isBack, "a good neighbour is not reached", $"{_neighbour.Echoed - echoed} sent back");
        _around.Outcomes.Add("IPv4: reached after all");
    }

    /// <inheritdoc/>
    public void End()
    {
        Take();
        _ip.Clear();
        _device.Clear();
        object counters = _device.Drops;
        foreach ((string name, System.Reflection.FieldInfo field) in _counters)
            _around.Outcomes.Add(name, Convert.ToUInt64(field.GetValue(counters)));
        _around.Outcomes.Add("IPv4: received", _device.Counters.Received);
        _around.Outcomes.Add("IPv4: sent", _device.Counters.Sent);
        _around.Outcomes.Add("IPv4: bad packets to all", _receiver.Bad);
    }

    private static Ipv4Address Address(uint value) => Ipv4Address.FromRaw(BinaryPrimitives.ReverseEndianness(value));

    private void Open()
    {
        Surroundings.Must(_ip.TryOpen(OwnPort, out UdpSocket? socket) && _ip.TryOpen(EchoPort, out _, isEcho: true), "a new interface has no sockets");
        _socket = socket!;
    }

    private void Send(Ipv4Address to, int bytes, ushort port)
    {
        if (!_ip.TryTakePacket((uint)bytes, out Frame packet))
            return;
        Clear(ref packet);
        _socket.TrySend(ref packet, to, port);
    }

    private static void Clear(ref Frame frame)
    {
        frame.Bytes.Clear();
        if (!frame.HasRest)
            return;
        Frame rest = frame.TakeRest();
        Clear(ref rest);
        frame.Append(ref rest);
    }

    private void Take()
    {
        while (_socket.TryTake(out Frame frame, out _))
            frame.Free();
    }

    // What is more than the datagram has goes into the next one.
    private int Fragment(int datagram, ref int offset, int part, int label, bool isInOrder)
    {
        if (!isInOrder)
            offset = _choices.Small(4096);
        if (offset >= datagram && isInOrder)
            offset = 0;
        int bytes = isInOrder ? Math.Min(part, datagram - offset) : part;
        EncapsulationHeader header = EncapsulationHeader.Fragment(EncapsulationHeader.Ipv4, datagram, offset, bytes, (ushort)label);
        BinaryPrimitives.WriteUInt32BigEndian(_packet, header.Q0 ^ (_choices.OneIn(16) ? 1u << _choices.Below(32) : 0));
        BinaryPrimitives.WriteUInt32BigEndian(_packet.AsSpan(4), header.Q1);
        _choices.Fill(_packet.AsSpan(8, bytes));
        // The beginning of a datagram for us.
        if (offset == 0)
            Ipv4(_packet.AsSpan(8), datagram);
        offset += bytes;
        return 8 + bytes;
    }

    private static void Ipv4(Span<byte> ip, int bytes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(ip, 0x4500_0000 | (uint)bytes & 0xFFFF);
        BinaryPrimitives.WriteUInt32BigEndian(ip[8..], 0x4011_0000);
        BinaryPrimitives.WriteUInt32BigEndian(ip[12..], Neighbour);
        BinaryPrimitives.WriteUInt32BigEndian(ip[16..], Ours);
    }

    private int Arp()
    {
        var arp = new Arp1394
        {
            Operation = (ushort)(1 + _choices.Below(2)),
            Guid = _choices.OneIn(4) ? _choices.Word() : _neighbour.Information.Guid,
            MaxRecord = _choices.OneIn(4) ? (byte)_choices.Word() : (byte)10,
            Speed = _choices.OneIn(4) ? (byte)_choices.Word() : (byte)2,
            Fifo = _choices.OneIn(4) ? (ulong)_choices.Word() << 16 : IpNode.Fifo,
            Sender = Address(_choices.OneIn(4) ? _choices.Word() : Neighbour),
            Target = Address(Ours),
        };
        BinaryPrimitives.WriteUInt32BigEndian(_packet, EncapsulationHeader.Arp);
        arp.Write(_packet.AsSpan(4));
        return 4 + Arp1394.Bytes;
    }

    private int Anything()
    {
        int bytes = 1 + _choices.Small(MostBytes - 8);
        _choices.Fill(_packet.AsSpan(0, bytes));
        if (_choices.OneIn(2) && bytes >= 4)
            BinaryPrimitives.WriteUInt32BigEndian(_packet, _choices.OneIn(2) ? EncapsulationHeader.Ipv4 : _choices.Word());
        return bytes;
    }

    // Before what is said to all: who says it, and that it is IPv4's (RFC 2734, section 4.3).
    private void Write(ReadOnlySpan<byte> packet, bool isToAll)
    {
        if (!isToAll || packet.Length > MostBytes - 8)
        {
            _neighbour.TryWrite(_around.Us, Ip1394Device.Fifo + (_choices.OneIn(16) ? 8u : 0), packet, (_, _) => { });
            return;
        }
        byte[] said = new byte[(8 + packet.Length + 3) & ~3];
        ushort source = (ushort)(0xFFC0 | (_choices.OneIn(8) ? _choices.Below(64) : _neighbour.Phy.PhysicalId));
        BinaryPrimitives.WriteUInt64BigEndian(said, (ulong)source << 48 | (_choices.OneIn(16) ? _choices.Word() : 0x5Eu) << 24 | 1);
        packet.CopyTo(said.AsSpan(8));
        const uint toAll = 3 << 14 | Ip1394Device.Channel << 8 | 0xA0;
        _around.Card.ReceiveStream((uint)(8 + packet.Length) << 16 | toAll, said[..(8 + packet.Length)]);
    }
}
