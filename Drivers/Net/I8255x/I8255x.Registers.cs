using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Drivers.I8255x;

/// <summary>
/// Control and status registers, the same for all of the family. Source: Intel 8255x 10/100 Mbps Ethernet Controller Family Open Source
/// Software Developer Manual (8255x manual in what follows), revision 1.3, section 6.3.
/// </summary>
internal readonly struct I8255xRegisters(RegisterBlock bar)
{
    /// <summary>Bytes of the registers that all members have.</summary>
    public const uint Bytes = 0x20;

    /// <summary>What the units do, and the causes of the interrupt that stands, in one access (6.3.2.1, 6.3.2.2).</summary>
    public ScbEvents Events => (ScbEvents)bar.Read16(0x00);

    /// <summary>What the units do.</summary>
    public ScbStatus Status => (ScbStatus)bar.Read8(0x00);

    /// <summary>Clears the causes written.</summary>
    public void Acknowledge(ScbEvents causes) => bar.Write8(0x01, (byte)((uint)causes >> 8));

    /// <summary>Zero when the last command was accepted; only then the next is written (6.3.2.3).</summary>
    public ScbCommand Command
    {
        get => (ScbCommand)bar.Read8(0x02);
        set => bar.Write8(0x02, (byte)value);
    }

    /// <summary>Which causes interrupt; the 82557 has just <see cref="ScbMask.All"/>.</summary>
    public ScbMask Mask
    {
        set => bar.Write8(0x03, (byte)value);
    }

    /// <summary>The general pointer of commands that take one: where the device finds something.</summary>
    public void Point(DmaAddr address) => bar.Write32(0x04, (uint)address.Value);

    /// <summary>The general pointer as the base that is added to all addresses: none.</summary>
    public void PointAtNothing() => bar.Write32(0x04, 0);

    /// <summary>A command past the units (6.3.3).</summary>
    public void WritePort(PortCommand command) => bar.Write32(0x08, (uint)command);

    /// <summary>The self-test, with the results at an address whose low four bits are zero.</summary>
    public void WritePort(DmaAddr results) => bar.Write32(0x08, (uint)results.Value | (uint)PortCommand.SelfTest);

    /// <summary>The wires of the serial EEPROM (6.3.4).</summary>
    public EepromWires Eeprom
    {
        get => (EepromWires)bar.Read8(0x0E);
        set => bar.Write8(0x0E, (byte)value);
    }

    /// <summary>An access to a register of the PHY (6.3.5).</summary>
    public MdiAccess Mdi
    {
        get => (MdiAccess)bar.Read32(0x10);
        set => bar.Write32(0x10, (uint)value);
    }
}

/// <summary>The status and acknowledge bytes as one word.</summary>
[Flags]
internal enum ScbEvents : ushort
{
    /// <summary>A frame is in memory.</summary>
    FrameReceived = 1 << 14,

    /// <summary>The receive unit left the ready state.</summary>
    ReceiverNotReady = 1 << 12,

    /// <summary>A command with the interrupt bit is done.</summary>
    CommandDone = 1 << 15,

    /// <summary>The command unit left the active state.</summary>
    CommandUnitStopped = 1 << 13,

    /// <summary>An access to the PHY ended.</summary>
    MdiDone = 1 << 11,

    AllCauses = 0xFF00,

    /// <summary>All ones: the device no longer answers.</summary>
    Gone = ushort.MaxValue,
}

/// <summary>What the units do.</summary>
internal enum ScbStatus : byte
{
    /// <summary>All ones: the device no longer answers; no unit has such a state.</summary>
    Gone = byte.MaxValue,
}

/// <summary>States of the receive unit; others are reserved.</summary>
internal enum ReceiveUnit : byte
{
    Idle = 0,
    Suspended = 1,
    NoResources = 2,
    Ready = 4,
}

internal static class ScbStatusFields
{
    extension(ScbStatus status)
    {
        /// <summary>Bits 5:2.</summary>
        public ReceiveUnit ReceiveUnit => (ReceiveUnit)((uint)status >> 2 & 15);
    }
}

/// <summary>Commands: the command unit's in bits 7:4, the receive unit's in bits 2:0; one at a time here (6.3.2.3).</summary>
internal enum ScbCommand : byte
{
    None = 0,
    ReceiveStart = 1,
    LoadReceiveBase = 6,
    CommandStart = 0x10,
    CommandResume = 0x20,
    LoadCountersAddress = 0x40,
    LoadCommandBase = 0x60,
    DumpAndResetCounters = 0x70,
}

/// <summary>The interrupt mask byte; a one keeps a cause from interrupting.</summary>
[Flags]
internal enum ScbMask : byte
{
    All = 1 << 0,
    FlowControl = 1 << 2,
    EarlyReceive = 1 << 3,
    ReceiverNotReady = 1 << 4,
    CommandUnitStopped = 1 << 5,
    FrameReceived = 1 << 6,
    CommandDone = 1 << 7,

    /// <summary>What nobody here waits for.</summary>
    Unused = FlowControl | EarlyReceive | CommandUnitStopped,
}

/// <summary>Functions of the port; each needs ten clocks of the bus and five of the wire: 10 microseconds do.</summary>
internal enum PortCommand : uint
{
    SoftwareReset = 0,
    SelfTest = 1,

    /// <summary>Ends what is under way on the bus; the configuration stays.</summary>
    SelectiveReset = 2,
}

/// <summary>Wires to the serial EEPROM.</summary>
[Flags]
internal enum EepromWires : byte
{
    Clock = 1 << 0,
    Select = 1 << 1,
    ToEeprom = 1 << 2,
    FromEeprom = 1 << 3,
}

/// <summary>The MDI control register.</summary>
[Flags]
internal enum MdiAccess : uint
{
    Ready = 1 << 28,
    Write = 1 << 26,
    Read = 1 << 27,

    /// <summary>All ones: the device no longer answers.</summary>
    Gone = uint.MaxValue,
}
