namespace Sluice.FireWire.Core;

/// <summary>What happened on a bus since its controller started; all but the first row is something that was dropped or went wrong.</summary>
public struct BusCounters
{
    /// <summary>Bus resets that ended well; transactions given and ended; requests of others answered.</summary>
    public ulong Resets, Submitted, Finished, Served;

    /// <summary>Self-IDs that are no tree; <see cref="FireWireBus.LastTopologyError"/> says what the last was.</summary>
    public ulong BadTopologies;

    /// <summary>Responses to nothing: no such label, another code, another generation, a source that does not exist.</summary>
    public ulong UnexpectedResponses, WrongResponses, OldResponses;

    /// <summary>Answers that cannot be: see <see cref="TransactionResult.Malformed"/>.</summary>
    public ulong MalformedAnswers;

    /// <summary>Transactions: no response in time, sent again as the node was busy, given up so, lost by a bus reset.</summary>
    public ulong TimeOuts, Retries, GivenUp, LostByReset;

    /// <summary>Requests dropped: of another generation, without a source, broadcast but not a write, of no known code.</summary>
    public ulong OldRequests, BadSources, BadBroadcasts, BadCodes;

    /// <summary>Requests refused: a length that is not the data's, longer than can be, a lock that does not exist, to nobody's address.</summary>
    public ulong BadLengths, TooLong, BadLocks, NobodysAddress;

    /// <summary>Stream packets that were sent, and those that were not.</summary>
    public ulong StreamsSent, StreamsLost;

    /// <summary>Packets between PHYs that came: all; of these, configurations of others, and those of no known kind.</summary>
    public ulong PhyPackets, PhyConfigurations, BadPhyPackets;

    /// <summary>Bus resets that we began; resets and packets between PHYs that the controller could not begin.</summary>
    public ulong OwnResets, ResetsFailed, PhyNotSent;

    /// <summary>Responses dropped: all records in use, the requester is gone or busy for too long.</summary>
    public ulong NoResponseRecord, ResponsesLost;
}
