using System;
using Sluice.Boot;
using Sluice.Console;
using Sluice.Drivers.Ip1394;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Shell;

/// <summary>What happened on a FireWire bus.</summary>
internal static class FireWireStatistics
{
    public static void Write(FireWireCard card)
    {
        SharedMemoryCounters o = FireWireOffer.Counters;
        OhciCounters c = card.Controller.Counters;
        BusCounters b = card.Bus.Counters;
        RomCounters r = card.Nodes.Counters;
        Terminal.WriteLine($"  \e[1m{card.Controller.Name} {card.Controller.Function.Address}\e[0m OHCI {card.Controller.Version >> 8}.{card.Controller.Version & 0xFF:x2}");
        Line("    interrupts #, spurious #, storms #"u8, c.Interrupts, c.SpuriousInterrupts, card.Controller.InterruptStorms);
        Line("    packets sent #, received #, refused #, between PHYs #; bus resets #"u8, c.Sent, c.Received, c.Refused, c.PhyPackets, c.BusResets);
        Line("    streams: buffers #; seconds with lost cycles #, with inconsistent ones #; progress not believed #; cameras without a place #"u8, c.StreamBuffers, c.LostCycles, c.InconsistentCycles, c.BadProgress, card.Videos.NoPlace);
        Line("    transactions #, under way #; retries #, given up #, timed out #, lost by resets #, malformed #"u8, b.Submitted, (ulong)card.Bus.UnderWay, b.Retries, b.GivenUp, b.TimeOuts, b.LostByReset, b.MalformedAnswers);
        Line("    requests served #; refused: length #, lock #, nobody's address #; dropped: old #, source #, broadcast #, code #, no record #, response lost #"u8, b.Served, b.BadLengths + b.TooLong, b.BadLocks, b.NobodysAddress, b.OldRequests, b.BadSources, b.BadBroadcasts, b.BadCodes, b.NoResponseRecord, b.ResponsesLost);
        if (FireWireOffer.IsOn)
            Terminal.WriteLine($"    64 KiB are offered at {FireWireOffer.Start:x}: read {o.Reads}, written {o.Writes}, locked {o.Locks}, refused {o.Misaligned}");
        Line("    responses dropped: unexpected #, wrong #, old #"u8, b.UnexpectedResponses, b.WrongResponses, b.OldResponses);
        Line("    ROMs read #, remembered #, not ready #, failed #, slowed #, unreadable #, duplicate #, faulty #"u8, r.Read, r.Remembered, r.NotReady, r.Failed, r.Slowed, r.Unreadable, r.Duplicates, r.Faulty);
        Line("    faults: self-IDs #, trees #, packets #, descriptors #, dead contexts #, hangs #, forgotten #, resets #, PHY #, registers #, posted writes #, long cycles #"u8, c.BadSelfIds, b.BadTopologies, c.BadPackets, c.BadDescriptors, c.DeadContexts, c.Hangs, c.Forgotten, c.Restarts, c.PhyTimeouts, c.RegisterFailures, c.PostedWriteErrors, c.LongCycles);
        Ip1394Counters i = card.Ip.Drops;
        Line("    IPv4: fragments sent #, received #, reassembled #; not taken #, no peer #, away #, no channel #"u8, i.FragmentsSent, i.FragmentsReceived, i.Reassembled, i.NotTaken, i.NoPeer, i.NotThere, i.NoChannel);
        Line("    IPv4 dropped: length #, type #, GASP #, source #, broadcast #, address #, ARP #, of another #, reach #"u8, i.BadLength, i.BadType, i.ForeignGasp, i.UnknownSource, i.Broadcast, i.BadAddress, i.BadArp, i.ForeignArp, i.BadReach);
        Line("    IPv4 fragments: bad #, overlapping #, size #, scattered #, incomplete #, pushed out #, lost by resets #; broadcasts bad #, receiver ended #"u8, i.BadFragment, i.Overlapping, i.SizeChanged, i.TooScattered, i.Incomplete, i.PushedOut, i.LostByReset, card.Broadcasts.Bad, card.Broadcasts.Ended);
        ulong open = card.Controller.OpenNodes;
        if (open == 0)
            Terminal.WriteLine($"    our memory is closed to all nodes");
        else
            Terminal.WriteLine($"    \e[1;91mour memory is open to nodes {open:x16}\e[0m (a bit each)");
    }

    // Each # is the next number.
    private static void Line(ReadOnlySpan<byte> text, params ReadOnlySpan<ulong> numbers)
    {
        foreach (ulong number in numbers)
        {
            int at = text.IndexOf((byte)'#');
            Terminal.Write($"{text[..at]}{number}");
            text = text[(at + 1)..];
        }
        Terminal.WriteLine($"{text}");
    }
}
