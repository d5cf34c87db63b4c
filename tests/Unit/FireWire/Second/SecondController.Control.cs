using System;
using Sluice.FireWire.Simulation;

namespace Sluice.Tests.FireWire.Second;

/// <summary>HCControl, and interrupts. Source: 1394 OHCI 1.1, sections 5.7 and 6.</summary>
internal sealed partial class SecondController
{
    private readonly uint[] _isoEvents = new uint[2], _isoMasks = new uint[2];
    private uint _events, _mask, _streamsShown;
    private int _watches;
    private bool _isRaised, _isInterruptDue;

    /// <summary>The event of a bus reset stands: asynchronous packets are flushed, and filters stay shut.</summary>
    public bool IsBusResetSet => (_events & Bits.BusReset) != 0;

    /// <summary>Once, a bus reset begins just when software clears the event of the one before.</summary>
    public bool ResetWhenCleared { get; set; }

    public bool AreCyclesInconsistent => (_events & Bits.CycleInconsistent) != 0;

    // 6.3, 6.4: those of isochronous contexts are seen here, and cleared there.
    private uint StreamEvents => ((_isoEvents[0] & _isoMasks[0]) != 0 ? Bits.IsoTransmit : 0) | ((_isoEvents[1] & _isoMasks[1]) != 0 ? Bits.IsoReceive : 0);

    private uint Events => _events | _streamsShown;

    // That happens in any case: what it says it is true then.
    private void ShowStreams(bool mayBeLate)
    {
        if (StreamEvents == _streamsShown)
            return;
        if (mayBeLate && Lot.Takes(Freedom.ShowsStreamsLate))
        {
            Later(1 + Lot.ShortDelay(), () => ShowStreams(mayBeLate: false));
            return;
        }
        _streamsShown = StreamEvents;
        UpdateInterrupt();
    }

    public void Raise(uint bits)
    {
        if (Lot.Takes(Freedom.EventsOfNoInterest))
            _events |= Lot.Noise & (Bits.CycleSynch | Bits.Cycle64Seconds | Bits.PhyInterrupt | Bits.PhyRegisterReceived | Bits.AckTardy | Bits.SelfIdComplete2 | Bits.LockResponseError | Bits.Vendor);
        _events |= bits;
        Note($"event {bits:x8}, {Events:x8} of {_mask:x8}");
        UpdateInterrupt();
        // A message for each event, if not for what the mask held back.
        if (_isRaised && Remaining(Oddity.SilentUnmask) != 0)
            ScheduleInterrupt();
        if (!_isRaised && Lot.Takes(Freedom.NeighbourInterrupts))
            Later(Lot.Delay(), InterruptForNothing);
    }

    /// <summary>What the event tells of is in memory already; the event comes now or somewhat later.</summary>
    public void RaiseLater(uint bits, Func<bool>? isStillTrue = null) => Later(Lot.Delay(), () =>
    {
        if (isStillTrue == null || isStillTrue())
            Raise(bits);
    });

    public void RaiseIso(bool isReceive, int index) => Later(Lot.ShortDelay(), () =>
    {
        _isoEvents[isReceive ? 1 : 0] |= 1u << index;
        ShowStreams(mayBeLate: true);
    });

    /// <summary>A write that was acknowledged went nowhere (13.2.8.1).</summary>
    public void TellOfPostedError(ushort node, ulong address)
    {
        if ((_events & Bits.PostedWriteError) == 0)
            _postedError = (ulong)node << 48 | address;
        Raise(Bits.PostedWriteError);
    }

    private void WriteInterrupts(uint offset, uint value)
    {
        switch (offset)
        {
            case 0x080: _events |= value & Bits.All; break;
            case 0x084: ClearEvents(value); break;
            case 0x088: _mask |= value & (Bits.All | Bits.Master); Phy.Segment.CyclesChanged(); break;
            case 0x08C: _mask &= ~value; break;
            case 0x090: _isoEvents[0] |= value; break;
            case 0x094: _isoEvents[0] &= ~value; break;
            case 0x098: _isoMasks[0] |= value & ((1 << Transmitters) - 1); break;
            case 0x09C: _isoMasks[0] &= ~value; break;
            case 0x0A0: _isoEvents[1] |= value; break;
            case 0x0A4: _isoEvents[1] &= ~value; break;
            case 0x0A8: _isoMasks[1] |= value & ((1 << Receivers) - 1); break;
            case 0x0AC: _isoMasks[1] &= ~value; break;
        }
        ShowStreams(mayBeLate: true);
        if (Remaining(Oddity.SilentUnmask) != 0 && !_isRaised && IsToInterrupt && Does(Oddity.SilentUnmask))
        {
            _isRaised = true;
            return;
        }
        UpdateInterrupt();
        // A line that stays up interrupts again; who counts on edges gets another.
        if (_isRaised && !Lot.Takes(Freedom.InterruptsOnEdges))
            ScheduleInterrupt();
    }

    private void ClearEvents(uint value)
    {
        if ((value & _events & Bits.BusReset) != 0 && ResetWhenCleared)
        {
            ResetWhenCleared = false;
            Phy.InitiateReset(isLong: false);
        }
        if ((value & _events & Bits.BusReset) != 0 && (_requestSend.Run || _responseSend.Run || _requestSend.Active || _responseSend.Active) && _isLinkOn)
            Complain("busReset is cleared while a transmit context runs or is active (7.2.3.2)");
        _events &= ~value;
    }

    private bool IsToInterrupt => (_mask & Bits.Master) != 0 && (Events & _mask) != 0;

    private void UpdateInterrupt()
    {
        bool isRaised = IsToInterrupt;
        if (isRaised && !_isRaised)
            ScheduleInterrupt();
        if (!isRaised && _isRaised)
            Host.SetInterrupt(false);
        _isRaised = isRaised;
    }

    // Somebody else on the line, or a message that was on its way when its events were seen already.
    private void InterruptForNothing()
    {
        if (_isRaised)
            return;
        Host.SetInterrupt(true);
        Host.SetInterrupt(false);
    }

    private void ScheduleInterrupt()
    {
        if (_isInterruptDue)
            return;
        _isInterruptDue = true;
        // Never at once: while one follows the other something else must have its turn.
        Later(20 + (Lot.Takes(Freedom.InterruptsLate) ? Lot.Delay() : 0), () =>
        {
            _isInterruptDue = false;
            Note($"interrupt {_isRaised}");
            if (_isRaised)
                Host.SetInterrupt(true);
        });
    }

    private uint ReadControl()
    {
        // Some take two or three looks until the PHY's clock is there (5.7.3).
        if ((_hcControl & PowerBit) != 0 && !_hasPower && _powerTries-- <= 0)
            _hasPower = true;
        if ((_hcControl & SoftResetBit) != 0 && _resetReads-- <= 0)
            _hcControl &= ~SoftResetBit;
        return _hcControl & ~(LinkBit | PowerBit | ImageValidBit) | (_hasPower ? PowerBit : 0) | (_showsLink ? LinkBit : 0) | (_isImageValid ? ImageValidBit : 0) | Lot.Reserved(0x1F30_FFFF);
    }

    private void SetControl(uint value)
    {
        if ((value & SoftResetBit) != 0)
        {
            SoftReset();
            _hcControl |= SoftResetBit;
            if (Does(Oddity.AwayAfterReset))
                Expect(Oddity.OnesOnce, 200);
            _resetReads = Lot.Reads();
            return;
        }
        if ((_hcControl & SoftResetBit) != 0)
            Complain($"HCControl is written while it resets, {value:x8} (5.7)");
        if ((value & (ProgramPhyBit | EnhancedBit)) != 0 && _isLinkOn)
            Complain("enhancements are chosen while the link is enabled (5.7.2)");
        _hcControl |= value & (NoSwapBit | ProgramPhyBit | EnhancedBit | PostedBit);
        _hcControl |= value & PowerBit;
        if ((value & ImageValidBit) != 0 && _isLinkOn && !_isImageValid)
            Complain("BIBimageValid is set while the link is enabled (5.7)");
        _isImageValid |= (value & ImageValidBit) != 0;
        if ((value & LinkBit) == 0 || (_hcControl & LinkBit) != 0)
            return;
        if (!_hasPower)
            Complain("the link is enabled without power (5.7.3)");
        _hcControl |= LinkBit;
        SettleLink();
    }

    private void ClearControl(uint value)
    {
        _hcControl &= ~(value & (NoSwapBit | ProgramPhyBit | EnhancedBit | PostedBit | LinkBit));
        if ((value & PowerBit) != 0)
            (_hasPower, _hcControl) = (false, _hcControl & ~PowerBit);
        if ((value & LinkBit) != 0)
            SettleLink();
    }

    // It is on or off at once; its bit may say so somewhat later.
    private void SettleLink()
    {
        _isLinkOn = (_hcControl & LinkBit) != 0;
        Phy.Segment.CyclesChanged();
        WatchSeconds();
        Later(Lot.ShortDelay(), () => _showsLink = _isLinkOn);
    }

    // 5.7: all is as after power came, and much of that is undefined (chapter 4, "undef" where the map names the value after a reset).
    private void SoftReset()
    {
        _life++;
        _sending = null;
        _isResetting = false;
        _resets++;
        _resetPackets.Clear();
        foreach (Unit unit in _units)
            unit.Forget();
        _hcControl = Lot.Reserved(NoSwapBit | PostedBit) | ProgramPhyBit;
        _hasPower = _isLinkOn = _showsLink = _isImageValid = _acceptsAll = _acceptsPhysicalFromAll = _hasNumber = false;
        _powerTries = Lot.Below(3);
        _upperBound = _hasUpperBound ? Lot.Reserved(0x3_FFFF) : 0;
        _events = Lot.Reserved(Bits.All);
        _mask = Lot.Reserved(Bits.All);
        (_isoEvents[0], _isoMasks[0], _isoEvents[1], _isoMasks[1]) = (Lot.Reserved(0xFF), Lot.Reserved(0xFF), Lot.Reserved(0xF), Lot.Reserved(0xF));
        _streamsShown = StreamEvents;
        _linkControl = Lot.Reserved(CycleMasterBit | CycleTimerBit | ReceivePhyBit | ReceiveSelfIdBit);
        (_retries, _csrData, _csrCompare, _selfIdBuffer) = (Lot.Reserved(0xFFF), Lot.Reserved(uint.MaxValue), Lot.Reserved(uint.MaxValue), Lot.Reserved(0xFFFF_F800));
        (_romHeader, _nextRomMap, _fairness) = (Lot.Reserved(uint.MaxValue), Lot.Reserved(0xFFFF_FC00), 0);
        _busOptions = 0xB002 | Lot.Reserved(0xF8FF_00C0);
        _channels = Lot.Reserved(uint.MaxValue);
        (_requestFilter, _physicalFilter, _busNumber, _phyControl, _selfIdQuadlets) = (0, 0, 0x3FF, 0, 0);
        _hasSelfIdError = (Lot.Reserved(1) & 1) != 0;
        _initial = [0x1333, uint.MaxValue, uint.MaxValue];
        (_isInterruptDue, _csrReads, _phyReads, _watches) = (false, 0, 0, 0);
        if (_isRaised)
            Host.SetInterrupt(false);
        _isRaised = false;
    }

    // cycle64Seconds.
    private void WatchSeconds()
    {
        if (!_isLinkOn || _watches++ != 0)
            return;
        int life = _life;
        Phy.Bus.Simulator.At(Clock.NextHalfWrap(Phy.Bus.Simulator.Now), new Due(() =>
        {
            if (life != _life)
                return;
            _watches = 0;
            Raise(Bits.Cycle64Seconds);
            WatchSeconds();
        }), 0, Pace.RealTime);
    }
}
