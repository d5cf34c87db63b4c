using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Drivers.E1000e;

/// <summary>
/// Registers that the driver uses, in BAR 0; beside each its name in the datasheet. Source: Intel 82574 GbE Controller Family Datasheet,
/// revision 3.4, section 10.2 (general 10.2.2, interrupts 10.2.4, receive 10.2.5, transmit 10.2.6, statistics 10.2.7).
/// </summary>
internal readonly struct E1000eRegisters(RegisterBlock bar)
{
    /// <summary>Bytes of those in use.</summary>
    public const uint Bytes = 0x8000;

    /// <summary>CTRL.</summary>
    public Register<Control> Control => new(bar, 0x0000);

    /// <summary>STATUS.</summary>
    public ReadOnlyRegister<DeviceStatus> Status => new(bar, 0x0008);

    /// <summary>EEC. Not in I217 to I219, whose EEPROM is a part of the firmware's flash.</summary>
    public ReadOnlyRegister<EepromControl> EepromControl => new(bar, 0x0010);

    /// <summary>EERD. Likewise.</summary>
    public Register<uint> EepromRead => new(bar, 0x0014);

    /// <summary>CTRL_EXT.</summary>
    public Register<ExtendedControl> ExtendedControl => new(bar, 0x0018);

    /// <summary>MDIC.</summary>
    public Register<uint> PhyAccess => new(bar, 0x0020);

    /// <summary>VET.</summary>
    public Register<uint> VlanEtherType => new(bar, 0x0038);

    /// <summary>ICR. Ones written clear; a read may clear, too.</summary>
    public Register<Causes> Cause => new(bar, 0x00C0);

    /// <summary>ITR, in units of 256 ns; INTx and MSI.</summary>
    public Register<uint> Throttling => new(bar, 0x00C4);

    /// <summary>ICS.</summary>
    public WriteOnlyRegister<Causes> CauseSet => new(bar, 0x00C8);

    /// <summary>IMS.</summary>
    public Register<Causes> MaskSet => new(bar, 0x00D0);

    /// <summary>IMC.</summary>
    public WriteOnlyRegister<Causes> MaskClear => new(bar, 0x00D8);

    /// <summary>EIAC.</summary>
    public Register<uint> AutoClear => new(bar, 0x00DC);

    /// <summary>IVAR: which causes go to which MSI-X vector. 82574 alone.</summary>
    public Register<VectorAllocation> VectorAllocation => new(bar, 0x00E4);

    /// <summary>EITR: throttling of MSI-X vector 0. 82574 alone.</summary>
    public Register<uint> VectorThrottling => new(bar, 0x00E8);

    /// <summary>RCTL.</summary>
    public Register<ReceiveControl> ReceiveControl => new(bar, 0x0100);

    /// <summary>TCTL.</summary>
    public Register<TransmitControl> TransmitControl => new(bar, 0x0400);

    /// <summary>RDBAL, RDBAH, RDLEN, RDH, RDT, RDTR, RXDCTL, RADV of queue 0.</summary>
    public RingRegisters Receive => new(bar.From(0x2800));

    /// <summary>TDBAL, TDBAH, TDLEN, TDH, TDT, TIDV, TXDCTL, TADV of queue 0.</summary>
    public RingRegisters Transmit => new(bar.From(0x3800));

    /// <summary>RXCSUM.</summary>
    public Register<ReceiveChecksum> ReceiveChecksum => new(bar, 0x5000);

    /// <summary>RFCTL.</summary>
    public Register<ReceiveFilters> ReceiveFilters => new(bar, 0x5008);

    /// <summary>MTA: a bit for each value of the hash over a multicast address.</summary>
    public Register<uint> MulticastTable(uint index) => new(bar, 0x5200 + 4 * index);

    /// <summary>RAL: the lower 32 bits of a station address, first byte lowest.</summary>
    public Register<uint> AddressLow(uint index) => new(bar, 0x5400 + 8 * index);

    /// <summary>RAH: the upper 16 bits, and whether the address counts.</summary>
    public Register<uint> AddressHigh(uint index) => new(bar, 0x5404 + 8 * index);

    /// <summary>Counters of events, 32 bits, cleared by reading.</summary>
    public ReadOnlyRegister<uint> Statistic(Statistic which) => new(bar, (uint)which);
}

/// <summary>Registers of one ring of descriptors; receive and transmit have the same places.</summary>
internal readonly struct RingRegisters(RegisterBlock block)
{
    /// <summary>Descriptors that the device has begun with; it moves this one.</summary>
    public Register<uint> Head => new(block, 0x10);

    /// <summary>The descriptor behind the last that the device may use.</summary>
    public Register<uint> Tail => new(block, 0x18);

    /// <summary>Delay of receive interrupts, in units of 1.024 us.</summary>
    public Register<uint> Delay => new(block, 0x20);

    /// <summary>When descriptors are fetched and written back.</summary>
    public Register<RingControl> Control => new(block, 0x28);

    /// <summary>The longest such delay.</summary>
    public Register<uint> AbsoluteDelay => new(block, 0x2C);

    /// <summary>Says where a ring is: at a multiple of 16 bytes, and a multiple of 128 bytes long.</summary>
    public void Place(DmaAddr start, uint bytes)
    {
        block.Write32(0, (uint)start.Value);
        block.Write32(4, (uint)(start.Value >> 32));
        block.Write32(8, bytes);
    }
}

/// <summary>CTRL</summary>
[Flags]
internal enum Control : uint
{
    FullDuplex = 1 << 0,

    /// <summary>No new reads and writes of memory; <see cref="DeviceStatus.MasterEnabled"/> goes out when the last is over.</summary>
    MasterDisable = 1 << 2,
    LinkReset = 1 << 3,
    InvertLossOfSignal = 1 << 7,

    /// <summary>Lets MAC and PHY speak to each other.</summary>
    SetLinkUp = 1 << 6,
    ForceSpeed = 1 << 11,
    ForceDuplex = 1 << 12,

    /// <summary>Resets all but the PHY; clears itself. Nothing may be accessed for a microsecond.</summary>
    Reset = 1 << 26,
    ReceiveFlowControl = 1 << 27,
    TransmitFlowControl = 1 << 28,

    /// <summary>Takes VLAN tags out of what is received, and puts them in where a descriptor asks.</summary>
    VlanMode = 1 << 30,
    PhyReset = 1u << 31,

    /// <summary>All ones: the device no longer answers.</summary>
    Gone = uint.MaxValue,
}

/// <summary>STATUS</summary>
[Flags]
internal enum DeviceStatus : uint
{
    FullDuplex = 1 << 0,
    LinkUp = 1 << 1,
    MasterEnabled = 1 << 19,
    Gone = uint.MaxValue,
}

/// <summary>EEC</summary>
[Flags]
internal enum EepromControl : uint
{
    /// <summary>The device has read its EEPROM after a reset.</summary>
    AutoReadDone = 1 << 9,
}

/// <summary>CTRL_EXT</summary>
[Flags]
internal enum ExtendedControl : uint
{
    /// <summary>Tells the firmware of the card that a driver has it.</summary>
    DriverLoaded = 1 << 28,
}

/// <summary>ICR, ICS, IMS and IMC.</summary>
[Flags]
internal enum Causes : uint
{
    LinkChange = 1 << 2,
    Overrun = 1 << 6,

    /// <summary>Something was received; by pin and MSI.</summary>
    Received = 1 << 7,

    /// <summary>The same, of queue 0, by MSI-X.</summary>
    ReceivedByMessage = 1 << 20,

    /// <summary>Link and other causes that have no queue, by MSI-X.</summary>
    OtherByMessage = 1 << 24,
    All = uint.MaxValue,
    Gone = uint.MaxValue,
}

/// <summary>IVAR: the vector of each group of causes, 0 for all here, and whether it counts.</summary>
[Flags]
internal enum VectorAllocation : uint
{
    ReceiveQueue0 = 1 << 3,
    TransmitQueue0 = 1 << 11,
    Other = 1 << 19,
}

/// <summary>RCTL Buffers have 2,048 bytes, which is 0 in its fields.</summary>
[Flags]
internal enum ReceiveControl : uint
{
    Enable = 1 << 1,
    AllStations = 1 << 3,
    AllGroups = 1 << 4,
    LongPackets = 1 << 5,
    Broadcasts = 1 << 15,

    /// <summary>Leaves the frame check sequence out of data and length.</summary>
    StripCrc = 1 << 26,
}

/// <summary>TCTL</summary>
[Flags]
internal enum TransmitControl : uint
{
    Enable = 1 << 1,

    /// <summary>Makes short packets 64 bytes long with zeros.</summary>
    PadShortPackets = 1 << 3,

    /// <summary>Collision threshold 15, the value that the datasheet recommends.</summary>
    CollisionThreshold = 0xF << 4,

    /// <summary>Collision distance 63 bytes.</summary>
    CollisionDistance = 0x3F << 12,
    RetransmitOnLateCollision = 1 << 24,

    /// <summary>Several reads of memory may be under way at once.</summary>
    MultipleRequests = 1 << 28,
}

/// <summary>RXDCTL and TXDCTL.</summary>
[Flags]
internal enum RingControl : uint
{
    /// <summary>Each descriptor is written back at once.</summary>
    WriteBackEach = 1 << 16,

    /// <summary>Of transmit rings: must be one.</summary>
    CountDescriptors = 1 << 22,

    /// <summary>Thresholds count descriptors, not cache lines.</summary>
    InDescriptors = 1 << 24,
}

/// <summary>RXCSUM</summary>
[Flags]
internal enum ReceiveChecksum : uint
{
    Ip = 1 << 8,
    TcpUdp = 1 << 9,
}

/// <summary>RFCTL Without its bit 15 received descriptors are of the legacy kind.</summary>
[Flags]
internal enum ReceiveFilters : uint
{
    /// <summary>IPv6 with extension headers is not parsed.</summary>
    NoIpv6Extensions = 1 << 16 | 1 << 17,
}

/// <summary>Offsets of counters.</summary>
internal enum Statistic : uint
{
    CrcErrors = 0x4000,
    AlignmentErrors = 0x4004,
    ReceiveErrors = 0x400C,
    Missed = 0x4010,
    LengthErrors = 0x4040,
    GoodReceived = 0x4074,
    GoodSent = 0x4080,
    NoBuffers = 0x40A0,
    Undersize = 0x40A4,
    Fragments = 0x40A8,
    Oversize = 0x40AC,
    Jabber = 0x40B0,
}
