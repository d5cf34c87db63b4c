using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Ohci;

/// <summary>
/// Makes a controller do what <see cref="OhciFaults"/> say. The other parts ask here, and only when there is a fault; what comes by itself is
/// done each millisecond. Section numbers are of 1394 OHCI 1.1: what the fault breaks.
/// </summary>
internal sealed class FaultUnit(OhciController controller) : ITimed
{
    private const IntEvent StormEvents = IntEvent.RequestReceived | IntEvent.ResponseReceived | IntEvent.RequestSent | IntEvent.ResponseSent;
    private const uint AccessPending = 0xC000, GarbageAddress = 0xDEAD_BEE1;

    private static readonly long _period = BusTime.Microseconds(1000);
    private static readonly int[] _noCodes = [3, 0xC, 0xD, 0xF];

    private OhciFaults _faults;
    private uint _phyAccess, _reads;
    private int _packets;
    private bool _isTimerOn, _isInReset;

    /// <summary>What is wrong now.</summary>
    public OhciFaults Faults
    {
        get => _faults;
        set
        {
            bool returns = (Has(OhciFaults.Gone) && (value & OhciFaults.Gone) == 0) || (_isInReset && (value & OhciFaults.StuckReset) == 0);
            _faults = value;
            if (returns)
            {
                _isInReset = false;
                controller.HardReset();
            }
            controller.Interrupts.Update();
            StartTimer();
        }
    }

    public bool Has(OhciFaults one) => (_faults & one) != 0;

    /// <summary>What a register reads as.</summary>
    public uint Read(uint offset, uint value)
    {
        if (Has(OhciFaults.Gone))
            return uint.MaxValue;
        switch (offset)
        {
            case OhciRegister.HcControl or OhciRegister.HcControl + 4 when _isInReset:
                return value | (uint)HcControl.SoftReset;
            case OhciRegister.PhyControl when Has(OhciFaults.StuckPhy):
                return _phyAccess;
            case OhciRegister.SelfIdCount:
                return ReadSelfIdCount(value);
            case OhciRegister.IntEvent or OhciRegister.IntEvent + 4 when Has(OhciFaults.InterruptStorm):
                return value | (uint)StormEvents;
            default:
                bool isControl = offset >= OhciRegister.AtRequest && (offset & 0xF & ~4u) == 0 && (offset < OhciRegister.Ir || (offset & 0x1F) < 8);
                return isControl && Has(OhciFaults.StuckContext) ? value | (uint)ContextControl.Active : value;
        }
    }

    /// <summary>A register is written.</summary>
    /// <returns>Whether the write has an effect.</returns>
    public bool TryWrite(uint offset, ref uint value)
    {
        if (Has(OhciFaults.Gone))
            return false;
        if (offset == OhciRegister.HcControl)
        {
            // Section 5.7: the bit is one as long as the reset lasts.
            _isInReset |= Has(OhciFaults.StuckReset) && (value & (uint)HcControl.SoftReset) != 0;
            if (Has(OhciFaults.NoLinkPower))
                value &= ~(uint)HcControl.LinkPower;
        }
        if (offset != OhciRegister.PhyControl || !Has(OhciFaults.StuckPhy))
            return !_isInReset;
        _phyAccess = value & (AccessPending | 0xFFF);
        return false;
    }

    /// <summary>The interrupt's level.</summary>
    public bool Level(bool level, bool isAllowed) => Has(OhciFaults.InterruptStorm) ? isAllowed : level && !Has(OhciFaults.InterruptLost | OhciFaults.Gone);

    /// <summary>The self-ID buffer as it goes to memory. Section 11.3.</summary>
    public void SpoilSelfIds(Span<byte> buffer)
    {
        if (Has(OhciFaults.SelfIdInverse) && buffer.Length >= 12)
            buffer[^3] ^= 0x10;
    }

    /// <summary>A packet as it goes to a receive buffer: header, data. Section 8.4.2.</summary>
    /// <returns>Bytes that are left of it.</returns>
    public int SpoilPacket(Span<byte> packet, Tcode code)
    {
        _packets++;
        if (Has(OhciFaults.ReceiveCode))
            packet[0] = (byte)((packet[0] & 0xF) | (_noCodes[_packets % _noCodes.Length] << 4));
        if (Has(OhciFaults.ReceiveLength) && code.HasData)
        {
            int[] lengths = [ushort.MaxValue, 4097, packet.Length, packet.Length + 64, 0x8000];
            BinaryPrimitives.WriteUInt16LittleEndian(packet[14..], (ushort)lengths[_packets % lengths.Length]);
        }
        return Has(OhciFaults.ReceiveCut) ? Math.Min(packet.Length, 4 + (_packets % 2 * 4)) : packet.Length;
    }

    /// <summary>What is said of a packet in a receive buffer. Section 3.1.2.</summary>
    public EventCode SpoilCode(EventCode code) => !Has(OhciFaults.ReceiveRefused) || code == EventCode.BusReset ? code : _packets % 2 == 0 ? EventCode.AckDataError : EventCode.AckTypeError;

    /// <summary>What is added to a buffer's resCount. Section 8.1.1.</summary>
    public int ResidualError(int requestCount) => Has(OhciFaults.ResidualAbove) ? requestCount + 4 : Has(OhciFaults.ResidualBack) && _packets % 2 != 0 ? 32 : 0;

    /// <summary>A packet is in its buffer: what else is written.</summary>
    public void Overrun(uint end)
    {
        Span<byte> garbage = stackalloc byte[16];
        garbage.Fill(0x66);
        if (Has(OhciFaults.WildDma))
            controller.Host.TryWrite(end, garbage);
    }

    /// <summary>A descriptor is done with: its addresses are not what they were. Section 3.1.</summary>
    public void SpoilDescriptor(uint address)
    {
        if (!Has(OhciFaults.Branch))
            return;
        controller.Host.TryWrite32(address + 4, GarbageAddress);
        controller.Host.TryWrite32(address + 8, GarbageAddress);
    }

    void ITimed.Due(int what)
    {
        _isTimerOn = false;
        if (Has(OhciFaults.InterruptSpurious))
        {
            controller.Host.SetInterrupt(true);
            controller.Interrupts.Update();
        }
        if (Has(OhciFaults.InterruptStorm))
            controller.Host.InterruptAgain();
        if (Has(OhciFaults.StrayDma))
            controller.WriteStopped();
        StartTimer();
    }

    // Section 11.2.
    private uint ReadSelfIdCount(uint value)
    {
        const uint size = 0x7FC;
        if (Has(OhciFaults.SelfIdGeneration))
            value = (value & ~0xFF_0000u) | ((value + (++_reads << 16)) & 0xFF_0000);
        if (Has(OhciFaults.SelfIdError))
            value |= 1u << 31;
        if (Has(OhciFaults.SelfIdOverflow | OhciFaults.SelfIdNone))
            value &= ~size;
        return Has(OhciFaults.SelfIdOverflow) ? value | size : value;
    }

    private void StartTimer()
    {
        if (_isTimerOn || !Has(OhciFaults.InterruptSpurious | OhciFaults.InterruptStorm | OhciFaults.StrayDma))
            return;
        _isTimerOn = true;
        controller.Phy.Bus.Simulator.After(_period, this, 0, Pace.RealTime);
    }
}
