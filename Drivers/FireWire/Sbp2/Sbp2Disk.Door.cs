using Sluice.FireWire.Core;

namespace Sluice.Drivers.Sbp2;

// The door of the disk's node, which it shares with the other disks there.
public sealed unsafe partial class Sbp2Disk
{
    private readonly Neighbours _neighbours;

    // Given up while it might still use memory: from the bus reset that this asked for until the next one it is left alone.
    private bool _willBeOutcast, _isOutcast;

    /// <summary>Its node, or <see cref="Topology.Nobody"/>.</summary>
    internal int Node => _node;

    /// <summary>It has commands, or may be given some.</summary>
    internal bool HoldsDoor => _generation == _bus.Generation && _agent is AgentPhase.Reset or AgentPhase.Starting or AgentPhase.Running;

    /// <summary>Memory was taken back from it, and it has not ended yet what it had.</summary>
    internal bool IsLoose { get; private set; }

    /// <summary>Whether the door was open when it was set last.</summary>
    internal bool IsDoorOpen { get; set; }

    /// <summary>Another disk of the node had the door set.</summary>
    internal void DoorWasSet()
    {
        _work.Mark();
        if (IsDoorOpen && State == DiskState.Starting && UnderWay == 0)
            _due = 0;
        if (IsDoorOpen || UnderWay == 0)
            return;
        Counters.ShutOut++;
        if (State != DiskState.Recovering)
            _resume = State;
        State = DiskState.Recovering;
        _wasUnitReset = false;
        _phase = ManagementPhase.None;
        _agent = AgentPhase.Unknown;
        IsLoose = true;
        TakeAllBack(counts: false);
        Begin(RecoveryStep.AgentReset);
    }

    // The disk reaches no memory from here on, and what it has is ours again.
    private void Shut(bool counts)
    {
        _agent = AgentPhase.Unknown;
        IsLoose |= UnderWay != 0;
        _neighbours.SetDoor(this);
        TakeAllBack(counts);
    }

    // It has ended all that it had.
    private void EndedAll()
    {
        IsLoose = false;
        _neighbours.SetDoor(this);
    }

    // Only a bus reset ends for sure what a disk has that does not answer; the others of its node wait for it.
    private void LeaveOthers()
    {
        if (!IsLoose || !_neighbours.HasOther(this))
            return;
        _willBeOutcast = true;
        _bus.RequestReset();
    }
}
