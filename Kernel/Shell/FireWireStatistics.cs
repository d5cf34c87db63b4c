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
        Terminal.WriteLine($"    interrupts {c.Interrupts}, spurious {c.SpuriousInterrupts}, storms {card.Controller.InterruptStorms}");
        Terminal.WriteLine($"    packets sent {c.Sent}, received {c.Received}, between PHYs {c.PhyPackets}; bus resets {c.BusResets}");
        Terminal.WriteLine($"    streams: buffers {c.StreamBuffers}; seconds with lost cycles {c.LostCycles}, with inconsistent ones {c.InconsistentCycles}; progress not believed {c.BadProgress}; cameras without a place {card.Videos.NoPlace}");
        Terminal.WriteLine($"    transactions {b.Submitted}, under way {card.Bus.UnderWay}; retries {b.Retries}, given up {b.GivenUp}, timed out {b.TimeOuts}, lost by resets {b.LostByReset}, malformed {b.MalformedAnswers}");
        Terminal.WriteLine($"    requests served {b.Served}; refused: length {b.BadLengths + b.TooLong}, lock {b.BadLocks}, nobody's address {b.NobodysAddress}; dropped: old {b.OldRequests}, source {b.BadSources}, broadcast {b.BadBroadcasts}, code {b.BadCodes}, no record {b.NoResponseRecord}, response lost {b.ResponsesLost}");
        if (FireWireOffer.IsOn)
            Terminal.WriteLine($"    64 KiB are offered at {FireWireOffer.Start:x}: read {o.Reads}, written {o.Writes}, locked {o.Locks}, refused {o.Misaligned}");
        Terminal.WriteLine($"    responses dropped: unexpected {b.UnexpectedResponses}, wrong {b.WrongResponses}, old {b.OldResponses}");
        Terminal.WriteLine($"    ROMs read {r.Read}, remembered {r.Remembered}, not ready {r.NotReady}, failed {r.Failed}, slowed {r.Slowed}, unreadable {r.Unreadable}, duplicate {r.Duplicates}, faulty {r.Faulty}");
        Terminal.WriteLine($"    faults: self-IDs {c.BadSelfIds}, trees {b.BadTopologies}, packets {c.BadPackets}, descriptors {c.BadDescriptors}, dead contexts {c.DeadContexts}, hangs {c.Hangs}, forgotten {c.Forgotten}, resets {c.Restarts}, PHY {c.PhyTimeouts}, registers {c.RegisterFailures}, posted writes {c.PostedWriteErrors}, long cycles {c.LongCycles}");
        Ip1394Counters i = card.Ip.Drops;
        Terminal.WriteLine($"    IPv4: fragments sent {i.FragmentsSent}, received {i.FragmentsReceived}, reassembled {i.Reassembled}; not taken {i.NotTaken}, no peer {i.NoPeer}, away {i.NotThere}, no channel {i.NoChannel}");
        Terminal.WriteLine($"    IPv4 dropped: length {i.BadLength}, type {i.BadType}, GASP {i.ForeignGasp}, source {i.UnknownSource}, broadcast {i.Broadcast}, address {i.BadAddress}, ARP {i.BadArp}, of another {i.ForeignArp}, reach {i.BadReach}");
        Terminal.WriteLine($"    IPv4 fragments: bad {i.BadFragment}, overlapping {i.Overlapping}, size {i.SizeChanged}, scattered {i.TooScattered}, incomplete {i.Incomplete}, pushed out {i.PushedOut}, lost by resets {i.LostByReset}; broadcasts bad {card.Broadcasts.Bad}, receiver ended {card.Broadcasts.Ended}");
        ulong open = card.Controller.OpenNodes;
        if (open == 0)
            Terminal.WriteLine($"    our memory is closed to all nodes");
        else
            Terminal.WriteLine($"    \e[1;91mour memory is open to nodes {open:x16}\e[0m (a bit each)");
    }
}
