using System;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

public sealed unsafe partial class FireWireBus
{
    /// <summary>Between the end of a bus reset and the next that we begin for reasons of our own. Source: IEEE 1394-1995, section 8.2.1.</summary>
    public const ulong ResetDistance = 2_000_000;

    // Wishes of so short a time are one; a packet between PHYs is on the bus after so long.
    private const ulong MergeTime = 10_000, SendTime = 10_000;

    // Tries of a controller that cannot; resets after self-IDs in a row that are no tree.
    private const int MostResetTries = 5;

    private ulong _resetDue = ulong.MaxValue;
    private int _resetTries, _badInARow;
    private bool _isAnnounced, _isLongReset, _isRomTold, _isRomLate;

    /// <summary>When another node's configuration packet came, in <see cref="Clock.Microseconds"/>; 0 if none did since the last reset.</summary>
    internal ulong ConfiguredAt { get; private set; }

    internal IFireWireController Controller => _controller;

    /// <summary>Offers a unit to others, from the next bus reset on, which is asked for; <see cref="Error.NoResources"/> if the ROM has no room.</summary>
    public Error AddUnit(IRomUnit unit)
    {
        Error error = OwnRom.Add(unit);
        if (error == Error.None)
            RomChanged();
        return error;
    }

    /// <summary>Takes a unit back likewise; false if it is not there.</summary>
    public bool TryRemoveUnit(IRomUnit unit)
    {
        bool isRemoved = OwnRom.TryRemove(unit);
        if (isRemoved)
            RomChanged();
        return isRemoved;
    }

    /// <summary>
    /// Asks for a short bus reset: soon, but not within <see cref="ResetDistance"/> of the last one. Wishes are one until then, and any
    /// reset fulfils them. Before the first reset of all there is nothing to ask for: it comes anyway.
    /// </summary>
    public void RequestReset()
    {
        if (LastReset != 0)
            WishReset(Math.Max(Clock.Microseconds + MergeTime, LastReset + ResetDistance), false);
    }

    /// <summary>
    /// Has a node be root after a short bus reset, which begins soon; the gap count stays. Others may want it otherwise.
    /// <see cref="Error.Busy"/> while there is a reset, others as of <see cref="IFireWireController.SendPhy"/>.
    /// </summary>
    public Error MakeRoot(int node) =>
        !IsUp ? Error.Busy : Reconfigure(PhyPacket.Configuration(node, (uint)Topology.GapCount < 63 ? Topology.GapCount : -1), isLong: false);

    /// <inheritdoc/>
    [PacketPath]
    public void PhyPacketReceived(PhyPacket packet)
    {
        Counters.PhyPackets++;
        if (packet.Kind == PhyPacketKind.Reserved)
        {
            Counters.BadPhyPackets++;
        }
        else if (packet.Kind == PhyPacketKind.Configuration)
        {
            // Our PHY has heard it, too. All it tells us is that somebody else is about to reset the bus.
            Counters.PhyConfigurations++;
            ConfiguredAt = Clock.Microseconds;
        }
    }

    /// <summary>Sends a configuration to all PHYs, and resets the bus when it has gone out.</summary>
    internal Error Reconfigure(PhyPacket configuration, bool isLong)
    {
        Error error = _controller.SendPhy(configuration);
        if (error != Error.None)
        {
            Counters.PhyNotSent++;
            return error;
        }
        _isAnnounced = true;
        _resetDue = Clock.Microseconds + SendTime;
        _isLongReset = isLong;
        Arm(_resetDue);
        return Error.None;
    }

    private void RomChanged()
    {
        if (!_controller.TrySetNextRom(OwnRom.Next))
        {
            _isRomLate = true;
            return;
        }
        _isRomTold = true;
        RequestReset();
    }

    // What the controller would not take in the reset. It may have shown an earlier change since, by the same generation.
    private void TellLateRom()
    {
        _isRomLate = false;
        OwnRom.Renew();
        RomChanged();
    }

    private void WishReset(ulong due, bool isLong)
    {
        if (_resetDue != ulong.MaxValue)
            return;
        _resetDue = due;
        _isAnnounced = false;
        _isLongReset = isLong;
        Arm(due);
    }

    // Nodes that did not understand each other may do so the next time; not for ever.
    private void AskAgainForSelfIds()
    {
        if (++_badInARow <= MostResetTries)
            WishReset(LastReset + ResetDistance, true);
    }

    private void ForgetResetWish()
    {
        _resetTries = 0;
        _resetDue = ulong.MaxValue;
        _isAnnounced = false;
    }

    private void CheckReset(ulong now)
    {
        if (_resetDue == ulong.MaxValue)
            return;
        if (now < _resetDue)
        {
            Arm(_resetDue);
            return;
        }
        // A gap count lasts for one reset after it was set (1394a-2000, gap_count_reset_disable): set once more, it lasts for this one, too.
        if (!_isAnnounced && IsUp && (uint)Topology.GapCount < 63 && Reconfigure(PhyPacket.Configuration(-1, Topology.GapCount), _isLongReset) == Error.None)
            return;
        _resetDue = ulong.MaxValue;
        Counters.OwnResets++;
        if (_controller.Reset(_isLongReset) == Error.None)
            return;
        Counters.OwnResets--;
        Counters.ResetsFailed++;
        if (++_resetTries < MostResetTries)
            WishReset(now + ResetDistance, _isLongReset);
    }
}
