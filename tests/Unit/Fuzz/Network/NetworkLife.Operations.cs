using System;
using System.Collections.Generic;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Tests.Fuzz.Network;

// What the driver's users do, and when the card does what it should not.
internal sealed partial class NetworkLife
{
    private const int MostBatch = 32;

    private readonly Frame[] _batch = new Frame[MostBatch];
    private readonly TftpClient _tftp = new();
    private readonly Pinger _pinger = new();

    private void MakeStack()
    {
        _choices.Tell("the IPv4 stack has it");
        _ip = new IpInterface(_device!, _machine.Pool, 1);
        if (_choices.Pick(2, 1) == 0)
            _ip.Configure(Peer.Ours, 24, default);
        else
            _ip.Dhcp.TryStart();
        Must(_ip.TryOpen(Peer.EchoPort, out _, isEcho: true) && _ip.TryOpen(Peer.QueuePort, out _), "a new interface has no sockets");
    }

    private void MakeListener()
    {
        _choices.Tell("it is used by hand");
        if (_choices.Pick(3, 1) == 0)
            _device!.Listener = new WorkItem(new Drain(this));
    }

    protected override bool TryOperate()
    {
        switch (_choices.Pick(2, 7, 4, 3, 10, 10, 14, 8, 1, 1, 2, 4, 1, 1))
        {
            case 0:
                return false;
            case 1:
                AdvanceOneOf([100, 2_000, 50_000, 1_100_000, 4_200_000, 70_000_000], 30, 30, 20, 40, 10, 1);
                break;
            case 2:
                SendPlain();
                break;
            case 3:
                SendOdd();
                break;
            case 4:
                ReceiveSome();
                break;
            case 5:
                _card.Bus.Do(_card.ChooseMisdeed(_choices));
                break;
            case 6:
                Plan();
                break;
            case 7:
                Advance(10);
                break;
            case 8:
                SetMode();
                break;
            case 9:
                _choices.Tell("restart");
                Call("restart", () =>
                {
                    _kind.Restart(_driver!);
                    return true;
                });
                break;
            case 10:
                Call("an operation of its own", () =>
                {
                    _kind.Operate(_driver!, _choices);
                    return true;
                });
                break;
            case 11:
                if (_ip != null)
                    UseStack(_ip);
                else
                    UseByHand();
                break;
            case 12:
                Starve();
                break;
            default:
                Call("counters", () => _device!.Counters);
                break;
        }
        return true;
    }

    private void SendPlain()
    {
        int wanted = 1 + _choices.Small(MostBatch), count = 0;
        uint length = _choices.Pick(3, 2, 1) switch { 0 => 60, 1 => 1514, _ => (uint)_choices.Small(4097) };
        while (count < wanted && _machine.Pool.TryTake(out _batch[count]))
        {
            _batch[count].SetLength(Math.Max(1, length));
            _batch[count].Bytes.Clear();
            _batch[count++].SetFlags(FrameFlags.None);
        }
        _choices.Tell($"{count} frames of {length} bytes are sent");
        Send(count);
    }

    private void SendOdd()
    {
        int parts = 1 + _choices.Small(70);
        Frame packet = default;
        for (int i = 0; i < parts && _machine.Pool.TryTake(out Frame part); i++)
        {
            part.Reserve((uint)_choices.Small(64));
            part.SetLength((uint)_choices.Small((int)part.Room));
            part.Bytes.Clear();
            part.SetFlags(FrameFlags.None);
            if (packet.IsEmpty)
                packet = part;
            else
                packet.Append(ref part);
        }
        if (packet.IsEmpty)
            return;
        if (_choices.OneIn(2))
            packet.SetFlags(FrameFlags.Vlan, (ushort)_choices.Below(1 << 16));
        if (_choices.OneIn(2))
            packet.AskForChecksum((uint)_choices.Small(1 << 16), (uint)_choices.Small(1 << 16));
        _choices.Tell($"a packet of {packet.PacketLength} bytes in at most {parts} parts is sent");
        _batch[0] = packet;
        Send(1);
    }

    // What is not taken is freed.
    private void Send(int count)
    {
        int taken = Call("transmit", () => _device!.Transmit(_batch.AsSpan(0, count)));
        for (int i = taken; i < count; i++)
            _batch[i].Free();
    }

    private void ReceiveSome()
    {
        const int most = 12;
        bool goesOn = true;
        for (int i = 0; i < most && goesOn; i++)
        {
            int span = _choices.BeginSpan();
            ReceiveOne();
            goesOn = i + 1 < most && _choices.Pick(1, 3) != 0;
            if (i + 1 == most)
                _choices.End();
            _choices.EndSpan(span);
        }
    }

    private void ReceiveOne()
    {
        byte[] frame = _peer.Choose(_choices, _card.Sent);
        bool asItIs = frame.Length < 60 || _choices.OneIn(3);
        uint findings = asItIs ? _choices.Word() : 0;
        int times = _choices.OneIn(20) ? 1 + _choices.Small(80) : 1, came = 0;
        for (int time = 0; time < times; time++)
            came += (asItIs ? _card.Inject(frame, findings) : _card.Receive(frame)) ? 1 : 0;
        if (_choices.IsTold)
            _choices.Tell($"{frame.Length} bytes come {times} times, {came} are taken: {Convert.ToHexString(frame.AsSpan(0, Math.Min(frame.Length, 48)))}");
    }

    private void SetMode()
    {
        var mode = (ReceiveMode)_choices.Below(3);
        var groups = new MacAddress[_choices.Small(80)];
        for (int i = 0; i < groups.Length; i++)
            groups[i] = MacAddress.FromNumber(1 | (ulong)i * 0x0123_4567_8900);
        _choices.Tell($"receive mode {mode}, {groups.Length} groups");
        Error error = Call("receive mode", () => _device!.SetReceiveMode(mode, groups));
        _outcomes.Add($"receive mode: {error}");
    }

    private void UseStack(IpInterface ip)
    {
        switch (_choices.Pick(2, 2, 2, 1, 1, 1, 2))
        {
            case 0:
                Ipv4Address to = _choices.Pick(3, 1, 1) switch { 0 => Peer.Theirs, 1 => Peer.Ours, _ => Ipv4Address.FromNumber(_choices.Word()) };
                int count = 1 + _choices.Small(20);
                _choices.Tell($"{count} pings");
                _pinger.Start(ip, (uint)_choices.Small(1473));
                while (count-- > 0)
                    _pinger.TrySend(to, Clock.Microseconds);
                break;
            case 1:
                _choices.Tell("a file is fetched");
                _tftp.Stop();
                _tftp.Start(ip, Peer.Theirs, "f"u8, new Sink());
                break;
            case 2:
                EmptySockets(ip);
                _tftp.Poll(Clock.Microseconds);
                break;
            case 3:
                ip.Dhcp.TryStart();
                break;
            case 4:
                ip.Configure(Peer.Ours, 24, Peer.Theirs);
                break;
            case 5:
                ip.Vlan = (ushort)_choices.Below(4096);
                break;
            default:
                uint bytes = (uint)_choices.Small(1 << 14);
                _choices.Tell($"a datagram of {bytes} bytes is sent");
                if (ip.TryTakePacket(bytes, out Frame payload))
                    ip.Sockets[0].TrySend(ref payload, _choices.OneIn(2) ? Peer.Ours : Peer.Theirs, Peer.QueuePort);
                break;
        }
        ip.Wake();
    }

    private static void EmptySockets(IpInterface ip)
    {
        foreach (UdpSocket socket in ip.Sockets)
        {
            while (socket.TryTake(out Frame data, out _))
                data.Free();
        }
    }

    private void UseByHand()
    {
        switch (_choices.Pick(3, 1))
        {
            case 0:
                int most = 1 + _choices.Below(MostBatch);
                int count = Call("receive", () => _device!.Receive(_batch.AsSpan(0, most)));
                _choices.Tell($"{count} of {most} frames are received");
                for (int i = 0; i < count; i++)
                    _batch[i].Free();
                break;
            default:
                Call("arm", () => _device!.Arm());
                break;
        }
    }

    private sealed class Sink : ITftpSink
    {
        public void Take(ReadOnlySpan<byte> data)
        {
        }
    }

    // Takes all there is, and frees it.
    private sealed class Drain(NetworkLife life) : IWork
    {
        private readonly Frame[] _frames = new Frame[MostBatch];

        public bool Work(int budget)
        {
            int count = life._device!.Receive(_frames);
            for (int i = 0; i < count; i++)
                _frames[i].Free();
            return count == _frames.Length || life._device.Arm();
        }
    }
}
