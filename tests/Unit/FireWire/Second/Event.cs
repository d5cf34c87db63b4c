namespace Sluice.Tests.FireWire.Second;

/// <summary>Codes of what became of a descriptor. Source: 1394 OHCI 1.1, table 3-2; those of acknowledges are 16 more than on the bus.</summary>
internal static class Event
{
    public const uint NoStatus = 0, LongPacket = 2, MissingAck = 3, Underrun = 4, Overrun = 5, DescriptorRead = 6, DataRead = 7, DataWrite = 8,
        BusReset = 9, TimeOut = 0xA, TcodeError = 0xB, Unknown = 0xE, Flushed = 0xF, AckComplete = 0x11, AckPending = 0x12, AckDataError = 0x1D;
}

/// <summary>Bits of IntEvent and IntMask. Source: 1394 OHCI 1.1, section 6.1.</summary>
internal static class Bits
{
    public const uint RequestSent = 1 << 0, ResponseSent = 1 << 1, RequestBuffer = 1 << 2, ResponseBuffer = 1 << 3, RequestPacket = 1 << 4, ResponsePacket = 1 << 5,
        IsoTransmit = 1 << 6, IsoReceive = 1 << 7, PostedWriteError = 1 << 8, LockResponseError = 1 << 9, SelfIdComplete2 = 1 << 15, SelfIdComplete = 1 << 16,
        BusReset = 1 << 17, RegisterAccessFail = 1 << 18, PhyInterrupt = 1 << 19, CycleSynch = 1 << 20, Cycle64Seconds = 1 << 21, CycleLost = 1 << 22,
        CycleInconsistent = 1 << 23, Unrecoverable = 1 << 24, CycleTooLong = 1 << 25, PhyRegisterReceived = 1 << 26, AckTardy = 1 << 27,
        Software = 1 << 29, Vendor = 1 << 30, Master = 1u << 31;

    /// <summary>All that are events.</summary>
    public const uint All = 0x6FFF_83FF;
}
