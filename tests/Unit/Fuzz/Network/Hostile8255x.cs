using System;
using System.Collections.Generic;
using Sluice.Devices;
using Sluice.Devices.Pci;
using Sluice.Platform;

namespace Sluice.Tests.Fuzz.Network;

/// <summary>A card of the 8255x family that may do whatever one could. It is the honest model, and what follows from <see cref="ChooseMisdeed"/>.</summary>
internal sealed class Hostile8255x : Simulated8255x, IHostileCard
{
    private const uint PortRegister = 0x08, Complete = 0x8000, Ok = 0x2000, NoRoom = 0x0200, CountFlags = 0xC000;
    private const int StatisticWords = 21;

    private uint _selfTestAt;

    public Hostile8255x(FuzzMachine? machine)
    {
        Bus = machine == null ? null! : new HostileBus(machine, this) { FindShared = FindResults };
        Memory = machine == null ? null : new NarrowBus(Bus, 32);
    }

    public SimulatedFunction Function => this;

    public HostileBus Bus { get; }

    public bool HasForgotten { get; private set; }

    public override ulong ReadBar(int bar, uint offset, int bytes) =>
        Bus == null ? base.ReadBar(bar, offset, bytes) : Bus.Read(offset, bytes, base.ReadBar(bar, offset, bytes));

    public override void WriteBar(int bar, uint offset, int bytes, ulong value)
    {
        if (offset == PortRegister && (value & 0xF) == 1)
            _selfTestAt = (uint)value & ~0xFu;
        base.WriteBar(bar, offset, bytes, value);
    }

    public override void WriteConfiguration(int offset, int bytes, uint value)
    {
        const uint busMaster = 4;
        if (offset == 4 && IsBusMaster && (value & busMaster) == 0)
            Bus.BeforeMasterEnds();
        base.WriteConfiguration(offset, bytes, value);
    }

    public void BecomeBad(Choices choices)
    {
        switch (choices.Pick(60, 2, 2, 2, 2, 2, 2, 2))
        {
            case 1:
                IsDeaf = true;
                break;
            case 2:
                PhyHangs = true;
                break;
            case 3:
                SelfTestResult = choices.OneIn(2) ? choices.Word() : null;
                break;
            case 4:
                CommandUnitHangs = true;
                break;
            case 5:
                StaysBusMaster = true;
                break;
            case 6:
                MakeEeprom(choices.Word() | (ulong)choices.Word() << 32);
                break;
            case 7:
                PhyAddress = choices.Below(40);
                break;
        }
        // As QEMU's model is, or as cards are.
        SetsCountFlags = !choices.OneIn(4);
        FillsMarker = choices.OneIn(4);
        LeavesAfter = choices.OneIn(6) ? 16 : null;
        ReadsUntilAccepted = choices.Small(4);
    }

    public Action ChooseMisdeed(Choices choices) => choices.Pick(6, 10, 6, 8, 8, 6, 4, 4, 8, 4, 1, 1, 2) switch
    {
        0 => ChooseInterrupt(choices),
        1 => ChooseReceived(choices),
        2 => ChooseBlock(choices),
        3 => ChooseWrite(choices),
        4 => ChooseRead(choices),
        5 => ChooseTwist(choices),
        6 => ChooseBlockTwist(choices),
        7 => ChooseLink(choices),
        8 => ChooseSwitch(choices),
        9 => ChoosePosition(choices),
        10 => Told(choices, "the card is pulled", () => IsGone = true),
        11 => Told(choices, "the card resets itself", ResetItself),
        _ => ChooseStatistic(choices),
    };

    public void Behave()
    {
        Bus.Behave();
        IsDeaf = PhyHangs = CommandUnitHangs = LosesInterrupts = LosesCounters = Storms = false;
        PhyAddress = 1;
        LeavesAfter = null;
        ReadsUntilAccepted = 0;
        Twist = null;
        TwistBlock = null;
        LinkIsUp = true;
        Partner = 0x41E1;
        Raise(0);
    }

    public bool Receive(ReadOnlySpan<byte> frame) => Deliver(frame);

    public bool Inject(ReadOnlySpan<byte> frame, uint findings)
    {
        Func<uint, uint, (uint, uint)>? before = Twist;
        if (findings != 0)
            Twist = (status, count) => (status | findings & 0x1FFF, count);
        bool came = !IsGone && Accept(frame);
        Twist = before;
        return came;
    }

    private static Action Told(Choices choices, string what, Action act) => !choices.IsTold ? act : () =>
    {
        choices.Tell(what);
        act();
    };

    private Action ChooseInterrupt(Choices choices)
    {
        byte causes = choices.Pick(3, 1, 1, 1) switch { 0 => 0x40, 1 => 0x80, 2 => 0x10, _ => (byte)choices.Below(256) };
        int times = 1 + choices.Small(200);
        bool isForced = choices.OneIn(2);
        return Told(choices, $"{times} interrupts, causes {causes:x}{(isForced ? ", whatever the mask says" : "")}", () =>
        {
            int count = Cpu.InterruptsEnabled ? times : 1;
            for (int i = 0; i < count && !IsGone; i++)
            {
                Bus.BeginCall();
                Raise(causes);
                if (!isForced)
                    continue;
                Interrupt();
                LowerPin();
            }
        });
    }

    // Descriptors of frames as no honest card writes them, or just as one would.
    private Action ChooseReceived(Choices choices)
    {
        int ahead = choices.Small(128), count = 1 + choices.Small(8);
        bool isWord = choices.OneIn(6);
        uint word = isWord ? choices.Word() : 0, at = isWord ? (uint)choices.Below(4) * 4 : 0;
        uint status = ChooseStatus(choices), length = ChooseCount(choices);
        return Told(choices, $"the card writes {(isWord ? $"{word:x} at {at}" : $"status {status:x}, count {length:x}")} to {count} frames from {ahead} on", () =>
        {
            uint frame = NextFrame;
            for (int i = 0; i < ahead + count; i++)
            {
                uint link = ReadWord(frame + 4);
                if (i >= ahead && isWord)
                {
                    WriteWord(frame + at, word);
                }
                else if (i >= ahead)
                {
                    WriteHalf(frame + 12, (ushort)length);
                    WriteHalf(frame, (ushort)status);
                }
                frame = link;
            }
        });
    }

    private Action ChooseBlock(Choices choices)
    {
        int back = choices.Below(72), field = choices.Pick(4, 1) * choices.Below(16);
        uint word = choices.Pick(3, 1, 1) switch { 0 => Complete | Ok, 1 => Complete, _ => choices.Word() };
        return Told(choices, $"the card writes {word:x} to word {field} of the block {back} before the next", () =>
        {
            uint block = NextBlock - (uint)back * Math.Max(64, CacheLines.Bytes);
            if (field == 0)
                WriteHalf(block, (ushort)word);
            else
                WriteWord(block + 4 * (uint)field, word);
        });
    }

    private Action ChooseWrite(Choices choices)
    {
        int which = choices.Below(1 << 12), offset = choices.Below(1 << 13);
        byte[] bytes = new byte[1 + choices.Small(2200)];
        choices.Fill(bytes);
        return Told(choices, $"the card writes {bytes.Length} bytes into memory {which}+{offset}", () =>
        {
            if (Bus.Place(which, offset) is { } place)
                Bus.Write(place, bytes);
        });
    }

    private Action ChooseRead(Choices choices)
    {
        uint? offset = choices.Pick(2, 2, 2, 1, 1) switch
        {
            0 => null,
            1 => 0x00,
            2 => 0x02,
            3 => 0x0E,
            _ => 0x10,
        };
        int times = choices.OneIn(8) ? 1 << 20 : 1 + choices.Small(16);
        bool isFlip = choices.OneIn(3);
        uint word = choices.Word();
        return Told(choices, $"{times} reads of {(offset is { } only ? $"register {only:x}" : "registers")} give {(isFlip ? "other bits" : "")} {word:x}",
            () => Bus.PlanLie(offset, times, truth => isFlip ? truth ^ word : word));
    }

    private Action ChooseTwist(Choices choices)
    {
        uint status = ChooseStatus(choices), count = ChooseCount(choices);
        int left = 1 + choices.Small(6), which = 1 + choices.Below(3);
        return Told(choices, $"the card will say {status:x}, {count:x} (of {which}) of its next {left} frames", () => Twist = (trueStatus, trueCount) =>
        {
            if (--left <= 0)
                Twist = null;
            return ((which & 1) != 0 ? status : trueStatus, (which & 2) != 0 ? count : trueCount);
        });
    }

    private Action ChooseBlockTwist(Choices choices)
    {
        uint status = choices.Pick(1, 1, 2) switch { 0 => 0, 1 => Complete, _ => choices.Word() };
        int left = 1 + choices.Small(6);
        return Told(choices, $"the card will say {status:x} of its next {left} blocks", () => TwistBlock = _ =>
        {
            if (--left <= 0)
                TwistBlock = null;
            return status;
        });
    }

    private Action ChooseLink(Choices choices)
    {
        bool isUp = choices.OneIn(2);
        ushort partner = choices.Pick(2, 1, 1) switch { 0 => 0x41E1, 1 => 0x0021, _ => (ushort)choices.Word() };
        return Told(choices, $"the link is {(isUp ? "up" : "down")}, the partner {partner:x}", () => (LinkIsUp, Partner) = (isUp, partner));
    }

    private Action ChooseSwitch(Choices choices)
    {
        int which = choices.Pick(8, 8, 8, 8, 8, 8, 8, 8, 8, 1);
        bool on = !choices.OneIn(4);
        return Told(choices, $"switch {which} is {on}", () =>
        {
            switch (which)
            {
                case 0:
                    CommandUnitHangs = on;
                    break;
                case 1:
                    IsDeaf = on;
                    break;
                case 2:
                    LosesInterrupts = on;
                    break;
                case 3:
                    PhyHangs = on;
                    break;
                case 4:
                    LosesCounters = on;
                    break;
                case 5:
                    Storms = on;
                    Raise(0);
                    break;
                case 6:
                    SkipsEmpty = !on;
                    break;
                case 7:
                    LeavesAfter = on ? 1 : null;
                    break;
                case 8:
                    ReadsUntilAccepted = on ? 100 : 0;
                    break;
                default:
                    StaysBusMaster = true;
                    break;
            }
        });
    }

    // Where its units go on: a few links further, or anywhere.
    private Action ChoosePosition(Choices choices)
    {
        bool isReceiver = choices.OneIn(2), isAnywhere = choices.OneIn(4);
        int links = choices.Small(140);
        uint anywhere = isAnywhere ? choices.Word() : 0;
        return Told(choices, $"the {(isReceiver ? "receive" : "command")} unit goes on {(isAnywhere ? $"at {anywhere:x}" : $"{links} links further")}", () =>
        {
            uint at = isReceiver ? NextFrame : NextBlock;
            for (int i = 0; i < links; i++)
                at = ReadWord(at + 4);
            if (isReceiver)
                NextFrame = isAnywhere ? anywhere : at;
            else
                NextBlock = isAnywhere ? anywhere : at;
        });
    }

    private Action ChooseStatistic(Choices choices)
    {
        uint word = (uint)choices.Below(StatisticWords), count = choices.Word();
        return Told(choices, $"statistic {word} is {count:x}", () => WriteWord(CountersAt + 4 * word, count));
    }

    private void ResetItself()
    {
        HasForgotten = true;
        base.WriteBar(0, PortRegister, 4, 0);
    }

    private static uint ChooseStatus(Choices choices) => choices.Pick(4, 2, 1, 1, 2) switch
    {
        0 => Complete | Ok,
        1 => Complete,
        2 => Complete | Ok | NoRoom,
        3 => 0,
        _ => choices.Word(),
    };

    private static uint ChooseCount(Choices choices)
    {
        uint flags = choices.Pick(4, 1, 1, 1) switch { 0 => CountFlags, 1 => 0, 2 => 0x8000, _ => 0x4000 };
        return flags | choices.Pick(2, 1, 1, 1, 2, 2, 1, 2) switch
        {
            0 => 60,
            1 => 0,
            2 => 13,
            3 => 14,
            4 => 1518,
            5 => 1519,
            6 => 0x3FFF,
            _ => (uint)choices.Small(1 << 14),
        };
    }

    private void FindResults(List<(ulong Start, ulong Bytes)> shared)
    {
        uint at = _selfTestAt != 0 ? _selfTestAt : CountersAt;
        if (at != 0)
            shared.Add((at & ~(PhysAddr.PageSize - 1), PhysAddr.PageSize));
    }
}
