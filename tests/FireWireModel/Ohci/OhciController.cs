using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Ohci;

/// <summary>What a controller is made as.</summary>
/// <param name="Guid">EUI-64.</param>
/// <param name="Speed">Its link's; its PHY's is in <see cref="PhyTraits"/>.</param>
/// <param name="TransmitContexts">Isochronous, 4 to 32.</param>
/// <param name="ReceiveContexts">Isochronous, 4 to 32.</param>
/// <param name="VendorId">What the register of that name says: an organization.</param>
/// <param name="MaxRecord">Takes packets of 2^(this + 1) bytes.</param>
/// <param name="Quirks">What is odd about it.</param>
public sealed record OhciTraits(ulong Guid, Speed Speed = Speed.S400, int TransmitContexts = 8, int ReceiveContexts = 4, uint VendorId = 0x52_5400, int MaxRecord = 10,
    OhciQuirks Quirks = OhciQuirks.None);

/// <summary>
/// A 1394 OHCI controller: a link of the bus on one side, registers and a computer's memory on the other. All is called with the
/// simulator's lock held. Source: 1394 Open Host Controller Interface Specification, release 1.1.
/// </summary>
public sealed partial class OhciController : Link
{
    private readonly OhciTraits _traits;
    private readonly AsyncTransmit _atRequest, _atResponse;
    private readonly AsyncReceive _arRequest, _arResponse;
    private readonly PhysicalUnit _physical;

    public OhciController(IOhciHost host, OhciTraits traits)
    {
        Host = host;
        _traits = traits;
        _guid = traits.Guid;
        FaultUnit = new FaultUnit(this);
        Interrupts = new InterruptUnit(host, FaultUnit);
        _atRequest = new AsyncTransmit(this, IntEvent.RequestSent, 0);
        _atResponse = new AsyncTransmit(this, IntEvent.ResponseSent, 4);
        _arRequest = new AsyncReceive(this, IntEvent.RequestReceived, IntEvent.ArRequestBuffer);
        _arResponse = new AsyncReceive(this, IntEvent.ResponseReceived, IntEvent.ArResponseBuffer);
        _physical = new PhysicalUnit(this);
        MakeIsochronous();
        ResetRegisters();
    }

    /// <summary>Requests answered without software.</summary>
    public long PhysicalRequests => _physical.Served;

    /// <summary>Packets that were answered busy, as no buffer was free.</summary>
    public long Full => _arRequest.Full + _arResponse.Full;

    public override bool IsActive => !FaultUnit.Has(OhciFaults.Gone) && (_hc & (HcControl.LinkPower | HcControl.LinkEnable)) == (HcControl.LinkPower | HcControl.LinkEnable);

    public override bool IsCycleMaster => (_link & (LinkControl.CycleMaster | LinkControl.CycleTimerEnable)) == (LinkControl.CycleMaster | LinkControl.CycleTimerEnable);

    /// <summary>What is wrong with it; nothing at first. On a bus alone.</summary>
    public OhciFaults Faults
    {
        get => FaultUnit.Faults;
        set => FaultUnit.Faults = value;
    }

    internal FaultUnit FaultUnit { get; }

    /// <summary>Bytes that it reads of a descriptor, at least.</summary>
    internal int DescriptorBytes => Has(OhciQuirks.OverRead) ? 2 * DmaContext.DescriptorBytes : DmaContext.DescriptorBytes;

    /// <summary>Whether it has one of these quirks.</summary>
    internal bool Has(OhciQuirks quirks) => (_traits.Quirks & quirks) != 0;

    internal IOhciHost Host { get; }

    internal InterruptUnit Interrupts { get; }

    internal ManagerRegisters Manager { get; } = new();

    /// <summary>The first address that is not host memory to others.</summary>
    internal ulong PhysicalBound => _physicalBound == 0 ? 1UL << 32 : (ulong)_physicalBound << 16;

    internal bool PostsWrites => (_hc & HcControl.PostedWriteEnable) != 0;

    internal uint AtRetries { get; private set; }

    /// <summary>The node's address on the bus.</summary>
    internal ushort NodeId => (ushort)(_nodeId & 0xFFFF);

    /// <summary>Three bits of seconds, thirteen of cycles.</summary>
    internal uint TimeStamp => (CycleTime >> 12) & 0xFFFF;

    public override void ResetStarted()
    {
        _generation = (_generation + 1) & 0xFF;
        _selfIdCount = (uint)_generation << 16;
        _nodeId = (_nodeId & ~(NodeIdValid | NodeIdRoot | 0xFFFF)) | 0xFFFF;
        _requestFilter &= AllBuses;
        _physicalFilter = 0;
        Manager.Reset();
        SwapRom();
        // First the event, as it keeps the contexts from going on.
        Interrupts.Withdraw(IntEvent.SelfIdComplete);
        Interrupts.Raise(IntEvent.BusReset);
        _physical.Reset();
        _atRequest.BusReset();
        _atResponse.BusReset();
        _arRequest.TakeReset(Has(OhciQuirks.ResetPacket) ? (_generation - 1) & 0xFF : _generation);
    }

    public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
    {
        _nodeId = NodeIdValid | (Phy.IsRoot ? NodeIdRoot : 0) | 0x0800_0000 | 0xFFC0 | (uint)Phy.PhysicalId;
        if ((_link & LinkControl.ReceiveSelfId) == 0)
            return;
        // More than fits is an error whatever it is, and what the buffer holds then means nothing.
        selfIds = selfIds[..Math.Min(selfIds.Length, SelfIdBufferBytes / 8)];
        Span<byte> buffer = stackalloc byte[4 + (selfIds.Length * 8)];
        BinaryPrimitives.WriteUInt32LittleEndian(buffer, ((uint)_generation << 16) | TimeStamp);
        int bytes = 4;
        foreach (uint selfId in selfIds)
        {
            if (Has(OhciQuirks.MissingSelfId) && PhyPacket.NodeOf(selfId) == Phy.PhysicalId)
                continue;
            BinaryPrimitives.WriteUInt32LittleEndian(buffer[bytes..], selfId);
            BinaryPrimitives.WriteUInt32LittleEndian(buffer[(bytes + 4)..], ~selfId);
            bytes += 8;
        }
        buffer = buffer[..bytes];
        if (Has(OhciQuirks.BigEndianHeaders))
            ReverseWords(buffer);
        if (Faults != 0)
            FaultUnit.SpoilSelfIds(buffer);
        bool isGood = buffer.Length < SelfIdBufferBytes && Host.TryWrite(_selfIdBuffer, buffer);
        _selfIdCount = ((uint)_generation << 16) | (isGood ? (uint)buffer.Length : SelfIdError);
        Interrupts.Raise(IntEvent.SelfIdComplete | IntEvent.SelfIdComplete2);
    }

    public override Ack Receive(Packet packet)
    {
        if (packet.IsMalformed)
            return Ack.DataError;
        if (packet.Code.IsResponse)
            return _arResponse.Take(packet, Ack.Complete);
        int most = Math.Min(2 << ((int)(_busOptions >> 12) & 0xF), packet.Speed.MostAsynchronousBytes);
        if (!packet.Code.IsRequest || packet.DataBytes > most || (packet.Code == Tcode.ReadBlock && packet.LengthField > most))
            return Ack.TypeError;
        bool isBroadcast = (packet.Destination & 0x3F) == 0x3F;
        Ack ack = Ack.TypeError;
        int place = FilterPlace(packet.Source);
        ulong bit = 1UL << place;
        bool isAllowed = (_requestFilter & (bit | AllBuses)) != 0;
        bool isPhysical = isAllowed && (_physicalFilter & (bit | AllBuses)) != 0;
        // What hardware keeps, software never sees: not even what nobody answers.
        if (isBroadcast ? PhysicalUnit.Keeps(packet.Offset) : _physical.TryServe(packet, isPhysical, out ack))
            return ack;
        if (!isAllowed)
            return Ack.Missing;
        // Writes below the top 2^32 of the space are posted: nobody waits for software.
        bool isWrite = packet.Code is Tcode.WriteQuadlet or Tcode.WriteBlock;
        bool isPosted = isWrite && PostsWrites && packet.Offset >= PhysicalBound && packet.Offset < 0xFFFF_0000_0000;
        return _arRequest.Take(packet, isBroadcast || isPosted ? Ack.Complete : Ack.Pending);
    }

    public override void ReceivePhy(uint first, uint second)
    {
        if ((_link & LinkControl.ReceivePhy) != 0)
            _arRequest.TakePhy(first, second);
    }

    public override Packet? NextPacket() => IsActive ? _physical.Next() ?? _atResponse.Next() ?? _atRequest.Next() : null;

    public override void Sent(Packet packet, Ack ack)
    {
        if (_physical.Owns(packet))
            _physical.Sent(ack);
        else if (_atResponse.Owns(packet))
            _atResponse.Sent(ack);
        else if (_atRequest.Owns(packet))
            _atRequest.Sent(ack);
        if (_physical.WantsBus || _atResponse.WantsBus || _atRequest.WantsBus)
            RequestBus();
    }

    public override void CycleTooLong()
    {
        if (!IsCycleMaster || !Phy.IsRoot)
            return;
        _link &= ~LinkControl.CycleMaster;
        Interrupts.Raise(IntEvent.CycleTooLong);
    }

    public override void PhyInterrupt() => Interrupts.Raise(IntEvent.Phy);

    internal void RequestBus() => Phy.Segment.Request(Phy);

    /// <summary>Data in memory is the bus's bytes, or each quadlet the other way round. Source: 1394 OHCI 1.1, section 5.7.1.</summary>
    internal void SwapData(Span<byte> bytes)
    {
        if ((_hc & HcControl.NoByteSwap) != 0)
            ReverseWords(bytes);
    }

    /// <summary>Turns each whole word of memory round.</summary>
    internal static void ReverseWords(Span<byte> bytes)
    {
        for (int i = 0; i + 4 <= bytes.Length; i += 4)
            bytes.Slice(i, 4).Reverse();
    }

    /// <summary>The same for a quadlet of data in a header, between the bus's value and the word in memory.</summary>
    internal uint SwapData(uint quadlet) => (_hc & HcControl.NoByteSwap) != 0 ? quadlet : BinaryPrimitives.ReverseEndianness(quadlet);

    internal void PostedWriteFailed(ushort source, ulong address)
    {
        // The first one stays until software has seen it.
        if (Interrupts.Has(IntEvent.PostedWriteError))
            return;
        _postedWrite = ((ulong)source << 48) | (address & 0xFFFF_FFFF_FFFF);
        Interrupts.Raise(IntEvent.PostedWriteError);
    }

    // Nodes 0 to 62 of this bus; all of other buses share the last bit.
    private static int FilterPlace(ushort source) => source >> 6 == 0x3FF && (source & 0x3F) < 63 ? source & 0x3F : 63;
}
