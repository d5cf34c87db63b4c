namespace Sluice.Drivers.Sbp2;

/// <summary>What happened with a disk; all behind the first row went wrong, or was refused.</summary>
public struct Sbp2Counters
{
    /// <summary>Logins, reconnects and commands that ended well.</summary>
    public ulong Logins, Reconnects, Commands;

    /// <summary>Logins and reconnects that were refused or not answered; answers to logins that cannot be.</summary>
    public ulong LoginsFailed, ReconnectsFailed, BadResponses;

    /// <summary>Reads and writes of what is the disk's alone, by others or at another time than its own.</summary>
    public ulong Strangers;

    /// <summary>Status blocks: not as long as they say; of no ORB that is under way; of nothing that was asked for.</summary>
    public ulong BadStatus, UnknownOrbs, Unsolicited;

    /// <summary>Fetch agents that stopped; registers that could not be written; commands and management requests without an answer.</summary>
    public ulong DeadAgents, LostWrites, TimeOuts, ManagementTimeOuts;

    /// <summary>What was done about it: tasks aborted one by one, sets of tasks, resets of the logical unit; disks given up.</summary>
    public ulong Aborts, TaskSets, UnitResets, GivenUp;

    /// <summary>Commands sent again, by themselves or as a bus reset or recovery ended them; sense that the disk gave.</summary>
    public ulong Retries, UnitAttentions, NotReady, Failed;

    /// <summary>Times that commands were taken back and sent again because another disk of the node had the door shut.</summary>
    public ulong ShutOut;

    /// <summary>Data that could not be mapped, memory for ORBs that was not there.</summary>
    public ulong NoMemory;
}
