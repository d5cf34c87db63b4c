using System;
using System.Linq;
using Sluice.FireWire.Simulation;

namespace Sluice.Tests.FireWire.Second;

/// <summary>What no controller should do, and some do: now and then, or as long as something has not come up to speed.</summary>
internal enum Oddity
{
    /// <summary>A bus reset of which the link hears nothing, as just after it was enabled.</summary>
    UnseenReset,

    /// <summary>A bus reset of which no event tells, from its beginning to its self-IDs.</summary>
    SilentReset,

    /// <summary>NodeID is valid some time after the self-IDs were told of; else with them (5.11).</summary>
    LateNumber,

    /// <summary>Self-IDs that are there are not told of (selfIDComplete).</summary>
    SilentSelfIds,

    /// <summary>The packet that tells of a bus reset among requests is missing (8.4.2.3).</summary>
    NoMark,

    /// <summary>It has the generation of the reset before.</summary>
    OldMark,

    /// <summary>It has the generation of the next reset.</summary>
    NewMark,

    /// <summary>Our own self-ID is not among those received (Texas Instruments, SLLZ059).</summary>
    NoOwnSelfId,

    /// <summary>An access to a PHY register for reading never has an answer (5.12).</summary>
    LostPhyRead,

    /// <summary>A context dies, and nobody is told (unrecoverableError, 13.2).</summary>
    SilentDeath,

    /// <summary>A context that is woken does not look (3.1.1.2).</summary>
    LostWake,

    /// <summary>Masks of isochronous contexts read 0 once.</summary>
    NoMaskYet,

    /// <summary>Requests of our own bus are let in by the bits of their nodes alone: bit 31 of the filter is of other buses (TI TSB12LV26, 4.32).</summary>
    FilterByNode,

    /// <summary>An interrupt is a message of what happens, and none is sent when the mask opens for what happened before (6.2 does not say).</summary>
    SilentUnmask,

    /// <summary>A read of any register has all ones for an answer.</summary>
    OnesOnce,

    /// <summary>After a soft reset nothing but configuration space answers for a while.</summary>
    AwayAfterReset,
}

/// <summary>Oddities: each so often as a test says.</summary>
internal sealed partial class SecondController
{
    private readonly int[] _oddities = new int[Enum.GetValues<Oddity>().Length];
    private bool _isDeaf, _isSilent;

    /// <summary>Has something odd happen so often from now on.</summary>
    public void Expect(Oddity oddity, int times) => _oddities[(int)oddity] = times;

    /// <summary>How often it is still to happen.</summary>
    public int Remaining(Oddity oddity) => _oddities[(int)oddity];

    /// <summary>Whether it happens now.</summary>
    public bool Does(Oddity oddity)
    {
        if (_oddities[(int)oddity] == 0)
            return false;
        _oddities[(int)oddity]--;
        Note($"odd: {oddity}");
        return true;
    }

    /// <summary>One of the asynchronous contexts stops as if it had been told to.</summary>
    public void StopByItself(int which) => ((Context)(which == 2 ? _requestReceive : _responseReceive)).Clear(1 << 15);

    private uint[] WithoutOwn(ReadOnlySpan<uint> selfIds) => [.. selfIds.ToArray().Where(packet => (packet >> 24 & 0x3F) != Phy.PhysicalId)];

    private uint Marked(uint generation) => generation - (Does(Oddity.OldMark) ? 1u : 0) + (Does(Oddity.NewMark) ? 1u : 0) & 0xFF;

    private void FinishNumber()
    {
        if (!Does(Oddity.LateNumber))
        {
            _hasNumber = true;
            return;
        }
        // Later than the computer looks at once.
        int reset = _resets, life = _life;
        Phy.Bus.Simulator.After(BusTime.Microseconds(2_000 + Lot.Below(20_000)), new Due(() => _hasNumber |= reset == _resets && life == _life), 0, Pace.RealTime);
    }
}
