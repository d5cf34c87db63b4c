namespace Sluice.Drivers.Dv;

/// <summary>What happened to a DV stream, besides what all sources count.</summary>
public struct DvCounters
{
    /// <summary>Packets with data, and without.</summary>
    public ulong Packets, Empty;

    /// <summary>Packets that were not used: damaged, of a length that none has, with a header of something else, or of another node than the one that is listened to.</summary>
    public ulong Damaged, BadLength, BadHeader, Foreign;

    /// <summary>Times that packets were missing, as their numbers say; blocks that are of no frame.</summary>
    public ulong Gaps, BadBlocks;

    /// <summary>Frames that were dropped: packets were missing in them, blocks came twice, or not at all.</summary>
    public ulong Torn, Doubled, Incomplete;

    /// <summary>Times that the stream could not be read on and was begun anew.</summary>
    public ulong Restarts;

    /// <summary>Commands that were not answered, or refused.</summary>
    public ulong Unanswered, Refused;
}
