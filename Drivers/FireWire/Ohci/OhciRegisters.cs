using System;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>
/// Registers that the driver uses, in BAR 0; beside each its name in the specification. Where a pair of addresses sets and clears bits, the
/// first reads what is set. Source: 1394 Open Host Controller Interface Specification, release 1.1, table 4-3.
/// </summary>
internal readonly struct OhciRegisters(RegisterBlock bar)
{
    /// <summary>Bytes of the register space.</summary>
    public const uint Bytes = 0x800;

    /// <summary>Version: revision 7:0, version 23:16 in BCD digits.</summary>
    public ReadOnlyRegister<uint> Version => new(bar, 0x000);

    /// <summary>ATRetries.</summary>
    public Register<uint> Retries => new(bar, 0x008);

    /// <summary>CSRReadData, CSRWriteData.</summary>
    public Register<uint> CsrData => new(bar, 0x00C);

    /// <summary>CSRCompareData.</summary>
    public Register<uint> CsrCompare => new(bar, 0x010);

    /// <summary>CSRControl.</summary>
    public Register<uint> CsrControl => new(bar, 0x014);

    /// <summary>ConfigROMhdr.</summary>
    public Register<uint> RomHeader => new(bar, 0x018);

    /// <summary>BusOptions.</summary>
    public Register<uint> BusOptions => new(bar, 0x020);

    /// <summary>GUIDHi; written where nothing has loaded it, and once.</summary>
    public Register<uint> GuidHigh => new(bar, 0x024);

    /// <summary>GUIDLo, as well.</summary>
    public Register<uint> GuidLow => new(bar, 0x028);

    /// <summary>ConfigROMmap.</summary>
    public Register<uint> RomMap => new(bar, 0x034);

    /// <summary>HCControlSet.</summary>
    public Register<HcControl> HcSet => new(bar, 0x050);

    /// <summary>HCControlClear.</summary>
    public WriteOnlyRegister<HcControl> HcClear => new(bar, 0x054);

    /// <summary>SelfIDBuffer.</summary>
    public Register<uint> SelfIdBuffer => new(bar, 0x064);

    /// <summary>SelfIDCount.</summary>
    public ReadOnlyRegister<SelfIdCount> SelfIdCount => new(bar, 0x068);

    /// <summary>IntEventSet; reads all events.</summary>
    public Register<Events> EventSet => new(bar, 0x080);

    /// <summary>IntEventClear.</summary>
    public WriteOnlyRegister<Events> EventClear => new(bar, 0x084);

    /// <summary>IntMaskSet.</summary>
    public Register<Events> MaskSet => new(bar, 0x088);

    /// <summary>IntMaskClear.</summary>
    public WriteOnlyRegister<Events> MaskClear => new(bar, 0x08C);

    /// <summary>IRMultiChanMaskHiSet and -LoSet: channels 63:32 and 31:0.</summary>
    public Register<uint> ChannelsSet(bool isHigh) => new(bar, isHigh ? 0x070u : 0x078u);

    /// <summary>IRMultiChanMaskHiClear and -LoClear.</summary>
    public WriteOnlyRegister<uint> ChannelsClear(bool isHigh) => new(bar, isHigh ? 0x074u : 0x07Cu);

    /// <summary>isoXmitIntEventClear: a bit a context; reads those that are not masked.</summary>
    public Register<uint> TransmitEventClear => new(bar, 0x094);

    /// <summary>isoXmitIntMaskSet; contexts that do not exist have no bit.</summary>
    public Register<uint> TransmitMaskSet => new(bar, 0x098);

    /// <summary>isoXmitIntMaskClear.</summary>
    public WriteOnlyRegister<uint> TransmitMaskClear => new(bar, 0x09C);

    /// <summary>isoRecvIntEventClear: a bit a context; reads those that are not masked.</summary>
    public Register<uint> ReceiveEventClear => new(bar, 0x0A4);

    /// <summary>isoRecvIntMaskSet; contexts that do not exist have no bit.</summary>
    public Register<uint> ReceiveMaskSet => new(bar, 0x0A8);

    /// <summary>isoRecvIntMaskClear.</summary>
    public WriteOnlyRegister<uint> ReceiveMaskClear => new(bar, 0x0AC);

    /// <summary>FairnessControl.</summary>
    public Register<uint> Fairness => new(bar, 0x0DC);

    /// <summary>LinkControlSet.</summary>
    public Register<LinkControl> LinkSet => new(bar, 0x0E0);

    /// <summary>LinkControlClear.</summary>
    public WriteOnlyRegister<LinkControl> LinkClear => new(bar, 0x0E4);

    /// <summary>NodeID: valid 31, root 30, bus 15:6, node 5:0.</summary>
    public ReadOnlyRegister<uint> NodeId => new(bar, 0x0E8);

    /// <summary>PhyControl.</summary>
    public Register<uint> PhyControl => new(bar, 0x0EC);

    /// <summary>isochronousCycleTimer.</summary>
    public Register<uint> CycleTimer => new(bar, 0x0F0);

    /// <summary>AsynchronousRequestFilterHiSet and -LoSet: all buses, nodes 62:32 and 31:0.</summary>
    public Register<uint> RequestFilterSet(bool isHigh) => new(bar, isHigh ? 0x100u : 0x108u);

    /// <summary>PhysicalRequestFilterHiSet and -LoSet: nodes 63:32 and 31:0.</summary>
    public Register<uint> PhysicalFilterSet(bool isHigh) => new(bar, isHigh ? 0x110u : 0x118u);

    /// <summary>PhysicalRequestFilterHiClear and -LoClear.</summary>
    public WriteOnlyRegister<uint> PhysicalFilterClear(bool isHigh) => new(bar, isHigh ? 0x114u : 0x11Cu);

    /// <summary>PhysicalUpperBound, bits 47:16 of an address; optional, and without it 4 GiB are the bound.</summary>
    public WriteOnlyRegister<uint> PhysicalUpperBound => new(bar, 0x120);

    /// <summary>Asynchronous Request Transmit, ... Response Transmit, ... Request Receive, ... Response Receive.</summary>
    public ContextRegisters RequestTransmit => new(bar.From(0x180));

    /// <inheritdoc cref="RequestTransmit"/>
    public ContextRegisters ResponseTransmit => new(bar.From(0x1A0));

    /// <inheritdoc cref="RequestTransmit"/>
    public ContextRegisters RequestReceive => new(bar.From(0x1C0));

    /// <inheritdoc cref="RequestTransmit"/>
    public ContextRegisters ResponseReceive => new(bar.From(0x1E0));

    /// <summary>An isochronous transmit context.</summary>
    public ContextRegisters Transmit(int number) => new(bar.From(0x200 + 16 * (uint)number));

    /// <summary>An isochronous receive context.</summary>
    public ContextRegisters Receive(int number) => new(bar.From(0x400 + 32 * (uint)number));

    /// <summary>IRContextMatch: tags 31:28, cycle 26:12, sync 11:8, channel 5:0. Source: OHCI 1.1, section 10.3.3.</summary>
    public Register<uint> ReceiveMatch(int number) => new(bar, 0x410 + 32 * (uint)number);
}

/// <summary>Registers of a DMA context. Source: OHCI 1.1, sections 3.1.1 and 3.1.2.</summary>
internal readonly struct ContextRegisters(RegisterBlock block)
{
    /// <summary>ContextControlSet; reads what is set.</summary>
    public Register<ContextControl> Set => new(block, 0);

    /// <summary>ContextControlClear.</summary>
    public WriteOnlyRegister<ContextControl> Clear => new(block, 4);

    /// <summary>CommandPtr: descriptor block 31:4, its number of descriptors 3:0.</summary>
    public Register<uint> Command => new(block, 12);
}

/// <summary>Bits of HCControl. Source: OHCI 1.1, section 5.7.</summary>
[Flags]
internal enum HcControl : uint
{
    SoftReset = 1u << 16,
    LinkEnable = 1u << 17,
    PostedWriteEnable = 1u << 18,

    /// <summary>LPS: power for the link.</summary>
    LinkPower = 1u << 19,

    /// <summary>aPhyEnhanceEnable.</summary>
    PhyEnhance = 1u << 22,

    /// <summary>programPhyEnable: 1394a's enhancements are ours to set.</summary>
    ProgramPhy = 1u << 23,

    /// <summary>noByteSwapData.</summary>
    NoByteSwap = 1u << 30,

    /// <summary>BIBimageValid.</summary>
    RomIsValid = 1u << 31,
    Gone = uint.MaxValue,
}

/// <summary>Bits of LinkControl. Source: OHCI 1.1, section 5.10.</summary>
[Flags]
internal enum LinkControl : uint
{
    ReceiveSelfId = 1u << 9,
    ReceivePhy = 1u << 10,
    CycleTimerEnable = 1u << 20,
    CycleMaster = 1u << 21,
    All = uint.MaxValue,
}

/// <summary>Bits of IntEvent and IntMask. Source: OHCI 1.1, section 6.1.</summary>
[Flags]
internal enum Events : uint
{
    None = 0,
    RequestSent = 1u << 0,
    ResponseSent = 1u << 1,

    /// <summary>RQPkt and RSPkt.</summary>
    RequestReceived = 1u << 4,
    ResponseReceived = 1u << 5,
    IsochronousSent = 1u << 6,
    IsochronousReceived = 1u << 7,
    PostedWriteError = 1u << 8,
    SelfIdComplete = 1u << 16,
    BusReset = 1u << 17,
    RegisterAccessFailed = 1u << 18,
    Cycle64Seconds = 1u << 21,
    CycleLost = 1u << 22,
    CycleInconsistent = 1u << 23,
    UnrecoverableError = 1u << 24,
    CycleTooLong = 1u << 25,

    /// <summary>IntMask alone: without it nothing interrupts.</summary>
    Master = 1u << 31,

    All = uint.MaxValue,

    /// <summary>What it reads as without a card: of IntEvent some bits are always 0.</summary>
    Gone = uint.MaxValue,
}

/// <summary>SelfIDCount. Source: OHCI 1.1, section 11.2.</summary>
internal readonly struct SelfIdCount(uint bits)
{
    /// <summary>Set as well where there is no card.</summary>
    public bool IsError => (bits & 1u << 31) != 0;

    public byte Generation => (byte)(bits >> 16);

    /// <summary>Quadlets in the buffer, the first one included.</summary>
    public int Quadlets => (int)(bits >> 2) & 0x1FF;
}

/// <summary>Bits of a context's control. Source: OHCI 1.1, section 3.1.2.</summary>
[Flags]
internal enum ContextControl : uint
{
    Active = 1u << 10,
    Dead = 1u << 11,
    Wake = 1u << 12,
    Run = 1u << 15,

    /// <summary>dualBufferMode, multiChanMode, cycleMatchEnable, isochHeader and bufferFill of isochronous receive. Source: OHCI 1.1, section 10.3.1.</summary>
    DualBuffer = 1u << 27,
    MultiChannel = 1u << 28,
    ReceiveCycleMatch = 1u << 29,
    ReceiveHeader = 1u << 30,
    BufferFill = 1u << 31,

    /// <summary>cycleMatchEnable of isochronous transmit; the cycle in 30:16. Source: OHCI 1.1, section 9.2.1.</summary>
    TransmitCycleMatch = 1u << 31,

    /// <summary>What is set up by software.</summary>
    ReceiveOwn = 0xF800_0000,
    TransmitOwn = 0xFFFF_0000,
    Gone = uint.MaxValue,
}

/// <summary>What became of a packet: bits 4:0 of a context's control and of a descriptor's status. Source: OHCI 1.1, table 3-2.</summary>
internal enum EventCode : byte
{
    None = 0,
    MissingAck = 3,
    BusReset = 9,
    Flushed = 0xF,

    /// <summary>With the acknowledge code in the four bits below.</summary>
    Acknowledged = 0x10,
}
