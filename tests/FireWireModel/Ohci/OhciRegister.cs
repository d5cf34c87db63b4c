namespace Sluice.FireWire.Ohci;

/// <summary>Offsets of registers; a pair's second one, four bytes on, clears. Source: 1394 OHCI 1.1, table 4-3.</summary>
public static class OhciRegister
{
    public const uint Version = 0x000, GuidRom = 0x004, AtRetries = 0x008, CsrData = 0x00C, CsrCompare = 0x010, CsrControl = 0x014;
    public const uint ConfigRomHeader = 0x018, BusId = 0x01C, BusOptions = 0x020, GuidHi = 0x024, GuidLo = 0x028, ConfigRomMap = 0x034;
    public const uint PostedWriteLo = 0x038, PostedWriteHi = 0x03C, VendorId = 0x040, HcControl = 0x050, SelfIdBuffer = 0x064, SelfIdCount = 0x068;
    public const uint IrChannelsHi = 0x070, IrChannelsLo = 0x078, IntEvent = 0x080, IntMask = 0x088, ItEvent = 0x090, ItMask = 0x098;
    public const uint IrEvent = 0x0A0, IrMask = 0x0A8, InitialBandwidth = 0x0B0, InitialChannelsHi = 0x0B4, InitialChannelsLo = 0x0B8;
    public const uint FairnessControl = 0x0DC, LinkControl = 0x0E0, NodeId = 0x0E8, PhyControl = 0x0EC, CycleTimer = 0x0F0;
    public const uint RequestFilterHi = 0x100, RequestFilterLo = 0x108, PhysicalFilterHi = 0x110, PhysicalFilterLo = 0x118, PhysicalUpperBound = 0x120;
    public const uint AtRequest = 0x180, AtResponse = 0x1A0, ArRequest = 0x1C0, ArResponse = 0x1E0;

    /// <summary>Isochronous contexts: 16 bytes each to transmit, 32 to receive.</summary>
    public const uint It = 0x200, Ir = 0x400;

    /// <summary>Inside of a context: the pair of its control, its command pointer, and (receive) what it matches.</summary>
    public const uint Control = 0x0, CommandPtr = 0xC, Match = 0x10;

    /// <summary>Bytes of the BAR; registers end at 0x800.</summary>
    public const uint BarBytes = 0x800;
}

/// <summary>Bits of IntEvent and IntMask. Source: 1394 OHCI 1.1, table 6-1.</summary>
[System.Flags]
public enum IntEvent : uint
{
    RequestSent = 1u << 0,
    ResponseSent = 1u << 1,
    ArRequestBuffer = 1u << 2,
    ArResponseBuffer = 1u << 3,
    RequestReceived = 1u << 4,
    ResponseReceived = 1u << 5,
    IsochronousSent = 1u << 6,
    IsochronousReceived = 1u << 7,
    PostedWriteError = 1u << 8,
    LockResponseError = 1u << 9,
    SelfIdComplete2 = 1u << 15,
    SelfIdComplete = 1u << 16,
    BusReset = 1u << 17,
    RegisterAccessFailed = 1u << 18,
    Phy = 1u << 19,
    CycleSynch = 1u << 20,
    Cycle64Seconds = 1u << 21,
    CycleLost = 1u << 22,
    CycleInconsistent = 1u << 23,
    UnrecoverableError = 1u << 24,
    CycleTooLong = 1u << 25,
    PhyRegisterReceived = 1u << 26,
    AckTardy = 1u << 27,
    Software = 1u << 29,
    Vendor = 1u << 30,

    /// <summary>IntMask alone.</summary>
    Master = 1u << 31,
}

/// <summary>Bits of HCControl. Source: 1394 OHCI 1.1, table 5-11.</summary>
[System.Flags]
public enum HcControl : uint
{
    SoftReset = 1u << 16,
    LinkEnable = 1u << 17,
    PostedWriteEnable = 1u << 18,
    LinkPower = 1u << 19,
    PhyEnhance = 1u << 22,
    ProgramPhy = 1u << 23,
    AckTardyEnable = 1u << 29,
    NoByteSwap = 1u << 30,
    RomIsValid = 1u << 31,
}

/// <summary>Bits of LinkControl. Source: 1394 OHCI 1.1, table 5-15.</summary>
[System.Flags]
public enum LinkControl : uint
{
    Tag1SyncFilterLock = 1u << 6,
    ReceiveSelfId = 1u << 9,
    ReceivePhy = 1u << 10,
    CycleTimerEnable = 1u << 20,
    CycleMaster = 1u << 21,
}

/// <summary>Bits of a context's control. Source: 1394 OHCI 1.1, section 3.1.2, and 10.3.1 for those of isochronous receive.</summary>
[System.Flags]
public enum ContextControl : uint
{
    Active = 1u << 10,
    Dead = 1u << 11,
    Wake = 1u << 12,
    Run = 1u << 15,
    DualBuffer = 1u << 27,
    MultiChannel = 1u << 28,

    /// <summary>Receive; transmit has it in bit 31.</summary>
    CycleMatchReceive = 1u << 29,
    Header = 1u << 30,
    BufferFill = 1u << 31,
    CycleMatchTransmit = 1u << 31,
}

/// <summary>Event codes of contexts; 0x10 and an acknowledge code for what was acknowledged. Source: 1394 OHCI 1.1, table 3-2.</summary>
public enum EventCode : byte
{
    None = 0,
    LongPacket = 2,
    MissingAck = 3,
    Underrun = 4,
    Overrun = 5,
    DescriptorRead = 6,
    DataRead = 7,
    DataWrite = 8,
    BusReset = 9,
    TimeOut = 0xA,
    TcodeError = 0xB,
    Unknown = 0xE,
    Flushed = 0xF,
    AckComplete = 0x11,
    AckPending = 0x12,
    AckBusyX = 0x14,
    AckDataError = 0x1D,
    AckTypeError = 0x1E,
}
