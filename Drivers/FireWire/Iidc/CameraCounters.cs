namespace Sluice.Drivers.Iidc;

/// <summary>What happened to a camera's frames since it was started.</summary>
public struct CameraCounters
{
    /// <summary>Frames that were whole; of these, those that nobody took before the next ones needed their buffers.</summary>
    public ulong Frames, Skipped;

    /// <summary>Cycles without a packet within frames that are whole all the same; frames with more packets than cycles, so of several talkers.</summary>
    public ulong Gaps, Crowded;

    /// <summary>Frames that were dropped for their first bad packet: it was damaged, too short, too long, or began another frame.</summary>
    public ulong Damaged, Short, Long, Cut;

    /// <summary>Starts that were tried again after a bus reset; channels and bandwidth that were lost.</summary>
    public ulong Resets, Lost;
}
