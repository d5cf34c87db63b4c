using System;
using System.Buffers.Binary;
using Sluice.Console;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Drivers.E1000e;
using Sluice.Drivers.I8255x;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.SelfTest;

/// <summary>
/// Two network cards on one hub, of one driver or two, which send each other frames: QEMU, two -netdev hubport. What a frame holds follows
/// from its number, so the receiver knows each byte. Frames may be lost while a link is down or a card is reset, and never otherwise.
/// </summary>
internal static unsafe partial class CardPairSuite
{
    private const int MostBurst = 32, NumberAt = 14, LengthAt = 18, PatternAt = 20, Rounds = 2_000, RoundsToReset = 250;
    private const ulong LeastChanges = 4;
    private const uint ShortestFrame = 60, LongestPlain = 1514, PartBytes = 4096;
    private const ulong MostFlapMicroseconds = 1_800_000_000, SettleMicroseconds = 3_000_000, LinkMicroseconds = 2_000_000,
        HearMicroseconds = 50_000, FreeMicroseconds = 1_000_000, FarMicroseconds = 10_000;

    private static readonly Frame[] _burst = new Frame[MostBurst];
    private static INetworkDevice _first = null!, _second = null!;
    private static ulong _taken, _arrived, _arrivedBytes, _wrong;
    private static uint _seed, _nextNumber, _longest;

    // QEMU keeps frames for a card whose link is down, and delivers them when it is up again.
    private static bool _mayBeLate;

    public static void Register(ref Suite suite)
    {
        suite.Case("two cards: every byte arrives"u8, &EveryByte);
        suite.Case("two cards: checksums and VLAN tags"u8, &Offload);
        suite.OnDemand("two cards: links that flap"u8, &FlappingLinks);
    }

    private static void EveryByte(ref Ktap t)
    {
        if (!TryBegin(ref t, out int used))
            return;
        NetworkCounters firstBefore = _first.Counters, secondBefore = _second.Counters;
        for (int round = 1; round <= Rounds; round++)
        {
            // A burst, and its answer.
            Exchange(_first, _second);
            Exchange(_second, _first);
            if (round % RoundsToReset == 0)
                t.Check(IsBackAfterReset((round / RoundsToReset & 1) == 0 ? _first : _second), "it comes back from a reset"u8);
        }
        t.Equal(_taken, _arrived, "frames that arrived"u8);
        NetworkCounters firstAfter = _first.Counters, secondAfter = _second.Counters;
        t.Equal(Rounds / RoundsToReset, firstAfter.Resets + secondAfter.Resets - firstBefore.Resets - secondBefore.Resets, "resets"u8);
        End(ref t, used, in firstBefore, in secondBefore);
        if (IsListenedTo)
            return;
        t.Equal(firstAfter.SentBytes - firstBefore.SentBytes, secondAfter.ReceivedBytes - secondBefore.ReceivedBytes, "bytes one way"u8);
        t.Equal(secondAfter.SentBytes - secondBefore.SentBytes, firstAfter.ReceivedBytes - firstBefore.ReceivedBytes, "bytes the other way"u8);
        t.Equal(0, Losses(firstAfter) + Losses(secondAfter) - Losses(firstBefore) - Losses(secondBefore), "frames dropped or bad"u8);
    }

    // Whoever runs the machine pulls the cables meanwhile, and presses a key when they are in again.
    private static void FlappingLinks(ref Ktap t)
    {
        if (!TryBegin(ref t, out int used))
            return;
        _mayBeLate = true;
        NetworkCounters firstBefore = _first.Counters, secondBefore = _second.Counters;
        ulong resets = 0, before = firstBefore.LinkChanges + secondBefore.LinkChanges;
        bool isTold = false;
        Log.Info($"network cards: links may flap now, until a key is pressed");
        Deadline end = Deadline.In(MostFlapMicroseconds);
        for (int round = 1; !end.Passed && !Terminal.TryRead(out _); round++)
        {
            Exchange(_first, _second);
            Exchange(_second, _first);
            if (round % RoundsToReset == 0)
            {
                t.Check(IsBackAfterReset((round / RoundsToReset & 1) == 0 ? _first : _second), "it comes back from a reset"u8);
                resets++;
            }
            WorkLoop.Turn(Deadline.In(0));
            if (isTold || _first.Counters.LinkChanges + _second.Counters.LinkChanges - before < LeastChanges)
                continue;
            isTold = true;
            Log.Info($"network cards: links have flapped");
        }
        NetworkCounters firstAfter = _first.Counters, secondAfter = _second.Counters;
        ulong changes = firstAfter.LinkChanges + secondAfter.LinkChanges - firstBefore.LinkChanges - secondBefore.LinkChanges;
        Ktap.Note($"{_taken} frames sent, {_arrived} arrived, {changes} changes of the links, {resets} resets");
        t.Check(changes >= LeastChanges, "the links did flap"u8);
        t.Equal(resets, firstAfter.Resets + secondAfter.Resets - firstBefore.Resets - secondBefore.Resets, "resets"u8);
        t.Equal(0, firstAfter.FailedResets + secondAfter.FailedResets - firstBefore.FailedResets - secondBefore.FailedResets, "resets that failed"u8);
        t.Check(_arrived <= _taken && _arrived > 0, "some arrived"u8);
        Settle();
        End(ref t, used, in firstBefore, in secondBefore);
        (_taken, _arrived) = (0, 0);
        Exchange(_first, _second);
        Exchange(_second, _first);
        t.Equal(_taken, _arrived, "frames that arrived when the links were up again"u8);
    }

    // The first two cards that hear each other.
    private static bool TryBegin(ref Ktap t, out int used)
    {
        (_seed, _mayBeLate) = (1, false);
        used = 0;
        ReadOnlySpan<Driver> drivers = DriverTable.Drivers;
        for (int i = 0; i < drivers.Length; i++)
        {
            for (int other = i + 1; other < drivers.Length; other++)
            {
                if (drivers[i] is not INetworkDevice first || drivers[other] is not INetworkDevice second)
                    continue;
                (_first, _second) = (first, second);
                _longest = Math.Min(first.LongestFrame, second.LongestFrame);
                WaitForLinks(LinkMicroseconds);
                if (!IsHeard())
                    continue;
                Settle();
                (_taken, _arrived, _arrivedBytes, _wrong) = (0, 0, 0, 0);
                used = Boot.DmaStart.System.Frames.Used;
                return true;
            }
        }
        t.Skip("no two cards on one hub"u8);
        return false;
    }

    private static bool IsHeard()
    {
        Drain(_second);
        ulong before = _arrived;
        Exchange(_first, _second);
        for (Deadline end = Deadline.In(HearMicroseconds); _arrived == before && !end.Passed;)
            Take(_first, _second, 0);
        return _arrived != before;
    }

    // Somebody else who uses the cards (boot argument net) counts as well.
    private static bool IsListenedTo => _first.Listener != null || _second.Listener != null;

    private static void WaitForLinks(ulong microseconds)
    {
        Deadline end = Deadline.In(microseconds);
        while (!(_first.Link.IsUp && _second.Link.IsUp) && !end.Passed)
            WorkLoop.Turn(end);
    }

    // Links are up, nothing is on its way.
    private static void Settle()
    {
        WaitForLinks(SettleMicroseconds);
        Deadline end = Deadline.In(FarMicroseconds);
        do
        {
            Take(_first, _second, 0);
            Take(_second, _first, 0);
            _first.Transmit(default);
            _second.Transmit(default);
        }
        while (!end.Passed);
    }

    private static void Drain(INetworkDevice card)
    {
        while (card.Receive(_burst) is int count and not 0)
            Free(_burst.AsSpan(0, count));
    }

    // What was sent is free again, and what we counted is what the drivers counted.
    private static void End(ref Ktap t, int used, in NetworkCounters firstBefore, in NetworkCounters secondBefore)
    {
        t.Equal(0, _wrong, "frames with a wrong byte, or out of order"u8);
        if (IsListenedTo)
            return;
        FramePool pool = Boot.DmaStart.System.Frames;
        for (Deadline end = Deadline.In(FreeMicroseconds); pool.Used > used && !end.Passed;)
        {
            _first.Transmit(default);
            _second.Transmit(default);
        }
        t.Equal((ulong)used, (ulong)pool.Used, "frames in use"u8);
        NetworkCounters first = _first.Counters, second = _second.Counters;
        ulong sent = first.Sent + second.Sent - firstBefore.Sent - secondBefore.Sent;
        ulong dropped = first.SendDropped + second.SendDropped - firstBefore.SendDropped - secondBefore.SendDropped;
        t.Equal(_arrived, first.Received + second.Received - firstBefore.Received - secondBefore.Received, "frames that the drivers received"u8);
        t.Equal(_arrivedBytes, first.ReceivedBytes + second.ReceivedBytes - firstBefore.ReceivedBytes - secondBefore.ReceivedBytes, "bytes that they received"u8);
        // What a reset drops was counted as sent before.
        t.Check(sent <= _taken && _taken <= sent + dropped, "what was taken was sent or dropped"u8);
        t.Check(_arrived <= sent, "no more came than was sent"u8);
    }

    private static ulong Losses(in NetworkCounters counters) =>
        counters.SendDropped + counters.Missed + counters.NoFrames + counters.BadLength + counters.BadDescriptors + counters.ReceiveErrors;

    // With its link pulled it runs all the same.
    private static bool IsBackAfterReset(INetworkDevice device)
    {
        if (device is not E1000e card)
        {
            bool isReset = device is I8255x other && other.Reset() == Error.None;
            WaitForLinks(_mayBeLate ? 0 : LinkMicroseconds);
            return isReset;
        }
        card.Restart();
        Deadline end = Deadline.In(LinkMicroseconds);
        while (!(card.IsRunning && card.Link.IsUp) && !end.Passed)
            WorkLoop.Turn(end);
        return card.IsRunning;
    }

    // QEMU delivers while it is told to send, so what was sent is there at once.
    private static void Exchange(INetworkDevice from, INetworkDevice to)
    {
        FramePool pool = Boot.DmaStart.System.Frames;
        uint wanted = Random() % MostBurst + 1, first = _nextNumber;
        int count = 0;
        for (; count < wanted && TryMake(pool, from, to, out Frame packet); count++)
            _burst[count] = Own.Move(ref packet);
        int taken = from.Transmit(_burst.AsSpan(0, count));
        Free(_burst.AsSpan(taken, count - taken));
        _taken += (uint)taken;
        Take(from, to, _mayBeLate ? 0 : first);
    }

    // Takes what came, no number below the one that is expected.
    private static void Take(INetworkDevice from, INetworkDevice to, uint expected)
    {
        while (to.Receive(_burst) is int received and not 0)
        {
            for (int i = 0; i < received; i++)
            {
                if (MacAddress.Read(_burst[i].Bytes) != to.Address)
                    continue;                                           // somebody else's
                _arrived++;
                _arrivedBytes += _burst[i].PacketLength;
                uint number = BinaryPrimitives.ReadUInt32LittleEndian(_burst[i].Bytes[NumberAt..]);
                if (number < expected || number >= _nextNumber || !IsRight(_burst[i], number, from))
                    _wrong++;
                if (!_mayBeLate)
                    expected = number + 1;
            }
            Free(_burst.AsSpan(0, received));
        }
    }

    private static bool TryMake(FramePool pool, INetworkDevice from, INetworkDevice to, out Frame packet)
    {
        uint length = ShortestFrame + Random() % (LongestPlain + 1 - ShortestFrame);
        if (Random() % 8 == 0)
            length = LongestPlain + Random() % (_longest + 1 - LongestPlain);
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
    private static bool IsRight(in Frame packet, uint number, INetworkDevice from)
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

    private static void Free(Span<Frame> frames)
    {
        foreach (ref Frame frame in frames)
            frame.Free();
    }

    private static void Pattern(Span<byte> bytes, uint number, uint at)
    {
        foreach (ref byte value in bytes)
            value = ByteAt(number, at++);
    }

    private static byte ByteAt(uint number, uint at) => (byte)((number * 2654435761 + at * 40503) >> 11);

    private static uint Random() => (_seed = _seed * 1664525 + 1013904223) >> 8;
}
