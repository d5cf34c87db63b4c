using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Ohci;

/// <summary>The registers. Source: 1394 OHCI 1.1, sections 4 and 5.</summary>
public sealed partial class OhciController : ITimed
{
    private const uint NodeIdValid = 1u << 31, NodeIdRoot = 1u << 30, SelfIdError = 1u << 31, Done = 1u << 31;
    private const ulong AllBuses = 1UL << 63;
    private const int SelfIdBufferBytes = 2048;
    private const uint HasGuidRom = 1u << 24, Release = 0x01_0010;
    private const HcControl HcSettable = HcControl.SoftReset | HcControl.LinkEnable | HcControl.PostedWriteEnable | HcControl.LinkPower | HcControl.PhyEnhance |
        HcControl.NoByteSwap | HcControl.RomIsValid;
    private const HcControl HcClearable = HcControl.PostedWriteEnable | HcControl.LinkPower | HcControl.PhyEnhance | HcControl.ProgramPhy |
        HcControl.NoByteSwap | HcControl.LinkEnable;
    private const LinkControl LinkSettable = LinkControl.Tag1SyncFilterLock | LinkControl.ReceiveSelfId | LinkControl.ReceivePhy |
        LinkControl.CycleTimerEnable | LinkControl.CycleMaster;

    private HcControl _hc;
    private LinkControl _link;
    private uint _csrData, _csrCompare, _csrControl, _romHeader, _busOptions, _romMap, _nextRomMap, _selfIdBuffer, _selfIdCount;
    private uint _nodeId, _phyControl, _physicalBound, _guidRom;
    private ulong _guid, _requestFilter, _physicalFilter, _postedWrite, _irChannels;
    private int _generation;
    private bool _is64On;

    /// <summary>Whether block reads of the ROM are answered, and a bus reset brings the next one.</summary>
    internal bool HasRomImage => (_hc & HcControl.RomIsValid) != 0;

    /// <summary>Reads a register. Those that are none read as 0.</summary>
    public uint Read(uint offset)
    {
        uint value = ReadAny(offset & ~3u);
        if (Faults != 0)
            value = FaultUnit.Read(offset & ~3u, value);
        Phy.Bus.Trace?.Register(Phy, false, offset, value);
        return value;
    }

    /// <summary>Writes a register. Those that are none, or only tell something, ignore it.</summary>
    public void Write(uint offset, uint value)
    {
        Phy.Bus.Trace?.Register(Phy, true, offset, value);
        offset &= ~3u;
        if (Faults != 0 && !FaultUnit.TryWrite(offset, ref value))
            return;
        if (offset >= OhciRegister.AtRequest)
            WriteContext(offset, value);
        else
            WriteAny(offset, value);
    }

    /// <summary>As after power-on, the PHY apart, which the bus holds.</summary>
    public void HardReset()
    {
        ResetRegisters();
        Phy.Segment.CyclesChanged();
    }

    void ITimed.Due(int what)
    {
        Interrupts.Raise(IntEvent.Cycle64Seconds);
        _is64On = false;
        Schedule64();
    }

    /// <summary>A quadlet of the ROM as others read it: the first five come from registers.</summary>
    internal bool TryReadRom(int offset, out uint value)
    {
        switch (offset)
        {
            case 0x00:
                value = _romHeader;
                return true;
            case 0x04:
                value = ConfigurationRom.BusName;
                return true;
            case 0x08:
                value = _busOptions;
                return true;
            case 0x0C:
                value = (uint)(_guid >> 32);
                return true;
            case 0x10:
                value = (uint)_guid;
                return true;
            default:
                value = 0;
                Span<byte> quadlet = stackalloc byte[4];
                if (!TryReadRomImage(offset, quadlet))
                    return false;
                value = BinaryPrimitives.ReadUInt32BigEndian(quadlet);
                return true;
        }
    }

    /// <summary>Bytes of the ROM's image in memory.</summary>
    internal bool TryReadRomImage(int offset, Span<byte> bytes)
    {
        if (!Host.TryRead(_romMap + (uint)offset, bytes))
            return false;
        SwapData(bytes);
        return true;
    }

    /// <summary>Buffers of contexts that were stopped are written to.</summary>
    internal void WriteStopped()
    {
        _arRequest.WriteStopped();
        _arResponse.WriteStopped();
    }

    private void ResetRegisters()
    {
        foreach (DmaContext context in (DmaContext[])[_atRequest, _atResponse, _arRequest, _arResponse])
            context.Reset();
        ResetIsochronous();
        _physical.Reset();
        Interrupts.Reset();
        _hc = Has(OhciQuirks.No1394a) ? 0 : HcControl.ProgramPhy;
        _link = 0;
        (_csrData, _csrCompare, _csrControl, _romHeader, _romMap, _nextRomMap, _selfIdBuffer, _selfIdCount) = (0, 0, Done, 0, 0, 0, 0, 0);
        (_requestFilter, _physicalFilter, _postedWrite, _irChannels) = (0, 0, 0, 0);
        (_nodeId, _phyControl, _physicalBound, _guidRom, AtRetries) = (0xFFFF, 0, 0, 0, 0);
        // What a node is able to do, software says (5.5.4).
        _busOptions = (uint)_traits.MaxRecord << 12 | (uint)_traits.Speed;
        (Manager.InitialBandwidth, Manager.InitialChannelsHi, Manager.InitialChannelsLo) = (Csr.AllBandwidth, uint.MaxValue, uint.MaxValue);
        Manager.Reset();
    }

    // What software prepared for this reset is the ROM from now on. The two registers are loaded as the words lie in memory, however
    // data is swapped. Source: 1394 OHCI 1.1, section 5.5.6.
    private void SwapRom()
    {
        if (!HasRomImage || _nextRomMap == _romMap)
            return;
        _romMap = _nextRomMap;
        if (Host.TryRead32(_romMap, out uint header))
            _romHeader = header;
        if (Host.TryRead32(_romMap + 8, out uint options))
            _busOptions = WithSpeed(options);
    }

    private uint ReadCycleTimer()
    {
        // A sixteenth of a cycle.
        const uint offset = 0xFFF, torn = 3072 / 16;
        uint value = CycleTime;
        if (!Has(OhciQuirks.CycleTimer) || (value & offset) >= torn)
            return value;
        long before = (Phy.Segment.CycleMaster?.Clock ?? Clock).Ticks(Phy.Bus.Simulator.Now) - BusTime.TicksPerCycle;
        return before < 0 ? value : (CycleClock.Encode(before) & ~offset) | (value & offset);
    }

    // The link's speed is what it is.
    private uint WithSpeed(uint options) => (options & ~7u) | (uint)_traits.Speed;

    private uint ReadAny(uint offset) => offset switch
    {
        OhciRegister.Version => HasGuidRom | Release,
        OhciRegister.GuidRom => _guidRom,
        OhciRegister.AtRetries => AtRetries,
        OhciRegister.CsrData => _csrData,
        OhciRegister.CsrCompare => _csrCompare,
        OhciRegister.CsrControl => _csrControl,
        OhciRegister.ConfigRomHeader => _romHeader,
        OhciRegister.BusId => ConfigurationRom.BusName,
        OhciRegister.BusOptions => _busOptions,
        OhciRegister.GuidHi => (uint)(_guid >> 32),
        OhciRegister.GuidLo => (uint)_guid,
        OhciRegister.ConfigRomMap => _nextRomMap,
        OhciRegister.PostedWriteLo => (uint)_postedWrite,
        OhciRegister.PostedWriteHi => (uint)(_postedWrite >> 32),
        OhciRegister.VendorId => _traits.VendorId,
        OhciRegister.HcControl or OhciRegister.HcControl + 4 => (uint)_hc,
        OhciRegister.SelfIdBuffer => _selfIdBuffer,
        OhciRegister.SelfIdCount => _selfIdCount,
        OhciRegister.IrChannelsHi or OhciRegister.IrChannelsHi + 4 => (uint)(_irChannels >> 32),
        OhciRegister.IrChannelsLo or OhciRegister.IrChannelsLo + 4 => (uint)_irChannels,
        OhciRegister.IntEvent => (uint)Interrupts.Events,
        OhciRegister.IntEvent + 4 => (uint)(Interrupts.Events & Interrupts.Mask),
        OhciRegister.IntMask or OhciRegister.IntMask + 4 => (uint)Interrupts.Mask,
        OhciRegister.ItEvent => Interrupts.Transmit.Events,
        OhciRegister.ItEvent + 4 => Interrupts.Transmit.Masked,
        OhciRegister.ItMask or OhciRegister.ItMask + 4 => Interrupts.Transmit.Mask,
        OhciRegister.IrEvent => Interrupts.Receive.Events,
        OhciRegister.IrEvent + 4 => Interrupts.Receive.Masked,
        OhciRegister.IrMask or OhciRegister.IrMask + 4 => Interrupts.Receive.Mask,
        OhciRegister.InitialBandwidth => Manager.InitialBandwidth,
        OhciRegister.InitialChannelsHi => Manager.InitialChannelsHi,
        OhciRegister.InitialChannelsLo => Manager.InitialChannelsLo,
        // Fairness: no priority requests are made, and the register says so.
        OhciRegister.LinkControl or OhciRegister.LinkControl + 4 => (uint)_link,
        OhciRegister.NodeId => _nodeId,
        OhciRegister.PhyControl => _phyControl,
        OhciRegister.CycleTimer => NeedsPower() ? ReadCycleTimer() : 0,
        OhciRegister.RequestFilterHi or OhciRegister.RequestFilterHi + 4 => (uint)(_requestFilter >> 32),
        OhciRegister.RequestFilterLo or OhciRegister.RequestFilterLo + 4 => (uint)_requestFilter,
        OhciRegister.PhysicalFilterHi or OhciRegister.PhysicalFilterHi + 4 => (uint)(_physicalFilter >> 32),
        OhciRegister.PhysicalFilterLo or OhciRegister.PhysicalFilterLo + 4 => (uint)_physicalFilter,
        OhciRegister.PhysicalUpperBound => _physicalBound,
        >= OhciRegister.AtRequest => ReadContext(offset),
        _ => 0,
    };

    private void WriteAny(uint offset, uint value)
    {
        switch (offset)
        {
            case OhciRegister.GuidRom:
                WriteGuidRom(value);
                break;
            case OhciRegister.AtRetries:
                AtRetries = value & 0xFFFF_0FFF;
                break;
            case OhciRegister.CsrData:
                _csrData = value;
                break;
            case OhciRegister.CsrCompare:
                _csrCompare = value;
                break;
            case OhciRegister.CsrControl:
                _csrData = Manager.CompareSwap((int)(value & 3), _csrCompare, _csrData);
                _csrControl = Done | (value & 3);
                break;
            // Where no serial ROM has one: once (5.5.5).
            case OhciRegister.GuidHi when _guid >> 32 == 0:
                _guid |= (ulong)value << 32;
                break;
            case OhciRegister.GuidLo when (uint)_guid == 0:
                _guid |= value;
                break;
            case OhciRegister.ConfigRomHeader:
                _romHeader = value;
                break;
            case OhciRegister.BusOptions:
                _busOptions = WithSpeed(value);
                break;
            case OhciRegister.ConfigRomMap:
                _nextRomMap = value & ~0x3FFu;
                // Without link nobody reads it, and nothing is to be exchanged under somebody.
                if ((_hc & HcControl.LinkEnable) == 0)
                    _romMap = _nextRomMap;
                break;
            case OhciRegister.HcControl:
                SetHc((HcControl)value & (Has(OhciQuirks.No1394a) ? HcSettable & ~HcControl.PhyEnhance : HcSettable));
                break;
            case OhciRegister.HcControl + 4:
                ClearHc((HcControl)value & HcClearable);
                break;
            case OhciRegister.SelfIdBuffer:
                _selfIdBuffer = value & ~0x7FFu;
                break;
            case OhciRegister.IntEvent:
                Interrupts.SetBySoftware((IntEvent)value);
                break;
            case OhciRegister.IntEvent + 4:
                // A bus reset stands as long as it lasts. Source: 1394 OHCI 1.1, section 6.1.1.
                bool wasReset = Interrupts.Has(IntEvent.BusReset);
                Interrupts.ClearBySoftware((IntEvent)value & (Phy.Segment.IsResetting ? ~IntEvent.BusReset : (IntEvent)uint.MaxValue));
                if (wasReset && !Interrupts.Has(IntEvent.BusReset))
                {
                    _atRequest.Resume();
                    _atResponse.Resume();
                }
                break;
            case OhciRegister.IntMask:
                Interrupts.SetMask((IntEvent)value);
                MaskChanged();
                break;
            case OhciRegister.IntMask + 4:
                Interrupts.ClearMask((IntEvent)value);
                ForgetCycle();
                break;
            case OhciRegister.InitialBandwidth:
                Manager.InitialBandwidth = value & 0x1FFF;
                break;
            case OhciRegister.InitialChannelsHi:
                Manager.InitialChannelsHi = value;
                break;
            case OhciRegister.InitialChannelsLo:
                Manager.InitialChannelsLo = value;
                break;
            case OhciRegister.LinkControl:
                _link |= (LinkControl)value & LinkSettable;
                Phy.Segment.CyclesChanged();
                break;
            case OhciRegister.LinkControl + 4:
                _link &= ~(LinkControl)value;
                Phy.Segment.CyclesChanged();
                break;
            case OhciRegister.NodeId:
                _nodeId = (_nodeId & ~0xFFC0u) | (value & 0xFFC0);
                break;
            case OhciRegister.PhyControl:
                AccessPhy(value);
                break;
            case OhciRegister.CycleTimer when NeedsPower():
                Clock.Write(value, Phy.Bus.Simulator.Now);
                Phy.Segment.CyclesChanged();
                break;
            case OhciRegister.PhysicalUpperBound:
                _physicalBound = value;
                break;
            default:
                WriteMasks(offset, value);
                break;
        }
    }

    private void WriteMasks(uint offset, uint value)
    {
        switch (offset & ~4u)
        {
            case OhciRegister.RequestFilterHi or OhciRegister.RequestFilterLo:
                // Filters take no bits while there is a bus reset. Source: 1394 OHCI 1.1, section 5.14.
                Change(ref _requestFilter, offset, value);
                break;
            case OhciRegister.PhysicalFilterHi or OhciRegister.PhysicalFilterLo when !Interrupts.Has(IntEvent.BusReset):
                Change(ref _physicalFilter, offset, value);
                break;
            case OhciRegister.IrChannelsHi or OhciRegister.IrChannelsLo:
                Change(ref _irChannels, offset, value);
                break;
            case OhciRegister.ItEvent:
                Interrupts.Transmit.Events = Change(Interrupts.Transmit.Events, offset, value & ContextBits(_traits.TransmitContexts));
                break;
            case OhciRegister.ItMask:
                Interrupts.Transmit.Mask = Change(Interrupts.Transmit.Mask, offset, value & ContextBits(_traits.TransmitContexts));
                break;
            case OhciRegister.IrEvent:
                Interrupts.Receive.Events = Change(Interrupts.Receive.Events, offset, value & ContextBits(_traits.ReceiveContexts));
                break;
            case OhciRegister.IrMask:
                Interrupts.Receive.Mask = Change(Interrupts.Receive.Mask, offset, value & ContextBits(_traits.ReceiveContexts));
                break;
            default:
                return;
        }
        Interrupts.Update();
    }

    private static uint ContextBits(int contexts) => (uint)((1UL << contexts) - 1);

    private static uint Change(uint old, uint offset, uint value) => (offset & 4) == 0 ? old | value : old & ~value;

    // Pairs of words of 64 bits: the upper one has bit 3 of the offset clear.
    private static void Change(ref ulong mask, uint offset, uint value)
    {
        int shift = (offset & 8) == 0 ? 32 : 0;
        mask = (offset & 4) == 0 ? mask | ((ulong)value << shift) : mask & ~((ulong)value << shift);
    }
}
