using System;
using Sluice.FireWire.Simulation;

namespace Sluice.Tests.FireWire.Second;

/// <summary>What 1394 OHCI 1.1 leaves to a controller, or does not say; none of it may matter to a driver.</summary>
internal enum Freedom
{
    /// <summary>All descriptors of a block are read at once; else one after the other (3.1.2).</summary>
    ReadsWholeBlocks,

    /// <summary>A branch that led nowhere when it was read is looked at once more before the context rests, also if nobody woke it.</summary>
    LooksAgain,

    /// <summary>What a branch leads to is read as soon as the branch is known.</summary>
    FetchesAhead,

    /// <summary>Received packets that follow each other closely are told of at once.</summary>
    GathersPackets,

    /// <summary>What is left of two buffers for divided packets is told of when one of them is full; else after packets.</summary>
    TellsWhenFull,

    /// <summary>Of a packet that lies in two buffers, the second one's status is written first.</summary>
    TellsLastFirst,

    /// <summary>A buffer in the middle of a packet never gets a status.</summary>
    SkipsMiddle,

    /// <summary>While a packet waits for a busy node the one behind it may be sent, and be over before it (7.7).</summary>
    OvertakesBusy,

    /// <summary>Packets that were linked behind those of an ended bus are flushed as well (7.2.3.1); else they stay as they are.</summary>
    FlushesOn,

    /// <summary>An event is told of some time after it happened, and with others.</summary>
    InterruptsLate,

    /// <summary>IntEvent shows somewhat later what isoXmitIntEvent and isoRecvIntEvent have, also that they have nothing any more.</summary>
    ShowsStreamsLate,

    /// <summary>Something happens that nobody waits for.</summary>
    EventsOfNoInterest,

    /// <summary>A message is sent when the line would rise, and not while it stays up.</summary>
    InterruptsOnEdges,

    /// <summary>Somebody else on the line interrupts.</summary>
    NeighbourInterrupts,

    /// <summary>A reset that begins within a reset is one of its own.</summary>
    CountsEachReset,

    /// <summary>The packet that tells of a reset comes when the self-IDs are there already.</summary>
    ResetPacketLate,

    /// <summary>Header and options of the ROM are read from memory also with the first reset, though the link was off when the map was written.</summary>
    ReadsFirstRom,

    /// <summary>Requests that may not be are refused by their acknowledge; else by a response.</summary>
    RefusesAtOnce,

    /// <summary>A write to all nodes counts as acknowledged with pending; else with complete.</summary>
    BroadcastPends,

    /// <summary>A wrong packet is asked for again by a busy; else it gets ack_data_error (8.4).</summary>
    ErrorIsBusy,

    /// <summary>A packet of a stream that ended before its last descriptor has its status in both: where it ended, and the last.</summary>
    TellsShortTwice,

    /// <summary>Data of a packet of a stream with header is written up to a whole quadlet.</summary>
    Pads,

    /// <summary>In a lost cycle a packet that is in the FIFO already stays there, and the one behind it is left out.</summary>
    SkipsBehind,

    /// <summary>A value that is stored has 32 bits, the upper ones 0; else 16.</summary>
    StoresQuadlets,

    /// <summary>The controller goes on while the CPU reads or writes a register.</summary>
    RunsAlong,

    /// <summary>What was asked for by a register takes some reads of it.</summary>
    IsSlow,

    /// <summary>Bits that the specification reserves are random.</summary>
    ReservedIsNoise,
}

/// <summary>
/// Chance that repeats. Each freedom is decided anew each time; how often it is taken, and how late things are, is of the seed:
/// some controllers never do it, some always, some now and then.
/// </summary>
internal sealed class Lot
{
    private static readonly int[] _leanings = [0, 1, 4, 7, 8], _latest = [0, 50, 1_000, 6_000, 20_000];

    private readonly SeededRandom _random;
    private readonly int[] _leaning = new int[Enum.GetValues<Freedom>().Length];
    private readonly int _late, _turn;

    public Lot(int seed)
    {
        _random = new SeededRandom((ulong)seed * 0x1_0001 + 1);
        for (int i = 0; i < _leaning.Length; i++)
            _leaning[i] = _leanings[Below(_leanings.Length)];
        _late = _latest[Below(_latest.Length)];
        _turn = 1 << (2 * Below(5));
        BusyAck = 4 + Below(3);
        MostReads = 1 + Below(20);
    }

    /// <summary>Which of ack_busy_X, A and B it says.</summary>
    public int BusyAck { get; }

    /// <summary>Reads of a register that something takes at most.</summary>
    public int MostReads { get; }

    public uint Noise => (uint)_random.Next();

    public bool Takes(Freedom freedom) => Below(8) < _leaning[(int)freedom];

    /// <summary>Random where bits are reserved, if this one does so.</summary>
    public uint Reserved(uint mask) => Takes(Freedom.ReservedIsNoise) ? Noise & mask : 0;

    public int Below(int bound) => _random.Below(bound);

    /// <summary>Ticks that something takes: often none.</summary>
    public long Delay() => Below(3) == 0 ? 0 : Below(_late + 1);

    /// <summary>The same where a cycle must be kept: a few microseconds.</summary>
    public long ShortDelay() => Math.Min(Delay(), 300);

    /// <summary>How many things happen on the bus before the CPU has its turn.</summary>
    public int Turn() => 1 + Below(_turn);

    /// <summary>Reads of a register that something takes.</summary>
    public int Reads() => Takes(Freedom.IsSlow) ? Below(MostReads + 1) : 0;
}
