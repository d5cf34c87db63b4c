using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.Devices.Pci;

namespace Sluice.Devices;

/// <summary>
/// A card of the 8255x family: system control block, command and receive units, port, EEPROM, PHY. It works when it is told to, at once or
/// after a while, and reads and writes memory only where its lists lead. What a driver must not do is noted as a violation; what a
/// hostile one of its kind may do is switched on. Source: Intel 8255x Open Source Software Developer Manual 1.3, section 6.
/// </summary>
public partial class Simulated8255x : SimulatedFunction
{
    private const byte MaskAll = 1, CauseReceived = 0x40, CauseDone = 0x80, CauseNotReady = 0x10, CauseStopped = 0x20, CauseMdi = 0x08;

    private uint _pointer, _mdi;
    private byte _mask, _causes;
    private int _commandStays;

    public Simulated8255x(ushort device = 0x1229, ulong address = 0xFEA0_0000, ulong mac = 0x5634_1200_5452) : base(0x8086, device, 0x020000)
    {
        WithBar(0, BarShape.Memory32, 0x1000, address);
        WithPin(1, 11);
        MakeEeprom(mac);
    }

    /// <summary>What it reads and writes; without, its reads give all ones and its writes go nowhere.</summary>
    public IDeviceMemory? Memory { get; set; }

    /// <summary>Calls something so many microseconds later.</summary>
    public Action<ulong, Action>? After { get; set; }

    /// <summary>Causes that stand.</summary>
    public byte Causes => _causes;

    /// <summary>Whether it interrupts by its pin now.</summary>
    public bool IsInterrupting { get; private set; }

    /// <summary>Whether it can do nothing: no unit works, and no cause interrupts.</summary>
    public bool IsQuiet => _command == Unit.Idle && _receive is not ReceiveReady && (_mask & MaskAll) != 0;

    /// <summary>Never accepts a command of the units.</summary>
    public bool IsDeaf { get; set; }

    /// <summary>Reads of the command byte that a command outlasts.</summary>
    public int ReadsUntilAccepted { get; set; }

    /// <summary>Its registers read as all ones; its configuration space answers.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Reads of registers after which it is gone; counts down.</summary>
    public int? RegisterReadsUntilGone { get; set; }

    /// <summary>All causes interrupt at any time, whatever the mask says, until told otherwise.</summary>
    public bool Storms { get; set; }

    /// <summary>Stays bus master whatever software says.</summary>
    public bool StaysBusMaster { get; set; }

    /// <summary>What the self-test gives; null if it never ends.</summary>
    public uint? SelfTestResult { get; set; } = 0;

    /// <summary>Loses interrupts: causes stand, the pin stays low.</summary>
    public bool LosesInterrupts { get; set; }

    /// <summary>Called before the state of the units is read.</summary>
    public Action? StatusRead { get; set; }

    /// <summary>The link: bits of the PHY's status, advertisement and partner registers.</summary>
    public bool LinkIsUp { get; set; } = true;

    /// <summary>What the partner can do.</summary>
    public ushort Partner { get; set; } = 0x41E1;

    /// <summary>Never ends an access to the PHY.</summary>
    public bool PhyHangs { get; set; }

    /// <summary>Where its PHY is.</summary>
    public int PhyAddress { get; set; } = 1;

    public override void WriteConfiguration(int offset, int bytes, uint value)
    {
        const uint busMaster = 4;
        if (StaysBusMaster && offset == 4)
            value |= busMaster;
        base.WriteConfiguration(offset, bytes, value);
    }

    public override ulong ReadBar(int bar, uint offset, int bytes)
    {
        if (RegisterReadsUntilGone is int reads)
        {
            IsGone |= reads <= 0;
            RegisterReadsUntilGone = reads - 1;
            if (IsGone)
                return ulong.MaxValue;
        }
        if (IsSilent)
            return ulong.MaxValue;
        return (offset, bytes) switch
        {
            (0x00, 1) => TakeStatus(),
            (0x00, 2) => Status | (uint)(Storms ? 0xF0 : _causes) << 8,
            (0x02, 1) => ReadCommand(),
            (0x0E, 1) => ReadEeprom(),
            (0x10, 4) => _mdi,
            _ => Unknown("read", offset, bytes),
        };
    }

    public override void WriteBar(int bar, uint offset, int bytes, ulong value)
    {
        switch ((offset, bytes))
        {
            case (0x01, 1):
                _causes &= (byte)~value;
                UpdateInterrupt();
                break;
            case (0x02, 1):
                WriteCommand((byte)value);
                break;
            case (0x03, 1):
                _mask = (byte)value;
                UpdateInterrupt();
                break;
            case (0x04, 4):
                _pointer = (uint)value;
                break;
            case (0x08, 4):
                WritePort((uint)value);
                break;
            case (0x0E, 1):
                WriteEeprom((byte)value);
                break;
            case (0x10, 4):
                WriteMdi((uint)value);
                break;
            default:
                Unknown("written", offset, bytes);
                break;
        }
    }

    /// <summary>Raises causes as if something had happened.</summary>
    public void Raise(byte causes)
    {
        _causes |= causes;
        UpdateInterrupt();
    }

    /// <summary>Writes to memory for no reason.</summary>
    public void Write(uint address, ReadOnlySpan<byte> bytes) => WriteMemory(address, bytes);

    private uint TakeStatus()
    {
        StatusRead?.Invoke();
        return Status;
    }

    private uint Status => (uint)_command << 6 | (uint)_receive << 2;

    private ulong ReadCommand()
    {
        if (IsDeaf)
            return 1;
        return _commandStays-- > 0 ? 1u : 0u;
    }

    private void WriteCommand(byte command)
    {
        if (IsDeaf)
            return;
        if (_commandStays > 0)
            Violations.Add($"command {command:x2} written before the one before was accepted");
        _commandStays = ReadsUntilAccepted;
        if ((command & 0xF) != 0)
            RunReceiveCommand(command & 0xF);
        if ((command & 0xF0) != 0)
            RunCommandCommand(command >> 4);
    }

    private void WritePort(uint value)
    {
        switch (value & 0xF)
        {
            case 0:
            case 2:
                StopUnits();
                _commandStays = 0;
                _mask = 0;
                _causes = 0;
                UpdateInterrupt();
                break;
            case 1:
                if (SelfTestResult is uint result)
                {
                    WriteWord(value & ~0xFu, 0x04F4_518B);
                    WriteWord((value & ~0xFu) + 4, result);
                }
                break;
            default:
                Violations.Add($"port command {value:x}");
                break;
        }
    }

    // Bit 28 says that it is done.
    private void WriteMdi(uint value)
    {
        uint data = 0;
        if ((int)(value >> 21 & 31) == PhyAddress && (value >> 26 & 3) == 2)
        {
            data = (value >> 16 & 31) switch
            {
                0 => 0x3000,
                1 => LinkIsUp ? 0x782Du : 0x7809u,
                4 => 0x01E1,
                5 => Partner,
                _ => 0u,
            };
        }
        _mdi = value & 0x0FFF_0000 | data | (PhyHangs ? 0 : 1u << 28);
        // As QEMU's has it.
        _causes |= CauseMdi;
    }

    private void UpdateInterrupt()
    {
        // The upper bits of the mask keep a cause each from interrupting; those of QEMU's and of all members but the 82557.
        bool raised = Storms || (_mask & MaskAll) == 0 && (_causes & ~(_mask & 0xF0)) != 0;
        IsInterrupting = raised && !LosesInterrupts;
        if (IsInterrupting)
            Interrupt();
        else
            LowerPin();
    }

    private ulong Unknown(string what, uint offset, int bytes)
    {
        Violations.Add($"register {offset:x} {what} with {bytes} bytes");
        return 0;
    }

    // Memory, as far as it is bus master.
    private byte[] ReadMemory(uint address, int bytes)
    {
        byte[] read = new byte[bytes];
        if (IsBusMaster && Memory != null)
            Memory.Read(address, read);
        else
            read.AsSpan().Fill(0xFF);
        return read;
    }

    private void WriteMemory(uint address, ReadOnlySpan<byte> bytes)
    {
        if (IsBusMaster)
            Memory?.Write(address, bytes);
    }

    /// <summary>Reads a word of memory.</summary>
    protected uint ReadWord(uint address) => BinaryPrimitives.ReadUInt32LittleEndian(ReadMemory(address, 4));

    /// <summary>Writes a word of memory.</summary>
    protected void WriteWord(uint address, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        WriteMemory(address, bytes);
    }

    /// <summary>Writes half a word of memory.</summary>
    protected void WriteHalf(uint address, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        WriteMemory(address, bytes);
    }
}
