using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

// Who has which address. Source: RFC 826; RFC 5227 for addresses that two have.
public sealed unsafe partial class IpInterface
{
    private const int MostPendingForOne = 3;

    private readonly ArpCache _arp = new(Neighbours);
    private readonly Frame[] _pending = new Frame[MostPending];
    private readonly Ipv4Address[] _pendingFor = new Ipv4Address[MostPending];

    // An address that is asked for before it becomes ours, and whether somebody answered.
    private Ipv4Address _probed;
    private bool _probeAnswered;

    /// <summary>Neighbours that are known or were asked.</summary>
    public int NeighbourCount => _arp.Count;

    /// <summary>One of them; no Ethernet address if it did not answer yet.</summary>
    public void DescribeNeighbour(int index, out Ipv4Address address, out MacAddress hardware) => _arp.Describe(index, out address, out hardware);

    /// <summary>Whether a packet to an address would leave at once; if a neighbour is to be asked first, it is asked now.</summary>
    public bool IsReady(Ipv4Address destination)
    {
        if (!HasRoute(destination) || !_device.Link.IsUp)
            return false;
        if (destination == Ipv4Address.Broadcast || destination == _directed || destination.IsMulticast || IsOwn(destination))
            return true;
        Ipv4Address next = IsOnLink(destination) ? destination : Gateway;
        ArpAnswer answer = _arp.Find(next, Clock.Microseconds, out _, out Ipv4Address evicted);
        DropPending(evicted);
        if (answer is ArpAnswer.Ask or ArpAnswer.KnownAskAgain)
            SendRequest(next, _address);
        return answer is ArpAnswer.Known or ArpAnswer.KnownAskAgain;
    }

    private void HandleArp(ref Frame frame, uint network)
    {
        var arp = (ArpPacket*)(Packet.Data(ref frame) + network);
        if (frame.Length < network + ArpPacket.Bytes || !arp->IsForEthernetAndIpv4 || arp->Operation is not (ArpPacket.Request or ArpPacket.Reply) ||
            !arp->Sender.IsStation)
        {
            Drop(ref frame, IpCounter.ArpMalformed);
            return;
        }
        Ipv4Address sender = arp->SenderProtocol, target = arp->TargetProtocol;
        MacAddress hardware = arp->Sender;
        if (sender == _probed && !_probed.IsNone && hardware != _hardware)
            _probeAnswered = true;
        if (_address.IsNone)
        {
            frame.Free();
            return;
        }
        if (sender == _address && hardware != _hardware)
        {
            Drop(ref frame, IpCounter.ArpConflict);
            return;
        }
        bool isForUs = target == _address;
        // A sender without an address only asks whether an address is free.
        if (!sender.IsNone && sender != _address && IsOnLink(sender) && sender.IsHost)
        {
            ArpLesson lesson = _arp.Learn(sender, hardware, Clock.Microseconds, isForUs, out Ipv4Address evicted);
            DropPending(evicted);
            if (lesson == ArpLesson.New)
                SendPending(sender, hardware);
            else if (lesson == ArpLesson.Locked)
                Counters.Add(IpCounter.ArpLocked);
        }
        if (!isForUs || arp->Operation != ArpPacket.Request)
        {
            frame.Free();
            return;
        }
        // The answer goes back in the frame of the question.
        arp->Operation = ArpPacket.Reply;
        arp->Target = hardware;
        arp->TargetProtocol = sender;
        arp->Sender = _hardware;
        arp->SenderProtocol = target;
        Packet.Trim(ref frame, network + ArpPacket.Bytes);
        ((EthernetHeader*)Packet.Data(ref frame))->Set(hardware, _hardware);
        Counters.ArpAnswered++;
        EnqueueOne(ref frame);
    }

    // True with the address; false when the packet waits for it, or is gone.
    private bool TryResolve(Ipv4Address next, ref Frame packet, out MacAddress hardware)
    {
        ArpAnswer answer = _arp.Find(next, Clock.Microseconds, out hardware, out Ipv4Address evicted);
        DropPending(evicted);
        if (answer is ArpAnswer.Ask or ArpAnswer.KnownAskAgain)
            SendRequest(next, _address);
        if (answer is ArpAnswer.Known or ArpAnswer.KnownAskAgain)
            return true;
        int free = -1, waiting = 0;
        for (int i = 0; i < MostPending; i++)
        {
            if (_pending[i].IsEmpty)
                free = i;
            else if (_pendingFor[i] == next)
                waiting++;
        }
        if (free < 0 || waiting >= MostPendingForOne)
        {
            Drop(ref packet, IpCounter.ArpPendingFull);
        }
        else
        {
            _pendingFor[free] = next;
            _pending[free] = Own.Move(ref packet);
        }
        _work.Mark();
        return false;
    }

    // Asks whether anybody has an address that is not ours yet.
    internal void Probe(Ipv4Address address)
    {
        _probed = address;
        _probeAnswered = false;
        SendRequest(address, default);
    }

    internal bool EndProbe()
    {
        _probed = default;
        return _probeAnswered;
    }

    internal bool IsProbeAnswered => _probeAnswered;

    // Tells all that an address is ours now.
    internal void Announce() => SendRequest(_address, _address);

    private void SendRequest(Ipv4Address target, Ipv4Address sender)
    {
        if (!TryTakeFrame(out Frame frame))
            return;
        frame.SetLength(ArpPacket.Bytes);
        frame.SetFlags(FrameFlags.None);
        var arp = (ArpPacket*)Packet.Data(ref frame);
        *arp = default;
        *(ulong*)arp = ArpPacket.Kind | (ulong)ArpPacket.Request << 48;
        arp->Sender = _hardware;
        arp->SenderProtocol = sender;
        arp->TargetProtocol = target;
        frame.ExtendFront(LinkBytes);
        var ethernet = (EthernetHeader*)Packet.Data(ref frame);
        ethernet->Set(MacAddress.Broadcast, _hardware);
        SetType(ref frame, ethernet, EthernetHeader.Arp);
        EnqueueOne(ref frame);
        _work.Mark();
    }

    private void AskNeighbours(ulong now)
    {
        while (_arp.TryExpire(now, out Ipv4Address address, out bool isGivenUp))
        {
            if (isGivenUp)
                DropPending(address);
            else
                SendRequest(address, _address);
        }
    }

    private void SendPending(Ipv4Address address, MacAddress hardware)
    {
        for (int i = 0; i < MostPending; i++)
        {
            if (_pending[i].IsEmpty || _pendingFor[i] != address)
                continue;
            ((EthernetHeader*)Packet.Data(ref _pending[i]))->Set(hardware, _hardware);
            EnqueueOne(ref _pending[i]);
        }
    }

    private void DropPending(Ipv4Address address)
    {
        for (int i = 0; i < MostPending && !address.IsNone; i++)
        {
            if (!_pending[i].IsEmpty && _pendingFor[i] == address)
                Drop(ref _pending[i], IpCounter.ArpTimeout);
        }
    }

    private void ForgetNeighbours()
    {
        _arp.Clear();
        foreach (ref Frame packet in new System.Span<Frame>(_pending))
        {
            if (!packet.IsEmpty)
                Drop(ref packet, IpCounter.ArpTimeout);
        }
    }
}
