namespace Sluice.FireWire.Sbp2;

/// <summary>An initiator that is logged in.</summary>
internal sealed class Login
{
    public Login(Sbp2Disk disk, int id, ulong guid, ushort nodeId, in ManagementOrb orb)
    {
        Id = id;
        Unit = disk.Units[orb.LoginOrUnit];
        Guid = guid;
        NodeId = nodeId;
        StatusFifo = orb.StatusFifo;
        IsExclusive = orb.IsExclusive;
        HoldSeconds = System.Math.Min(1 << orb.ReconnectExponent, Sbp2Disk.MostHoldSeconds);
        Agent = new FetchAgent(disk, this);
    }

    public int Id { get; }

    /// <summary>The logical unit that it is of.</summary>
    public ScsiDisk Unit { get; }

    /// <summary>EUI-64 of the initiator: node numbers change.</summary>
    public ulong Guid { get; }

    public ushort NodeId { get; private set; }

    /// <summary>Whether it has come back since the last bus reset.</summary>
    public bool IsConnected { get; private set; } = true;

    /// <summary>Where its status blocks go.</summary>
    public ulong StatusFifo { get; }

    public bool IsExclusive { get; }

    /// <summary>It may come back so long after a bus reset.</summary>
    public int HoldSeconds { get; }

    /// <summary>When this ends if it does not come back.</summary>
    public long Deadline { get; private set; }

    public FetchAgent Agent { get; }

    /// <summary>A bus reset: it has to come back.</summary>
    public void Disconnect(long deadline)
    {
        IsConnected = false;
        Deadline = deadline;
        Agent.Reset();
    }

    public void Reconnect(ushort nodeId)
    {
        NodeId = nodeId;
        IsConnected = true;
    }
}
