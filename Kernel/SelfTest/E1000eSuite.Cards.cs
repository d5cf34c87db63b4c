using System;
using System.Buffers.Binary;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Drivers.E1000e;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.SelfTest;

// Two cards on one hub, which talk to each other: QEMU, two -netdev hubport. What a frame holds follows from its number, so the receiver knows
// each byte; frames may be lost while a link is down, and never otherwise.
internal static unsafe partial class E1000eSuite
{
    private const int MostBurst = 32, NumberAt = 14, LengthAt = 18, PatternAt = 20, TwoCardRounds = 2_000, RoundsToReset = 250;
    private const uint ShortestFrame = 60, LongestPlain = 1514, PartBytes = 4096;
    private const ulong FlapMicroseconds = 10_000_000, SettleMicroseconds = 3_000_000;

    private static readonly Frame[] _burst = new Frame[MostBurst];
    private static ulong _sent, _arrived, _wrong;
    private static uint _seed, _nextNumber;

    // QEMU keeps frames for a card whose link is down, and delivers them when it is up again.
    private static bool _mayBeLate;

    private static bool TryFindTwo(ref Ktap t, out E1000e first, out E1000e second)
    {
        first = second = null!;
        foreach (Driver driver in DriverTable.Drivers)
        {
            if (driver is not E1000e card)
                continue;
            if (first == null)
            {
                first = card;
                continue;
            }
            second = card;
            return true;
        }
        t.Skip("no two 82574 on one hub"u8);
        return false;
    }

    private static void TwoCards(ref Ktap t)
    {
        if (!TryFindTwo(ref t, out E1000e first, out E1000e second))
            return;
        int used = Begin(first, second);
        NetworkCounters firstBefore = first.Counters, secondBefore = second.Counters;
        for (int round = 1; round <= TwoCardRounds; round++)
        {
            // A burst, and its answer.
            Exchange(first, second);
            Exchange(second, first);
            if (round % RoundsToReset == 0)
                t.Check(IsBackAfterReset((round / RoundsToReset & 1) == 0 ? first : second), "it comes back from a reset"u8);
        }
        t.Equal(_sent, _arrived, "frames that arrived"u8);
        t.Equal(0, _wrong, "frames with a wrong byte, or out of order"u8);
        NetworkCounters firstAfter = first.Counters, secondAfter = second.Counters;
        t.Equal((ulong)(TwoCardRounds / RoundsToReset), firstAfter.Resets + secondAfter.Resets - firstBefore.Resets - secondBefore.Resets, "resets"u8);
        End(ref t, first, second, used);
        // Somebody else who uses the cards (boot argument net) counts as well.
        if (first.Listener != null || second.Listener != null)
            return;
        t.Equal(_sent, firstAfter.Sent - firstBefore.Sent + secondAfter.Sent - secondBefore.Sent, "frames that the drivers sent"u8);
        t.Equal(_sent, firstAfter.Received - firstBefore.Received + secondAfter.Received - secondBefore.Received, "frames that they received"u8);
        t.Equal(firstAfter.SentBytes - firstBefore.SentBytes, secondAfter.ReceivedBytes - secondBefore.ReceivedBytes, "bytes one way"u8);
        t.Equal(secondAfter.SentBytes - secondBefore.SentBytes, firstAfter.ReceivedBytes - firstBefore.ReceivedBytes, "bytes the other way"u8);
        t.Equal(0, Losses(firstAfter) + Losses(secondAfter) - Losses(firstBefore) - Losses(secondBefore), "frames dropped or bad"u8);
    }

    // Whoever runs the machine pulls the cables meanwhile.
    private static void FlappingLinks(ref Ktap t)
    {
        if (!TryFindTwo(ref t, out E1000e first, out E1000e second))
            return;
        int used = Begin(first, second);
        _mayBeLate = true;
        ulong changes = first.Counters.LinkChanges + second.Counters.LinkChanges;
        Log.Info($"e1000e: links may flap now");
        Deadline end = Deadline.In(FlapMicroseconds);
        for (int round = 1; !end.Passed; round++)
        {
            Exchange(first, second);
            Exchange(second, first);
            if (round % RoundsToReset == 0)
                t.Check(IsBackAfterReset((round / RoundsToReset & 1) == 0 ? first : second), "it comes back from a reset"u8);
            WorkLoop.Turn(Deadline.In(0));
        }
        changes = first.Counters.LinkChanges + second.Counters.LinkChanges - changes;
        Ktap.Note($"{_sent} frames sent, {_arrived} arrived, {changes} changes of the links");
        t.Check(changes >= 4, "the links did flap"u8);
        t.Check(_arrived <= _sent && _arrived > 0, "some arrived"u8);
        t.Equal(0, _wrong, "frames with a wrong byte, or out of order"u8);
        Deadline settled = Deadline.In(SettleMicroseconds);
        while (!(first.Link.IsUp && second.Link.IsUp) && !settled.Passed)
            WorkLoop.Turn(settled);
        Drain(first);
        Drain(second);
        (_sent, _arrived) = (0, 0);
        Exchange(first, second);
        Exchange(second, first);
        t.Equal(_sent, _arrived, "frames that arrived when the links were up again"u8);
        End(ref t, first, second, used);
    }

    private static int Begin(E1000e first, E1000e second)
    {
        (_sent, _arrived, _wrong, _seed) = (0, 0, 0, 1);
        _mayBeLate = false;
        foreach (E1000e card in (ReadOnlySpan<E1000e>)[first, second])
        {
            Deadline end = Deadline.In(LongestMicroseconds);
            while (!card.Link.IsUp && !end.Passed)
                WorkLoop.Turn(end);
            Drain(card);
            Flush(card);
        }
        return first.Function.Dma.Frames.Used;
    }

    private static void Drain(E1000e card)
    {
        while (card.Receive(_burst) is int count and not 0)
            Free(_burst.AsSpan(0, count));
    }

    private static void End(ref Ktap t, E1000e first, E1000e second, int used)
    {
        Flush(first);
        Flush(second);
        if (first.Listener != null || second.Listener != null)
            return;
        t.Equal((ulong)used, (ulong)first.Function.Dma.Frames.Used, "frames in use"u8);
    }

    private static ulong Losses(in NetworkCounters counters) =>
        counters.SendDropped + counters.Missed + counters.NoFrames + counters.BadLength + counters.BadDescriptors + counters.ReceiveErrors;

    private static bool IsBackAfterReset(E1000e card)
    {
        card.Restart();
        Deadline end = Deadline.In(LongestMicroseconds);
        while (!(card.IsRunning && card.Link.IsUp) && !end.Passed)
            WorkLoop.Turn(end);
        // With its link pulled it runs all the same.
        return card.IsRunning;
    }

    // QEMU delivers while the tail is written, so what was sent is there at once.
    private static void Exchange(E1000e from, E1000e to)
    {
        FramePool pool = from.Function.Dma.Frames;
        uint wanted = Random() % MostBurst + 1, first = _nextNumber;
        int count = 0;
        for (; count < wanted && TryMake(pool, from, to, out Frame packet); count++)
            _burst[count] = Own.Move(ref packet);
        int taken = from.Transmit(_burst.AsSpan(0, count));
        Free(_burst.AsSpan(taken, count - taken));
        _sent += (uint)taken;
        uint expected = first;
        while (to.Receive(_burst) is int received and not 0)
        {
            for (int i = 0; i < received; i++)
            {
                if (MacAddress.Read(_burst[i].Bytes) != to.Address)
                    continue;                                           // somebody else's
                _arrived++;
                uint number = BinaryPrimitives.ReadUInt32LittleEndian(_burst[i].Bytes[NumberAt..]);
                if ((number < expected && !_mayBeLate) || number >= _nextNumber || !IsRight(_burst[i], number, from))
                    _wrong++;
                expected = number + 1;
            }
            Free(_burst.AsSpan(0, received));
        }
    }

    private static bool TryMake(FramePool pool, E1000e from, E1000e to, out Frame packet)
    {
        uint length = ShortestFrame + Random() % (LongestPlain + 1 - ShortestFrame);
        if (Random() % 8 == 0)
            length = LongestPlain + Random() % (from.LongestFrame + 1 - LongestPlain);
        packet = default;
        uint number = _nextNumber;
        for (uint at = 0; at < length; at += PartBytes)
        {
            if (!pool.TryTake(out Frame part))
            {
                if (!packet.IsEmpty)
                    packet.Free();
                return false;
            }
            part.SetLength(Math.Min(PartBytes, length - at));
            Pattern(part.Bytes, number, at);
            if (packet.IsEmpty)
                packet = Own.Move(ref part);
            else
                packet.Append(ref part);
        }
        Span<byte> bytes = packet.Bytes;
        to.Address.Write(bytes);
        from.Address.Write(bytes[6..]);
        (bytes[12], bytes[13]) = (0x88, 0xB5);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[NumberAt..], number);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[LengthAt..], (ushort)length);
        _nextNumber++;
        return true;
    }

    // Its length, its sender, and each byte.
    private static bool IsRight(in Frame packet, uint number, E1000e from)
    {
        bool right = packet.PacketLength == BinaryPrimitives.ReadUInt16LittleEndian(packet.Bytes[LengthAt..]) && MacAddress.Read(packet.Bytes[6..]) == from.Address;
        uint at = PatternAt;
        right &= Matches(packet.Bytes[PatternAt..], number, ref at);
        if (packet.HasRest)
            right &= MatchesRest(packet, number, at);
        return right;
    }

    private static bool MatchesRest(in Frame packet, uint number, uint at)
    {
        Frame rest = packet.TakeRest();
        bool right = Matches(rest.Bytes, number, ref at);
        if (rest.HasRest)
            right &= MatchesRest(rest, number, at);
        packet.Append(ref rest);
        return right;
    }

    private static bool Matches(ReadOnlySpan<byte> bytes, uint number, ref uint at)
    {
        bool right = true;
        foreach (byte value in bytes)
            right &= value == ByteAt(number, at++);
        return right;
    }

    private static void Pattern(Span<byte> bytes, uint number, uint at)
    {
        foreach (ref byte value in bytes)
            value = ByteAt(number, at++);
    }

    private static byte ByteAt(uint number, uint at) => (byte)((number * 2654435761 + at * 40503) >> 11);

    private static uint Random() => (_seed = _seed * 1664525 + 1013904223) >> 8;
}
