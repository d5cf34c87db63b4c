namespace Sluice.Drivers.Iidc;

/// <summary>What happened to a camera's frames, besides what all sources count.</summary>
public struct CameraCounters
{
    /// <summary>Cycles without a packet within frames that are whole all the same; frames with more packets than cycles, so of several talkers.</summary>
    public ulong Gaps, Crowded;

    /// <summary>Frames that were dropped for their first bad packet: it was damaged, too short, too long, or began another frame.</summary>
    public ulong Damaged, Short, Long, Cut;
}
