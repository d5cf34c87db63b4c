using System.Collections.Generic;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Hostile;

/// <summary>Requests that get no answer, or another's, or too much of it. Source of the rules: IEEE 1394-1995, section 7.3.</summary>
internal static class AnswerScripts
{
    private const int LateSteps = HostileNode.StepsOfPlay / 2;

    public static IReadOnlyList<Script> All { get; } =
    [
        new("silent", 14, "acknowledges nothing") { Receive = (_, _) => Ack.Missing, NeedsReset = true },
        new("busy", 14, "is busy for ever") { Receive = (_, packet) => packet.Code.IsRequest ? Ack.BusyX : null, NeedsReset = true },
        new("pending", 14, "acknowledges requests as pending, and never responds") { Receive = (_, packet) => packet.Code.IsRequest ? Ack.Pending : null, NeedsReset = true },
        new("acks", 14, "acknowledges by chance") { Receive = (node, _) => (Ack)node.Random.Below(16), NeedsReset = true },
        new("late", 14, "responds when nobody waits any more") { Receive = (node, packet) => Answer(node, packet, Late), NeedsReset = true },
        new("labels", 5, "responds with another transaction label") { Receive = (node, packet) => Answer(node, packet, Mislabel), NeedsReset = true },
        new("sources", 5, "responds as another node, or to another one") { Receive = (node, packet) => Answer(node, packet, Disguise), NeedsReset = true },
        new("kinds", 5, "responds with another kind of response, and response codes that there are not") { Receive = (node, packet) => Answer(node, packet, Mistake), NeedsReset = true },
        new("twice", 5, "responds twice, with different data") { Receive = (node, packet) => Answer(node, packet, Repeat), NeedsReset = true },
        new("answer-lengths", 5, "responds with more or less data than was asked for, up to 8,192 bytes") { Receive = (node, packet) => Answer(node, packet, Stretch), NeedsReset = true },
        new("nobody", 5, "sends responses that nobody asked for") { Step = RespondToNobody },
    ];

    private static Ack? Answer(HostileNode node, Packet packet, System.Action<HostileNode, Packet> send)
    {
        if (!packet.Code.IsRequest)
            return null;
        send(node, node.Response(packet));
        return Ack.Pending;
    }

    private static void Late(HostileNode node, Packet response) => node.SendLater(response, 1 + node.Random.Below(LateSteps));

    private static void Mislabel(HostileNode node, Packet response)
    {
        response.Q0 ^= (uint)(1 + node.Random.Below(63)) << 10;
        node.Send(response);
    }

    private static void Disguise(HostileNode node, Packet response)
    {
        if (node.Random.Coin())
            response.Q1 = ((uint)node.SomeSource() << 16) | (response.Q1 & 0xFFFF);
        else
            response.Q0 = ((uint)node.Target() << 16) | (response.Q0 & 0xFFFF);
        node.Send(response);
    }

    private static void Mistake(HostileNode node, Packet response)
    {
        Tcode[] codes = [Tcode.WriteResponse, Tcode.ReadQuadletResponse, Tcode.ReadBlockResponse, Tcode.LockResponse];
        response.Q0 = (response.Q0 & ~0xF0u) | ((uint)codes[node.Random.Below(codes.Length)] << 4);
        response.Q1 = (response.Q1 & 0xFFFF_0FFF) | ((uint)node.Random.Below(16) << 12);
        node.Send(response);
    }

    private static void Repeat(HostileNode node, Packet response)
    {
        Packet again = node.Stream(0, 0);
        (again.Q0, again.Q1, again.Q2, again.Q3, again.Speed) = (response.Q0, response.Q1, response.Q2, ~response.Q3, response.Speed);
        if (response.DataBytes != 0)
            node.Fill(again, response.DataBytes);
        node.Send(response);
        node.Send(again);
    }

    private static void Stretch(HostileNode node, Packet response)
    {
        if (response.Code.HasData)
        {
            int[] lengths = [0, response.DataBytes - 1, response.DataBytes + 1, response.DataBytes + 4, 4096, Packet.MostBytes, node.Random.Below(4096)];
            node.Fill(response, System.Math.Clamp(lengths[node.Random.Below(lengths.Length)], 0, Packet.MostBytes));
        }
        node.Send(response);
    }

    private static void RespondToNobody(HostileNode node)
    {
        Tcode[] codes = [Tcode.WriteResponse, Tcode.ReadQuadletResponse, Tcode.ReadBlockResponse, Tcode.LockResponse];
        Packet packet = node.Request(codes[node.Random.Below(codes.Length)], node.Target());
        packet.Q1 = ((uint)node.SomeSource() << 16) | ((uint)node.Random.Below(16) << 12);
        if (packet.Code.HasData)
            node.Fill(packet, node.Random.Below(1024));
        node.Send(packet);
    }
}
