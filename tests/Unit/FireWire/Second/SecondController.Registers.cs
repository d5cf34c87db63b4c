using System;
using Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>The registers. Source: 1394 OHCI 1.1, chapter 4 (map), chapter 5.</summary>
internal sealed partial class SecondController
{
    private const uint ImageValidBit = 1u << 31, NoSwapBit = 1 << 30, ProgramPhyBit = 1 << 23, EnhancedBit = 1 << 22, PowerBit = 1 << 19, PostedBit = 1 << 18, LinkBit = 1 << 17, SoftResetBit = 1 << 16;
    private const uint CycleSourceBit = 1 << 22, CycleMasterBit = 1 << 21, CycleTimerBit = 1 << 20, ReceivePhyBit = 1 << 10, ReceiveSelfIdBit = 1 << 9;
    private const uint ReadDone = 1u << 31, PhyRead = 1 << 15, PhyWrite = 1 << 14;

    private readonly Packet _phyPacket = new();
    private readonly ulong _guid;
    private uint[] _csr = [0x3F, 0x1333, uint.MaxValue, uint.MaxValue], _initial = [0x1333, uint.MaxValue, uint.MaxValue];
    private uint _retries, _csrData, _csrCompare, _csrSelect, _romHeader, _busOptions, _romMap, _nextRomMap, _linkControl, _busNumber;
    private uint _upperBound, _selfIdBuffer, _generation, _selfIdQuadlets, _fairness, _phyControl, _hcControl;
    private ulong _channels, _requestFilter, _physicalFilter;
    private ulong _postedError;
    private int _csrReads, _resetReads, _phyReads, _powerTries;
    private bool _hasUpperBound, _hasPower, _isLinkOn, _showsLink, _isImageValid, _isRomNew, _acceptsAll, _acceptsPhysicalFromAll, _hasNumber, _hasSelfIdError;

    public bool SwapsData => (_hcControl & NoSwapBit) != 0;

    /// <summary>Physical memory of requests ends here: the register that says so is optional (5.15).</summary>
    public ulong PhysicalEnd => _hasUpperBound ? (ulong)_upperBound << 16 : 1ul << 32;

    public bool IsPosting => (_hcControl & PostedBit) != 0;

    public bool IsImageValid => _isImageValid;

    public uint RomMap => _romMap;

    public ReadOnlySpan<uint> RomRegisters => new uint[] { _romHeader, 0x3133_3934, _busOptions, (uint)(_guid >> 32), (uint)_guid };

    public Span<uint> Csr => _csr;

    /// <summary>Before the access to a register that is so many away something happens; 0: before none.</summary>
    public int AccessesUntil { get; set; }

    /// <summary>That; a bus reset if it is not set.</summary>
    public Action? Happening { get; set; }

    public uint Read(uint offset)
    {
        LetHappen();
        RunAlong();
        uint value = ReadRegister(offset);
        if (Does(Oddity.OnesOnce))
            value = uint.MaxValue;
        Note($"read {offset:x3} {value:x8}");
        return value;
    }

    private uint ReadRegister(uint offset)
    {
        return offset switch
        {
            0x000 => 0x0001_0010 | Lot.Reserved(0xFE00_FF00),
            0x008 => _retries,
            0x00C => _csrData,
            0x010 => _csrCompare,
            0x014 => ReadCsrControl(),
            0x018 => _romHeader,
            0x01C => 0x3133_3934,
            0x020 => _busOptions & ~7u | (uint)Phy.MaxSpeed,
            0x024 => (uint)(_guid >> 32),
            0x028 => (uint)_guid,
            0x034 => _nextRomMap,
            0x038 => (uint)_postedError,
            0x03C => (uint)(_postedError >> 32),
            0x040 => 0x0030_0000,
            0x050 or 0x054 => ReadControl(),
            0x064 => _selfIdBuffer,
            0x068 => (_hasSelfIdError ? 1u << 31 : 0) | _generation << 16 | _selfIdQuadlets << 2 | Lot.Reserved(0x7F00_F803),
            0x070 or 0x074 => (uint)(_channels >> 32),
            0x078 or 0x07C => (uint)_channels,
            0x080 => Events | Lot.Reserved(~(Bits.All | Bits.Master) & 0x1000_7C00),
            0x084 => Events & _mask,
            0x088 or 0x08C => _mask,
            0x090 => _isoEvents[0],
            0x094 => _isoEvents[0] & _isoMasks[0],
            0x098 or 0x09C => Does(Oddity.NoMaskYet) ? 0 : _isoMasks[0],
            0x0A0 => _isoEvents[1],
            0x0A4 => _isoEvents[1] & _isoMasks[1],
            0x0A8 or 0x0AC => Does(Oddity.NoMaskYet) ? 0 : _isoMasks[1],
            0x0B0 => _initial[0],
            0x0B4 => _initial[1],
            0x0B8 => _initial[2],
            0x0DC => _fairness,
            0x0E0 or 0x0E4 => _linkControl | Lot.Reserved(0xFF8F_F8BF),
            0x0E8 => ReadNode(),
            0x0EC => ReadPhyControl(),
            0x0F0 => HasClock() ? CycleTime : Lot.Noise,
            0x100 or 0x104 => (uint)(_requestFilter >> 32) | (_acceptsAll ? 1u << 31 : 0),
            0x108 or 0x10C => (uint)_requestFilter,
            0x110 or 0x114 => (uint)(_physicalFilter >> 32) | (_acceptsPhysicalFromAll ? 1u << 31 : 0),
            0x118 or 0x11C => (uint)_physicalFilter,
            0x120 => _upperBound,
            _ => TryContext(offset, out Context? context, out uint register) ? ReadContext(context!, register) : Lot.Reserved(uint.MaxValue),
        };
    }

    public void Write(uint offset, uint value)
    {
        LetHappen();
        RunAlong();
        Note($"write {offset:x3} {value:x8}");
        switch (offset)
        {
            case 0x008: _retries = value & 0xFFFF_0FFF; break;
            case 0x00C: _csrData = value; break;
            case 0x010: _csrCompare = value; break;
            case 0x014: LockOwn(value & 3); break;
            case 0x018: _romHeader = value; break;
            case 0x020: _busOptions = value & 0xF8FF_F0F7; break;
            case 0x034: SetRomMap(value & ~0x3FFu); break;
            case 0x050: SetControl(value); break;
            case 0x054: ClearControl(value); break;
            case 0x064: _selfIdBuffer = value & ~0x7FFu; break;
            case 0x070: _channels |= (ulong)value << 32; break;
            case 0x074: _channels &= ~((ulong)value << 32); break;
            case 0x078: _channels |= value; break;
            case 0x07C: _channels &= ~(ulong)value; break;
            case >= 0x080 and <= 0x0AC: WriteInterrupts(offset, value); break;
            case 0x0B0: _initial[0] = value & 0x1FFF; break;
            case 0x0B4: _initial[1] = value; break;
            case 0x0B8: _initial[2] = value; break;
            case 0x0DC: _fairness = value & 0xFF; break;
            case 0x0E0: SetLinkControl(_linkControl | value & 0x0070_0640); break;
            case 0x0E4: SetLinkControl(_linkControl & ~value); break;
            case 0x0E8: _busNumber = value >> 6 & 0x3FF; break;
            case 0x0EC: WritePhyControl(value); break;
            case 0x0F0: WriteCycleTimer(value); break;
            case 0x100: _acceptsAll |= value >> 31 != 0; SetFilter(ref _requestFilter, (ulong)(value & 0x7FFF_FFFF) << 32); break;
            case 0x104: _acceptsAll &= value >> 31 == 0; _requestFilter &= ~((ulong)value << 32); break;
            case 0x108: SetFilter(ref _requestFilter, value); break;
            case 0x10C: _requestFilter &= ~(ulong)value; break;
            case 0x110: _acceptsPhysicalFromAll |= value >> 31 != 0; SetFilter(ref _physicalFilter, (ulong)(value & 0x7FFF_FFFF) << 32); break;
            case 0x114: _acceptsPhysicalFromAll &= value >> 31 == 0; _physicalFilter &= ~((ulong)value << 32); break;
            case 0x118: SetFilter(ref _physicalFilter, value); break;
            case 0x11C: _physicalFilter &= ~(ulong)value; break;
            case 0x120: _upperBound = _hasUpperBound ? value : 0; break;
            default:
                if (TryContext(offset, out Context? context, out uint register))
                    WriteContext(context!, register, value);
                break;
        }
    }

    // With the link off nobody sees it change (5.5.6).
    private void SetRomMap(uint value)
    {
        _nextRomMap = value;
        _isRomNew = _isLinkOn || Lot.Takes(Freedom.ReadsFirstRom);
        if (!_isLinkOn)
            _romMap = value;
    }

    // 5.14: while a reset is not acknowledged, nobody is let in.
    private void SetFilter(ref ulong filter, ulong bits)
    {
        if (!IsBusResetSet)
            filter |= bits;
    }

    private void LetHappen()
    {
        if (AccessesUntil == 0 || --AccessesUntil != 0)
            return;
        if (Happening != null)
            Happening();
        else
            Phy.InitiateReset(isLong: false);
    }

    private void RunAlong()
    {
        if (!Lot.Takes(Freedom.RunsAlong))
            return;
        for (int i = Lot.Below(4); i > 0; i--)
            _units[Lot.Below(_units.Length)].RunAlong();
    }

    private bool TryContext(uint offset, out Context? context, out uint register)
    {
        register = offset & 0xF;
        context = offset switch
        {
            >= 0x180 and < 0x190 => _requestSend,
            >= 0x1A0 and < 0x1B0 => _responseSend,
            >= 0x1C0 and < 0x1D0 => _requestReceive,
            >= 0x1E0 and < 0x1F0 => _responseReceive,
            >= 0x200 and < 0x200 + 16 * Transmitters => _isoSends[(offset - 0x200) / 16],
            >= 0x400 and < 0x400 + 32 * Receivers => _isoReceives[(offset - 0x400) / 32],
            _ => null,
        };
        if (context is IsoReceive)
            register = offset & 0x1F;
        return context != null;
    }

    private static uint ReadContext(Context context, uint register) => register switch
    {
        0 or 4 => context.ReadControl(),
        0xC => context.CommandPtr,
        0x10 => ((IsoReceive)context).Match,
        _ => 0,
    };

    private static void WriteContext(Context context, uint register, uint value)
    {
        switch (register)
        {
            case 0: context.Set(value); break;
            case 4: context.Clear(value); break;
            case 0xC: context.WritePointer(value); break;
            case 0x10: ((IsoReceive)context).Match = value & 0xF7FF_FF7F; break;
        }
    }

    // 5.5.1: a compare and swap of the node's own register.
    private void LockOwn(uint select)
    {
        _csrSelect = select;
        _csrReads = Lot.Reads();
        uint old = _csr[select];
        if (old == _csrCompare)
            _csr[select] = _csrData;
        _csrData = old;
    }

    private uint ReadCsrControl() => (_csrReads-- <= 0 ? 1u << 31 : 0) | Lot.Reserved(0x7FFF_FFFC) | _csrSelect;

    // 5.11. Bus and number are of no meaning until they are valid.
    private uint ReadNode() => HasClock() ? (_hasNumber ? 1u << 31 : 0) | (_hasNumber && Phy.IsRoot ? 1u << 30 : 0) | 1 << 27 | Lot.Reserved(0x37FF_0000) | NodeId : Lot.Noise;

    private void SetLinkControl(uint value)
    {
        _linkControl = value;
        Phy.Segment.CyclesChanged();
    }

    private void WriteCycleTimer(uint value)
    {
        if (!HasClock())
            return;
        Phy.Segment.CyclesChanged();
        uint before = CycleTime;
        Clock.Write(value, Phy.Bus.Simulator.Now);
        Phy.Segment.CyclesChanged();
        // A cycle that is left out is lost; of more than a second nobody counts them.
        for (uint cycle = (before >> 12 & 0x1FFF) + 1; value >> 25 == before >> 25 && cycle <= (value >> 12 & 0x1FFF); cycle++)
            CycleMissed();
    }

    // 5.12: one access at a time.
    private void WritePhyControl(uint value)
    {
        if (!HasClock())
            return;
        if ((_phyControl & (PhyRead | PhyWrite)) != 0)
            Complain("PhyControl is written while an access is under way (5.12)");
        _phyControl = value & 0x0000_FFFF;
        _phyReads = Lot.Reads();
        if ((value & PhyRead) != 0 && Does(Oddity.LostPhyRead))
            _phyControl &= ~PhyRead;
        if ((value & PhyWrite) == 0 || _phyReads != 0)
            return;
        FinishPhyAccess();
    }

    private uint ReadPhyControl()
    {
        if (!HasClock())
            return Lot.Noise & ~ReadDone;
        if ((_phyControl & (PhyRead | PhyWrite)) != 0 && _phyReads-- <= 0)
            FinishPhyAccess();
        return _phyControl | Lot.Reserved(0x7000_3000);
    }

    private void FinishPhyAccess()
    {
        uint register = _phyControl >> 8 & 0xF;
        bool isWrite = (_phyControl & PhyWrite) != 0;
        uint value = _phyControl & 0xFF;
        _phyControl &= ~(PhyRead | PhyWrite);
        if (isWrite)
        {
            Phy.Registers.Write((int)register, (byte)value);
            return;
        }
        _phyControl = (_phyControl & 0xFFFF) | ReadDone | register << 24 | (uint)Phy.Registers.Read((int)register) << 16;
        Raise(Bits.PhyRegisterReceived);
    }

    // 5.7.3: without the PHY's clock these registers do not work.
    private bool HasClock()
    {
        if (_hasPower)
            return true;
        Raise(Bits.RegisterAccessFail);
        return false;
    }
}
