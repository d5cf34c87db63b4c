using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

// ICMP echo, both ways. Source: RFC 792; RFC 1122, section 3.2.2.6.
public sealed unsafe partial class IpInterface
{
    private readonly FrameQueue _echoes = new(EchoCapacity);
    private ushort _awaited;

    /// <summary>Takes echo replies of one identifier from now on; those that wait are freed. 0: none.</summary>
    internal void AwaitEchoes(ushort identifier)
    {
        _echoes.Clear();
        _awaited = identifier;
    }

    /// <summary>Takes the oldest echo reply: all of it from Ethernet's header on.</summary>
    internal bool TryTakeEcho(out Frame reply) => _echoes.TryPop(out reply);

    /// <summary>Sends an echo request; the packet is taken in any case.</summary>
    /// <param name="payload">What is to come back, in a packet of <see cref="TryTakePacket"/>.</param>
    internal bool TrySendEcho(ref Frame payload, Ipv4Address destination, ushort identifier, ushort sequence)
    {
        if (payload.PacketLength > LongestPayload)
        {
            Drop(ref payload, IpCounter.SendTooLong);
            return false;
        }
        payload.ExtendFront(IcmpEcho.Bytes);
        var echo = (IcmpEcho*)Packet.Data(ref payload);
        echo->TypeAndCode = IcmpEcho.Request;
        echo->Checksum = 0;
        echo->Identifier.Value = identifier;
        echo->Sequence.Value = sequence;
        echo->Checksum = InternetChecksum.Finish(Packet.Sum(ref payload, 0, payload.PacketLength));
        payload.SetFlags(FrameFlags.None);
        return TrySendIpv4(ref payload, SourceFor(destination), destination, Ipv4Header.Icmp);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private void HandleIcmp(ref Frame frame, ref readonly Arrival arrival)
    {
        if (arrival.Bytes < IcmpEcho.Bytes || frame.Length < arrival.Transport + IcmpEcho.Bytes)
        {
            Drop(ref frame, IpCounter.IcmpLength);
            return;
        }
        if (InternetChecksum.Fold(Packet.Sum(ref frame, arrival.Transport, arrival.Bytes)) != InternetChecksum.Right)
        {
            Drop(ref frame, IpCounter.IcmpChecksum);
            return;
        }
        var echo = (IcmpEcho*)(Packet.Data(ref frame) + arrival.Transport);
        if (echo->TypeAndCode == IcmpEcho.Request)
            AnswerEcho(ref frame, in arrival, echo);
        else if (echo->TypeAndCode != IcmpEcho.Reply)
            Drop(ref frame, IpCounter.IcmpType);
        else if (_awaited == 0 || echo->Identifier.Value != _awaited || _echoes.IsFull)
            Drop(ref frame, IpCounter.IcmpNobodyWaits);
        else
            _echoes.Push(ref frame);
    }

    private void AnswerEcho(ref Frame frame, ref readonly Arrival arrival, IcmpEcho* echo)
    {
        // Who asks all at once would have all answer somebody at once.
        if (arrival.IsToMany || _address.IsNone)
        {
            Drop(ref frame, IpCounter.IcmpToGroup);
            return;
        }
        echo->TypeAndCode = IcmpEcho.Reply;
        echo->Checksum = InternetChecksum.Update(echo->Checksum, IcmpEcho.Request, IcmpEcho.Reply);
        Counters.EchoesAnswered++;
        SendBackOne(ref frame, in arrival);
    }
}
