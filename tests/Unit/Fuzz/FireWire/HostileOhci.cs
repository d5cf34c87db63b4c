using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Devices.Pci;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Ohci;
using Sluice.Platform;
using Sluice.Tests.FireWire;

namespace Sluice.Tests.Fuzz.FireWire;

/// <summary>A FireWire controller that may do whatever one could, and a bus that does. It is the honest model, and what follows from <see cref="ChooseMisdeed"/>.</summary>
internal sealed class HostileOhci : OhciFunction, IHostileFunction
{
    private const uint CommandReset = 1u << 16;
    private const int MostPacket = 64;

    private static readonly OhciFaults[] _faults = [.. FaultNames.All.Where(fault => fault != OhciFaults.Gone)];

    // Where the driver said that its programs, self-IDs and ROM are, by register.
    private readonly SortedDictionary<uint, uint> _pointers = [];
    private readonly Packet _packet = new();
    private readonly List<Action> _later = [];

    public HostileOhci(FuzzMachine? machine) : base(OhciCard.Find("fw643"), null, OhciMachine.Guid)
    {
        Bus = machine == null ? null! : new HostileBus(machine, this) { FindShared = FindShared };
        Memory = Bus;
    }

    public SimulatedFunction Function => this;

    public HostileBus Bus { get; }

    public bool StaysBusMaster { get; private set; }

    /// <summary>It was reset by itself, or wrote into memory as no honest one does: its driver need not find out.</summary>
    public bool IsAstray { get; private set; }

    /// <summary>The node whose cable is pulled and plugged.</summary>
    public Phy? Peer { get; set; }

    /// <summary>Does what happens on the bus: not in the middle of an access to the controller, which the model cannot bear.</summary>
    public void DoBusActions()
    {
        for (int i = 0; i < _later.Count; i++)
            _later[i]();
        _later.Clear();
    }

    /// <summary>A packet of a stream comes; not in the middle of an access, either.</summary>
    public void ReceiveStream(uint header, byte[] data) => _later.Add(() =>
    {
        (_packet.Q0, _packet.Speed, _packet.DataBytes) = (header, Speed.S400, data.Length);
        data.CopyTo(_packet.Room);
        if (Controller.IsActive)
            Controller.ReceiveStream(_packet);
    });

    /// <summary>Where it last read memory for another node as long as an ORB is; null if nowhere.</summary>
    public ulong? LastOrb { get; private set; }

    public override bool TryRead(ulong address, Span<byte> bytes)
    {
        const int orb = 32;
        if (bytes.Length == orb && !_pointers.Values.Any(pointer => (pointer ^ address) < PhysAddr.PageSize))
            LastOrb = address;
        return base.TryRead(address, bytes);
    }

    public override ulong ReadBar(int bar, uint offset, int bytes) =>
        Bus == null ? base.ReadBar(bar, offset, bytes) : Bus.Read(offset, bytes, base.ReadBar(bar, offset, bytes));

    public override void WriteBar(int bar, uint offset, int bytes, ulong value)
    {
        if (offset is OhciRegister.SelfIdBuffer or OhciRegister.ConfigRomMap || IsCommandPointer(offset))
            _pointers[offset] = (uint)value;
        base.WriteBar(bar, offset, bytes, value);
    }

    public override void WriteConfiguration(int offset, int bytes, uint value)
    {
        const uint busMaster = 4;
        if (offset == 4 && IsBusMaster && (value & busMaster) == 0)
        {
            if (StaysBusMaster)
                value |= busMaster;
            else
                Bus?.BeforeMasterEnds();
        }
        base.WriteConfiguration(offset, bytes, value);
    }

    public void BecomeBad(Choices choices)
    {
        switch (choices.Pick(30, 8, 1))
        {
            case 1:
                Controller.Faults = _faults[choices.Below(_faults.Length)];
                break;
            case 2:
                StaysBusMaster = true;
                break;
        }
    }

    public Action ChooseMisdeed(Choices choices) => choices.Pick(5, 8, 6, 8, 6, 5, 6, 4, 8, 1, 1, 3) switch
    {
        0 => ChooseInterrupt(choices),
        1 => ChooseLie(choices),
        2 => ChooseFault(choices),
        3 => ChooseProgram(choices),
        4 => ChooseWrite(choices),
        5 => ChooseSelfIds(choices),
        6 => ChooseReset(choices),
        7 => ChooseCable(choices),
        8 => ChoosePacket(choices),
        9 => Told(choices, "the card is pulled", () => IsGone = true),
        10 => Told(choices, "the card resets itself", ResetItself),
        _ => ChoosePhyPacket(choices),
    };

    /// <summary>The bus is good, too.</summary>
    public void Behave()
    {
        Bus.Behave();
        _later.Clear();
        Controller.Faults = OhciFaults.None;
        Connect(true);
    }

    private static bool IsCommandPointer(uint offset) =>
        offset is OhciRegister.AtRequest + 0xC or OhciRegister.AtResponse + 0xC or OhciRegister.ArRequest + 0xC or OhciRegister.ArResponse + 0xC
        || (offset >= OhciRegister.It && offset < OhciRegister.Ir && (offset & 0xF) == 0xC) || (offset >= OhciRegister.Ir && (offset & 0x1F) == 0xC);

    private void FindShared(List<(ulong Start, ulong Bytes)> shared)
    {
        foreach (uint pointer in _pointers.Values)
        {
            uint page = pointer & ~(uint)(PhysAddr.PageSize - 1);
            if (page != 0)
                shared.Add((page, PhysAddr.PageSize));
        }
    }

    private static Action Told(Choices choices, string what, Action act) => !choices.IsTold ? act : () =>
    {
        choices.Tell(what);
        act();
    };

    private Action ChooseInterrupt(Choices choices)
    {
        uint events = choices.Pick(2, 2, 1) switch { 0 => 1u << choices.Below(31), 1 => 0x0001_0033, _ => choices.Word() };
        int times = 1 + choices.Small(200);
        return Told(choices, $"{times} interrupts, events {events:x}", () =>
        {
            Bus.PlanLie(OhciRegister.IntEvent, 1 + times / 8, truth => truth | events);
            for (int i = 0; i < times && !IsGone; i++)
            {
                Bus.BeginCall();
                SetInterrupt(true);
                SetInterrupt(false);
            }
        });
    }

    private Action ChooseLie(Choices choices)
    {
        uint? offset = choices.Pick(3, 2, 2, 2, 1, 1, 1, 2, 1, 1) switch
        {
            0 => null,
            1 => OhciRegister.IntEvent,
            2 => OhciRegister.SelfIdCount,
            3 => OhciRegister.NodeId,
            4 => OhciRegister.PhyControl,
            5 => OhciRegister.HcControl,
            6 => OhciRegister.CsrControl,
            7 => new[] { OhciRegister.AtRequest, OhciRegister.AtResponse, OhciRegister.ArRequest, OhciRegister.ArResponse }[choices.Below(4)],
            8 => OhciRegister.CycleTimer,
            _ => OhciRegister.CsrData,
        };
        int times = choices.OneIn(8) ? 1 << 20 : 1 + choices.Small(16);
        bool isFlip = choices.OneIn(3);
        uint word = choices.Word();
        return Told(choices, $"{times} reads of {(offset is { } only ? $"register {only:x}" : "registers")} give {(isFlip ? "other bits" : "")} {word:x}",
            () => Bus.PlanLie(offset, times, truth => isFlip ? truth ^ word : word));
    }

    private Action ChooseFault(Choices choices)
    {
        OhciFaults fault = _faults[choices.Below(_faults.Length)];
        bool isOn = !choices.OneIn(3);
        return Told(choices, $"{FaultNames.NameOf(fault)} is {isOn}", () =>
        {
            // What it leads astray stays so.
            IsAstray |= isOn;
            Controller.Faults = isOn ? Controller.Faults | fault : Controller.Faults & ~fault;
        });
    }

    // A word of a descriptor, or of a header beside it: as an honest controller would write it, or any.
    private Action ChooseProgram(Choices choices)
    {
        int which = choices.Below(8), at = choices.Below(1 << 8) * 16 + (choices.OneIn(2) ? 12 : choices.Below(4) * 4);
        uint status = 0x8400_0000 | (uint)choices.Below(32) << 16 | (uint)choices.Small(1 << 13);
        uint word = choices.OneIn(2) ? choices.Word() : status;
        return Told(choices, $"the card writes {word:x} to byte {at} of the page of program {which}", () => WriteShared(which, at, word));
    }

    private Action ChooseWrite(Choices choices)
    {
        int which = choices.Below(1 << 12), offset = choices.Below(1 << 13);
        byte[] bytes = new byte[1 + choices.Small(2200)];
        choices.Fill(bytes);
        return Told(choices, $"the card writes {bytes.Length} bytes into memory {which}+{offset}", () =>
        {
            IsAstray = true;
            if (Bus.Place(which, offset) is { } place)
                Bus.Write(place, bytes);
        });
    }

    private Action ChooseSelfIds(Choices choices)
    {
        int at = choices.Small(512) * 4;
        uint word = choices.Word(), lie = choices.Word();
        bool isCount = choices.OneIn(2);
        return Told(choices, $"self-ID quadlet {at / 4} is {word:x}{(isCount ? $", SelfIDCount {lie:x}" : "")}", () =>
        {
            if (_pointers.TryGetValue(OhciRegister.SelfIdBuffer, out uint buffer))
                WriteWord(buffer + (ulong)at, word);
            if (isCount)
                Bus.PlanLie(OhciRegister.SelfIdCount, 2, _ => lie);
            _later.Add(() => Phy.InitiateReset(false));
        });
    }

    private Action ChooseReset(Choices choices)
    {
        bool isLong = choices.OneIn(2);
        int times = choices.OneIn(6) ? 1 + choices.Small(20) : 1;
        return Told(choices, $"{times} bus resets, long: {isLong}", () =>
        {
            for (int i = 0; i < times; i++)
                _later.Add(() => Phy.InitiateReset(isLong));
        });
    }

    private Action ChooseCable(Choices choices)
    {
        bool isPlugged = choices.OneIn(2);
        return Told(choices, $"the other node's cable is plugged: {isPlugged}", () => _later.Add(() => Connect(isPlugged)));
    }

    // From nobody, with anything in it; or as an answer to one of the last questions.
    private Action ChoosePacket(Choices choices)
    {
        uint code = (uint)choices.Below(16), source = choices.Pick(3, 1) == 0 ? (uint)choices.Below(3) : (uint)choices.Below(64);
        uint q0 = 0xFFC0_0000 | (uint)choices.Below(64) << 10 | code << 4 | (choices.OneIn(4) ? choices.Word() & 0x003F_030F : 0);
        uint q1 = (0xFFC0 | source) << 16 | (choices.OneIn(2) ? 0xFFFF : choices.Word() & 0xFFFF);
        uint q2 = choices.Pick(3, 2, 1) switch { 0 => 0xF001_0000 + (uint)choices.Below(1 << 12), 1 => 0xF000_0000 + (uint)choices.Below(1 << 11), _ => choices.Word() };
        int bytes = choices.Small(2049), times = choices.OneIn(10) ? 1 + choices.Small(MostPacket) : 1;
        uint length = choices.OneIn(4) ? choices.Word() >> 16 : (uint)bytes, low = choices.OneIn(2) ? (uint)choices.Below(8) : choices.Word() & 0xFFFF;
        byte[] data = new byte[bytes];
        choices.Fill(data);
        return Told(choices, $"{times} packets come: {q0:x8} {q1:x8} {q2:x8} {length << 16 | low:x8}, {bytes} bytes", () => _later.Add(() =>
        {
            (_packet.Q0, _packet.Q1, _packet.Q2, _packet.Q3) = (q0 | (uint)Phy.PhysicalId << 16, q1, q2, length << 16 | low);
            _packet.Speed = Speed.S400;
            _packet.DataBytes = _packet.Code.HasData ? bytes : 0;
            data.AsSpan(0, _packet.DataBytes).CopyTo(_packet.Room);
            for (int i = 0; i < times && Controller.IsActive; i++)
                Controller.Receive(_packet);
        }));
    }

    private Action ChoosePhyPacket(Choices choices)
    {
        uint first = choices.Word(), second = choices.OneIn(3) ? choices.Word() : ~first;
        return Told(choices, $"a packet between PHYs comes: {first:x8} {second:x8}", () => _later.Add(() =>
        {
            if (Controller.IsActive)
                Controller.ReceivePhy(first, second);
        }));
    }

    private void ResetItself()
    {
        IsAstray = true;
        base.WriteBar(0, OhciRegister.HcControl, 4, CommandReset);
    }

    private void Connect(bool isPlugged)
    {
        if (Peer == null || Phy.Ports.Any(port => port.IsConnected) == isPlugged)
            return;
        if (isPlugged)
            Phy.Bus.Connect(Peer, Phy);
        else
            Phy.Bus.Disconnect(Phy);
    }

    private Phy Phy => Controller.Phy;

    private void WriteShared(int which, int at, uint word)
    {
        IsAstray = true;
        if (_pointers.Count != 0)
            WriteWord((_pointers.Values.ElementAt(which % _pointers.Count) & ~0xFFFu) + (ulong)at, word);
    }

    private void WriteWord(ulong address, uint word) => Bus.Write(address, BitConverter.GetBytes(word));
}
