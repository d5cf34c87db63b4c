using System;
using System.Buffers.Binary;
using Sluice.Boot;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Drivers.E1000e;
using Sluice.Net;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.SelfTest;

/// <summary>
/// Intel's 82574, with whatever network it is on. On QEMU's user network the gateway answers ARP; elsewhere what needs an answer is skipped.
/// </summary>
internal static unsafe class E1000eSuite
{
    private const int Rounds = 100;
    private const ulong LongestMicroseconds = 2_000_000, AgainMicroseconds = 50_000;
    private const uint ArpBytes = 60, OurAddress = 0x0A00_020F, Gateway = 0x0A00_0202;      // 10.0.2.15, 10.0.2.2

    public static void Register(ref Suite suite)
    {
        suite.Case("it has an address and a link"u8, &HasLink);
        suite.Case("interrupts by MSI and pin, and polled"u8, &OtherWays);
        suite.Case("a question is answered"u8, &GatewayAnswers);
        suite.Case("a reset in mid-traffic"u8, &ResetInTraffic);
        suite.Case("receive modes"u8, &ReceiveModes);
    }

    private static bool TryFind(ref Ktap t, out E1000e card)
    {
        foreach (Driver driver in DriverTable.Drivers)
        {
            if (driver is not E1000e found)
                continue;
            card = found;
            return true;
        }
        t.Skip("no 82574 (QEMU: -device e1000e)"u8);
        card = null!;
        return false;
    }

    private static void HasLink(ref Ktap t)
    {
        if (!TryFind(ref t, out E1000e card))
            return;
        t.Check(card.Address.IsStation, "its address is a station's"u8);
        t.Equal(9014, card.LongestFrame, "the longest frame"u8);
        Deadline end = Deadline.In(LongestMicroseconds);
        while (!card.Link.IsUp && !end.Passed)
            WorkLoop.Turn(end);
        t.Check(card.Link.IsUp, "its link is up"u8);
        t.Check(card.Link.Megabits is 10 or 100 or 1000, "at a speed that there is"u8);
    }

    /// <summary>A hundred interrupts, each by MSI-X.</summary>
    public static void MsiXIsDelivered(ref Ktap t)
    {
        if (!TryFind(ref t, out E1000e card))
            return;
        if (card.Function.InterruptKind != InterruptKinds.MsiX)
            t.Skip("it does not interrupt by MSI-X here"u8);
        else
            RaiseOften(ref t, card);
    }

    private static void OtherWays(ref Ktap t)
    {
        if (!TryFind(ref t, out E1000e card))
            return;
        InterruptKinds usual = card.Function.InterruptKind;
        foreach (InterruptKinds way in (ReadOnlySpan<InterruptKinds>)[InterruptKinds.Msi, InterruptKinds.Line, InterruptKinds.None])
        {
            card.UseInterrupt(way);
            if (card.Function.InterruptKind == way)
                RaiseOften(ref t, card);
        }
        card.UseInterrupt(InterruptKinds.All);
        t.Check(card.Function.InterruptKind == usual, "back to the usual way"u8);
    }

    private static void RaiseOften(ref Ktap t, E1000e card)
    {
        for (int i = 1; i <= Rounds; i++)
        {
            ulong before = card.Counters.Interrupts;
            Deadline end = Deadline.In(LongestMicroseconds);
            do
            {
                ArmEmpty(card);
                card.RaiseInterrupt();
                // Who listens masks it while it works: a poll then takes the cause along, and it is raised again.
                Deadline turn = card.Listener == null ? end : Deadline.In(AgainMicroseconds);
                while (card.Counters.Interrupts == before && !turn.Passed)
                    WorkLoop.Turn(turn);
            }
            while (card.Counters.Interrupts == before && !end.Passed);
            if (!t.Check(card.Counters.Interrupts > before, "an interrupt comes"u8))
                return;
        }
    }

    // Something may have come, which whoever listens takes first, or else is dropped.
    private static void ArmEmpty(E1000e card)
    {
        for (Deadline end = Deadline.In(LongestMicroseconds); card.Arm() && !end.Passed;)
        {
            if (card.Listener is { } listener)
            {
                listener.Mark();
                WorkLoop.Turn(Deadline.In(0));
                continue;
            }
            Free(_received.AsSpan(0, card.Receive(_received)));
        }
    }

    private static void GatewayAnswers(ref Ktap t)
    {
        if (TryFind(ref t, out E1000e card) && IsAnswered(ref t, card))
            t.Check(Ask(card) && Ask(card), "asked again"u8);
    }

    private static void ResetInTraffic(ref Ktap t)
    {
        if (!TryFind(ref t, out E1000e card) || !IsAnswered(ref t, card))
            return;
        FramePool pool = card.Function.Dma.Frames;
        // What it sends now is lost, and be it the results.
        NetworkStart.Syslog?.IsHeld = true;
        Flush(card);
        int used = pool.Used;
        for (ulong round = 1; round <= 10; round++)
        {
            NetworkCounters before = card.Counters;
            for (int i = 0; i < 20; i++)
                SendQuestion(card);
            card.Restart();
            Deadline end = Deadline.In(LongestMicroseconds);
            while (!card.IsRunning && !end.Passed)
                WorkLoop.Turn(end);
            t.Check(card.IsRunning && Ask(card), "it works again"u8);
            NetworkCounters after = card.Counters;
            t.Equal(1, after.Resets - before.Resets, "resets"u8);
            t.Equal(0, after.FailedResets, "resets that it did not survive"u8);
        }
        Frame[] frames = _received;
        while (card.Receive(frames) is int count and not 0)
            Free(frames.AsSpan(0, count));
        Flush(card);
        NetworkStart.Syslog?.IsHeld = false;
        if (card.Listener == null)
            t.Equal((ulong)used, (ulong)pool.Used, "frames in use"u8);
    }

    private static void ReceiveModes(ref Ktap t)
    {
        if (!TryFind(ref t, out E1000e card))
            return;
        foreach (ReceiveMode mode in (ReadOnlySpan<ReceiveMode>)[ReceiveMode.Promiscuous, ReceiveMode.AllGroups, ReceiveMode.Groups])
            t.Check(card.SetReceiveMode(mode, default) == Error.None, "set"u8);
        ReadOnlySpan<MacAddress> groups = [MacAddress.FromNumber(0xFB00_005E_0001), MacAddress.FromNumber(0x0100_005E_0001)];
        t.Check(card.SetReceiveMode(ReceiveMode.Groups, groups) == Error.None, "groups"u8);
        t.Check(card.SetReceiveMode(ReceiveMode.Groups, default) == Error.None, "none"u8);
    }

    private static readonly Frame[] _received = new Frame[16];

    private static bool IsAnswered(ref Ktap t, E1000e card)
    {
        bool answered = Ask(card);
        if (!answered)
            t.Skip("nobody answers (QEMU: -netdev user)"u8);
        return answered;
    }

    // Asks who has the gateway's address, until an answer comes.
    private static bool Ask(E1000e card)
    {
        Frame[] frames = _received;
        for (int attempt = 0; attempt < 4; attempt++)
        {
            SendQuestion(card);
            Deadline end = Deadline.In(LongestMicroseconds / 8);
            while (!end.Passed)
            {
                int count = card.Receive(frames);
                bool answered = false;
                for (int i = 0; i < count; i++)
                    answered |= IsAnswer(card, frames[i].Bytes);
                Free(frames.AsSpan(0, count));
                if (answered)
                    return true;
                if (count == 0)
                    Cpu.Pause();
            }
        }
        return false;
    }

    private static void SendQuestion(E1000e card)
    {
        if (!card.Function.Dma.Frames.TryTake(out Frame frame))
            return;
        frame.SetLength(ArpBytes);
        Span<byte> bytes = frame.Bytes;
        bytes.Clear();
        MacAddress.Broadcast.Write(bytes);
        card.Address.Write(bytes[6..]);
        // RFC 826: Ethernet, IPv4, 6 and 4 bytes of address, request.
        ((ReadOnlySpan<byte>)[0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]).CopyTo(bytes[12..]);
        card.Address.Write(bytes[22..]);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[28..], OurAddress);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[38..], Gateway);
        if (card.Transmit(new Span<Frame>(ref frame)) == 0)
            frame.Free();
    }

    private static bool IsAnswer(E1000e card, ReadOnlySpan<byte> bytes) =>
        bytes.Length >= 42 && MacAddress.Read(bytes) == card.Address && bytes[12] == 0x08 && bytes[13] == 0x06 && bytes[21] == 2
        && BinaryPrimitives.ReadUInt32BigEndian(bytes[28..]) == Gateway;

    // What was sent is freed when something is sent or looked at.
    private static void Flush(E1000e card)
    {
        Deadline end = Deadline.In(LongestMicroseconds);
        while (card.PacketsUnderWay != 0 && !end.Passed)
            card.Transmit(default);
    }

    private static void Free(Span<Frame> frames)
    {
        foreach (ref Frame frame in frames)
            frame.Free();
    }
}
