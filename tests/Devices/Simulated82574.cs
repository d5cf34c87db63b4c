using System;
using System.Collections.Generic;
using Sluice.Devices.Pci;

namespace Sluice.Devices;

/// <summary>
/// Intel's 82574: registers, EEPROM, PHY, interrupts by MSI-X, MSI and pin. Rings are in the other parts. What the datasheet forbids is
/// noted as a violation; what no honest card does is behind a switch. Source: Intel 82574 GbE Controller Family Datasheet 3.4, section 10.2.
/// </summary>
public partial class Simulated82574 : SimulatedFunction
{
    public const uint LinkChange = 1 << 2, Overrun = 1 << 6, Received = 1 << 7, ReceivedByMessage = 1 << 20, OtherByMessage = 1 << 24;

    private const uint Ctrl = 0x0000, Status = 0x0008, Eec = 0x0010, Eerd = 0x0014, Mdic = 0x0020, Icr = 0x00C0, Ics = 0x00C8, Ims = 0x00D0,
        Imc = 0x00D8, Ivar = 0x00E4, Rctl = 0x0100, Tctl = 0x0400, Rxcsum = 0x5000, Rfctl = 0x5008, Mta = 0x5200, Ral = 0x5400, Rah = 0x5404, Vet = 0x0038,
        FirstStatistic = 0x4000, LastStatistic = 0x4124;

    private const uint MasterDisable = 1 << 2, SetLinkUp = 1 << 6, ResetBit = 1 << 26, VlanMode = 1 << 30, Asserted = 1u << 31;

    // Behind these there are none.
    private readonly uint[] _registers = new uint[0x8000 / 4];
    private readonly int _link;
    private uint _causes, _mask;
    private int _resetReads;

    /// <param name="address">Where its registers are.</param>
    /// <param name="device">10D3, or another member of the family.</param>
    public Simulated82574(ulong address = 0xFEA0_0000, ushort device = 0x10D3) : base(0x8086, device, 0x020000)
    {
        Is82574 = device is 0x10D3 or 0x10F6;
        WithBar(0, BarShape.Memory32, 0x2_0000, address);
        WithPin(1, 11);
        WithMsi();
        int express = AddCapability(0x10, new byte[58]);
        _link = express + 0x10;
        Set(_link, 3, 2);
        Allow(_link, 3, 2);
        if (Is82574)
        {
            WithBar(3, BarShape.Memory32, 0x4000, address + 0x4_0000);
            WithMsiX(3, 0, 0x2000, 5);
        }
        Eeprom[0] = 0x5452;
        Eeprom[1] = 0x1200;
        Eeprom[2] = 0x5634;
        Phy[0] = 0x1140;
        Reset();
    }

    /// <summary>Whether it is one, with EEPROM registers and MSI-X; else a part of a chipset.</summary>
    public bool Is82574 { get; }

    /// <summary>Memory as it sees it.</summary>
    public IDeviceMemory? Memory { get; set; }

    /// <summary>Words of the EEPROM; the first three are the station's address.</summary>
    public ushort[] Eeprom { get; } = new ushort[64];

    /// <summary>Registers of the PHY.</summary>
    public ushort[] Phy { get; } = new ushort[32];

    /// <summary>Whether the link's power states are off.</summary>
    public bool HasNoLinkStates => (Get(_link, 2) & 3) == 0;

    /// <summary>Resets so far, that of power not counted.</summary>
    public int Resets { get; private set; }

    /// <summary>Reads of CTRL until a reset is over.</summary>
    public int ReadsUntilResetDone { get; set; } = 3;

    /// <summary>Never ends a reset.</summary>
    public bool IsResetStuck { get; set; }

    /// <summary>Says for ever that it is master of the bus.</summary>
    public bool KeepsMaster { get; set; }

    /// <summary>Stays bus master in configuration space whatever software says.</summary>
    public bool StaysBusMaster { get; set; }

    /// <summary>Never ends reading a word of the EEPROM.</summary>
    public bool IsEepromStuck { get; set; }

    /// <summary>Does not load the first receive address by reset.</summary>
    public bool LoadsNoAddress { get; set; }

    /// <summary>Never ends an access to the PHY.</summary>
    public bool IsPhyStuck { get; set; }

    /// <summary>Says that accesses to the PHY fail.</summary>
    public bool PhyFails { get; set; }

    /// <summary>Sets causes and interrupts nobody.</summary>
    public bool LosesInterrupts { get; set; }

    /// <summary>What the head of a ring reads as, in the place of the truth.</summary>
    public uint? ReceiveHeadLie { get; set; }

    /// <inheritdoc cref="ReceiveHeadLie"/>
    public uint? TransmitHeadLie { get; set; }

    /// <summary>Reads of registers after which it is gone; counts down.</summary>
    public int? RegisterReadsUntilGone { get; set; }

    /// <summary>Accesses to registers so far.</summary>
    public long Accesses { get; private set; }

    /// <summary>Causes that stand, and those that may interrupt.</summary>
    public (uint Causes, uint Mask) InterruptState => (_causes, _mask);

    /// <summary>Whether it neither interrupts nor moves packets.</summary>
    public bool IsQuiet => _mask == 0 && (this[Rctl] & 2) == 0 && (this[Tctl] & 2) == 0;

    /// <summary>Megabits of the link; 0 while it is down. Changing it interrupts.</summary>
    public int Megabits
    {
        get;
        set
        {
            field = value;
            SetCauses(LinkChange);
        }
    } = 1000;

    private bool HasLink => Megabits != 0 && (this[Ctrl] & SetLinkUp) != 0;

    /// <summary>A register as it is, by its offset.</summary>
    protected uint this[uint offset]
    {
        get => offset / 4 < _registers.Length ? _registers[offset / 4] : 0;
        set
        {
            if (offset / 4 < _registers.Length)
                _registers[offset / 4] = value;
        }
    }

    /// <summary>Adds to a counter of events.</summary>
    public void Count(uint statistic, uint events = 1) => this[statistic] += events;

    /// <summary>Sets causes as if something had happened.</summary>
    public void SetCauses(uint causes)
    {
        if (MsiX is { IsEnabled: true } && (causes & (LinkChange | Overrun)) != 0)
            causes |= OtherByMessage;
        if (MsiX is { IsEnabled: true } && (causes & Received) != 0)
            causes |= ReceivedByMessage;
        _causes |= causes;
        if ((causes & _mask) != 0)
            Notify();
    }

    public override ulong ReadBar(int bar, uint offset, int bytes)
    {
        Accesses++;
        if (RegisterReadsUntilGone is int reads)
        {
            IsGone |= reads <= 0;
            RegisterReadsUntilGone = reads - 1;
            if (IsGone)
                return ulong.MaxValue;
        }
        if (bytes != 4 || offset % 4 != 0)
            Violations.Add($"register {offset:x} read with {bytes} bytes");
        switch (offset)
        {
            case Ctrl:
                if ((this[Ctrl] & ResetBit) != 0 && !IsResetStuck && --_resetReads <= 0)
                    Reset();
                return this[Ctrl];
            case Status:
                return (HasLink ? 2u : 0) | (Megabits switch { 10 => 0u, 100 => 1u, _ => 2u }) << 6 | 1
                    | ((this[Ctrl] & MasterDisable) == 0 || KeepsMaster ? 1u << 19 : 0);
            case Eec:
                return 0x300;
            case Icr:
                return ReadCauses();
            case Ims:
                return _mask;
            case 0x2810:
                return ReceiveHeadLie ?? this[offset];
            case 0x3810:
                return TransmitHeadLie ?? this[offset];
            case >= FirstStatistic and <= LastStatistic:
                uint count = this[offset];
                this[offset] = 0;
                return count;
            case Eerd when !Is82574:
                Violations.Add("EEPROM registers of a card that has none");
                return 0;
            default:
                return this[offset];
        }
    }

    public override void WriteBar(int bar, uint offset, int bytes, ulong value)
    {
        Accesses++;
        if (bytes != 4 || offset % 4 != 0)
            Violations.Add($"register {offset:x} written with {bytes} bytes");
        var word = (uint)value;
        switch (offset)
        {
            case Ctrl:
                this[Ctrl] = word;
                if ((word & ResetBit) != 0)
                    _resetReads = ReadsUntilResetDone;
                break;
            case Eerd:
                this[Eerd] = IsEepromStuck || (word & 1) == 0 ? word & ~2u : (uint)Eeprom[word >> 2 & 63] << 16 | word & 0xFFFC | 2;
                break;
            case Mdic:
                AccessPhy(word);
                break;
            case Icr:
                _causes &= ~word;
                UpdateLine();
                break;
            case Ics:
                SetCauses(word);
                break;
            case Ims:
                _mask |= word;
                if ((_causes & _mask) != 0)
                    Notify();
                break;
            case Imc:
                _mask &= ~word;
                UpdateLine();
                break;
            case Status or (>= FirstStatistic and <= LastStatistic):
                Violations.Add($"read-only register {offset:x} written");
                break;
            case 0x2818 or 0x3818:
                WriteTail(offset, word);
                break;
            case Ivar when !Is82574:
                Violations.Add("vectors of a card that has none");
                break;
            default:
                this[offset] = word;
                break;
        }
    }

    public override void WriteConfiguration(int offset, int bytes, uint value)
    {
        const uint busMaster = 4;
        base.WriteConfiguration(offset, bytes, StaysBusMaster && offset == 4 ? value | busMaster : value);
    }

    private void Reset()
    {
        Resets++;
        Array.Clear(_registers);
        _mask = _causes = 0;
        UpdateLine();
        this[Vet] = 0x8100;
        this[Ctrl] = 0x0010_0201;
        if (LoadsNoAddress)
            return;
        this[Ral] = Eeprom[0] | (uint)Eeprom[1] << 16;
        this[Rah] = Eeprom[2] | 1u << 31;
        _partial.Clear();
        _contextStart = _contextAt = -1;
    }

    // Reading acknowledges, but where MSI-X is used.
    private uint ReadCauses()
    {
        uint causes = _causes;
        if ((causes & _mask) != 0)
            causes |= Asserted;
        if (MsiX is not { IsEnabled: true })
        {
            _causes = 0;
            UpdateLine();
        }
        return causes;
    }

    private void Notify()
    {
        if (LosesInterrupts)
            return;
        uint valid = MsiX is { IsEnabled: true } ? this[Ivar] : uint.MaxValue, causes = _causes & _mask;
        bool goes = MsiX is not { IsEnabled: true } || (causes & ReceivedByMessage) != 0 && (valid & 1 << 3) != 0 || (causes & OtherByMessage) != 0 && (valid & 1 << 19) != 0;
        if (goes)
            Interrupt();
    }

    private void UpdateLine()
    {
        if ((_causes & _mask) == 0)
            LowerPin();
    }

    private void AccessPhy(uint command)
    {
        const uint ready = 1 << 28, failed = 1 << 30;
        if ((command >> 21 & 31) != 1)
            Violations.Add($"PHY {command >> 21 & 31} does not exist");
        uint register = command >> 16 & 31;
        if ((command >> 26 & 3) == 1)
            Phy[register] = (ushort)command;
        else
            command = command & 0xFFFF_0000 | Phy[register];
        this[Mdic] = IsPhyStuck ? command & ~ready : command | ready | (PhyFails ? failed : 0);
    }
}
