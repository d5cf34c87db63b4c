using System;
using System.Collections.Generic;
using Sluice.Devices;
using Sluice.Devices.Pci;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Tests.Fuzz.Network;

/// <summary>An 82574 that may do whatever one could. It is the honest model, and what follows from <see cref="ChooseMisdeed"/>.</summary>
internal sealed class Hostile82574 : Simulated82574, IHostileCard
{
    private const uint FirstStatistic = 0x4000, Statistics = 0x128;
    private const ulong Done = 1UL << 32, End = 2UL << 32;
    private const int StormInterrupts = 100_001;

    public Hostile82574(FuzzMachine? machine)
    {
        Bus = machine == null ? null! : new HostileBus(machine, this) { FindShared = FindRings };
        Memory = Bus;
    }

    public SimulatedFunction Function => this;

    public HostileBus Bus { get; }

    public bool HasForgotten { get; private set; }

    public override ulong ReadBar(int bar, uint offset, int bytes) =>
        Bus == null ? base.ReadBar(bar, offset, bytes) : Bus.Read(offset, bytes, base.ReadBar(bar, offset, bytes));

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
                IsResetStuck = true;
                break;
            case 2:
                IsPhyStuck = true;
                break;
            case 3:
                KeepsMaster = true;
                break;
            case 4:
                LoadsNoAddress = true;
                IsEepromStuck = choices.OneIn(2);
                break;
            case 5:
                PhyFails = true;
                break;
            case 6:
                StaysBusMaster = true;
                break;
            case 7:
                for (int i = 0; i < 3; i++)
                    Eeprom[i] = (ushort)choices.Word();
                break;
        }
        Phy[0] = choices.Pick(12, 1, 1) switch { 0 => 0x1140, 1 => 0x0800, _ => (ushort)choices.Word() };
    }

    public Action ChooseMisdeed(Choices choices) => choices.Pick(6, 12, 6, 2, 8, 10, 8, 4, 8, 4, 1, 1, 2) switch
    {
        0 => ChooseInterrupt(choices),
        1 => ChooseReceived(choices),
        2 => ChooseSent(choices),
        3 => ChooseRing(choices),
        4 => ChooseWrite(choices),
        5 => ChooseRead(choices),
        6 => ChooseLie(choices),
        7 => ChooseLink(choices),
        8 => ChooseSwitch(choices),
        9 => ChooseHead(choices),
        10 => Told(choices, "the card is pulled", () => IsGone = true),
        11 => Told(choices, "the card resets itself", ResetItself),
        _ => ChooseStatistic(choices),
    };

    public void Behave()
    {
        Bus.Behave();
        IsTransmitStuck = ReportsNothing = LosesInterrupts = IsResetStuck = IsPhyStuck = PhyFails = IsEepromStuck = KeepsMaster = false;
        ReceiveHeadLie = TransmitHeadLie = null;
        Lie = null;
        Megabits = 1000;
        Transmit();
    }

    public bool Receive(ReadOnlySpan<byte> frame) => Receive(frame, isDamaged: false);

    public bool Inject(ReadOnlySpan<byte> frame, uint findings) =>
        !IsGone && ReceiveRoom >= frame.Length && Deliver(frame, ((ulong)(findings & 0xFC) | (ulong)(findings & 0xFFFF_0000) >> 8) << 32);

    // As long as the ring is one.
    private int ReceiveRoom => Base(Rdba) == 0 ? -1 : ReceiveDescriptorsFree * BufferBytes;

    private static Action Told(Choices choices, string what, Action act) => !choices.IsTold ? act : () =>
    {
        choices.Tell(what);
        act();
    };

    private Action ChooseInterrupt(Choices choices)
    {
        uint causes = choices.Pick(3, 1, 1) switch { 0 => Received, 1 => LinkChange | Overrun, _ => choices.Word() };
        int vector = choices.Pick(8, 1) * choices.Below(5);
        int times = choices.OneIn(1000) ? StormInterrupts : 1 + choices.Small(8);
        bool isForced = choices.OneIn(2);
        return Told(choices, $"{times} interrupts, causes {causes:x}, vector {vector}{(isForced ? ", whatever the mask says" : "")}", () =>
        {
            // Those that come while none may come in are one.
            int count = Cpu.InterruptsEnabled ? times : 1;
            for (int i = 0; i < count && !IsGone; i++)
            {
                // Each calls the driver once.
                Bus.BeginCall();
                SetCauses(causes);
                if (!isForced)
                    continue;
                Interrupt(vector);
                LowerPin();
            }
        });
    }

    private Action ChooseReceived(Choices choices)
    {
        int ahead = choices.Small(64);
        ulong result = ChooseResult(choices);
        int count = 1 + choices.Small(8);
        return Told(choices, $"the card writes {count} results {result:x16} from {ahead} descriptors behind its head on", () =>
        {
            for (int i = 0; i < count; i++)
                WriteResult((uint)(this[Rdba + HeadAt] + ahead + i) % Descriptors(Rdba), result);
        });
    }

    private Action ChooseSent(Choices choices)
    {
        int back = choices.Small(256);
        bool isWord = choices.OneIn(4);
        uint low = isWord ? choices.Word() : 0, high = isWord ? choices.Word() : 0;
        return Told(choices, $"the card {(isWord ? "spoils" : "reports")} the transmit descriptor {back} before its tail", () =>
        {
            uint index = (uint)(this[Tdba + TailAt] - 1 - back) % Descriptors(Tdba);
            if (isWord)
                Write64(TransmitDescriptorAt(index) + 8, low | (ulong)high << 32);
            else
                ReportDone(index);
        });
    }

    private Action ChooseRing(Choices choices)
    {
        uint ring = choices.OneIn(2) ? Tdba : Rdba;
        int at = choices.Below(4096);
        byte[] bytes = new byte[1 + choices.Small(64)];
        choices.Fill(bytes);
        return Told(choices, $"the card writes {bytes.Length} bytes at {at} of ring {ring:x}", () => Bus.Write(Base(ring) + (uint)at, bytes));
    }

    // Of what it says about the next frames.
    private Action ChooseLie(Choices choices)
    {
        ulong result = ChooseResult(choices), part = choices.OneIn(3) ? 0xFFFFUL : choices.OneIn(2) ? ulong.MaxValue : ~0xFFFFUL;
        int left = 1 + choices.Small(6);
        return Told(choices, $"the card will say {result & part:x} (of {part:x}) of its next {left} buffers", () => Lie = truth =>
        {
            if (--left <= 0)
                Lie = null;
            return truth & ~part | result & part;
        });
    }

    private Action ChooseLink(Choices choices)
    {
        int megabits = choices.Pick(1, 1, 1, 1) switch { 0 => 0, 1 => 10, 2 => 100, _ => 1000 };
        return Told(choices, $"the link has {megabits} Mb/s", () => Megabits = megabits);
    }

    private Action ChooseHead(Choices choices)
    {
        uint ring = choices.OneIn(2) ? Tdba : Rdba;
        uint head = choices.Word();
        bool isTrue = choices.OneIn(2);
        return Told(choices, $"the head of ring {ring:x} {(isTrue ? "is" : "is said to be")} {head:x}", () =>
        {
            if (isTrue)
                this[ring + HeadAt] = head % Descriptors(ring);
            else if (ring == Tdba)
                TransmitHeadLie = head;
            else
                ReceiveHeadLie = head;
        });
    }

    private Action ChooseStatistic(Choices choices)
    {
        uint statistic = (uint)choices.Below((int)Statistics / 4) * 4, events = choices.Word();
        return Told(choices, $"counter {FirstStatistic + statistic:x} grows by {events}", () => Count(FirstStatistic + statistic, events));
    }

    private void ResetItself()
    {
        const uint resetBit = 1 << 26;
        HasForgotten = true;
        base.WriteBar(0, 0, 4, resetBit);
        for (int i = 0; i <= ReadsUntilResetDone; i++)
            base.ReadBar(0, 0, 4);
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
        uint? offset = choices.Pick(2, 2, 1, 2, 1, 1, 1) switch
        {
            0 => null,
            1 => 0x0008,
            2 => 0x0000,
            3 => 0x00C0,
            4 => Rdba + HeadAt,
            5 => Tdba + HeadAt,
            _ => (uint)choices.Below(0x6000 / 4) * 4,
        };
        int times = choices.OneIn(8) ? 1 << 20 : 1 + choices.Small(16);
        bool isFlip = choices.OneIn(3);
        uint word = choices.Word();
        return Told(choices, $"{times} reads of {(offset is { } only ? $"register {only:x}" : "registers")} give {(isFlip ? "other bits" : "")} {word:x}",
            () => Bus.PlanLie(offset, times, truth => isFlip ? truth ^ word : word));
    }

    private Action ChooseSwitch(Choices choices)
    {
        int which = choices.Below(7);
        bool on = !choices.OneIn(4);
        return Told(choices, $"switch {which} is {on}", () =>
        {
            switch (which)
            {
                case 0:
                    IsTransmitStuck = on;
                    break;
                case 1:
                    ReportsNothing = on;
                    break;
                case 2:
                    LosesInterrupts = on;
                    break;
                case 3:
                    IsResetStuck = on;
                    break;
                case 4:
                    IsPhyStuck = on;
                    break;
                case 5:
                    KeepsMaster = on;
                    break;
                default:
                    ReadsUntilResetDone = on ? 100 : 3;
                    break;
            }
        });
    }

    // Length, status and errors as no honest card writes them, or just as one would.
    private static ulong ChooseResult(Choices choices)
    {
        if (choices.OneIn(6))
            return choices.Word() | (ulong)choices.Word() << 32;
        uint length = choices.Pick(2, 1, 1, 1, 2, 2, 1, 1, 2) switch
        {
            0 => 60,
            1 => 0,
            2 => 13,
            3 => 14,
            4 => 2048,
            5 => 2049,
            6 => 4096,
            7 => 0xFFFF,
            _ => (uint)choices.Small(1 << 16),
        };
        ulong status = choices.Pick(4, 4, 1, 1, 1) switch
        {
            0 => Done | End,
            1 => Done,
            2 => End,
            3 => 0,
            _ => (ulong)choices.Below(256) << 32,
        };
        return length | status | (choices.OneIn(4) ? (ulong)choices.Below(1 << 24) << 40 : 0);
    }

    private void FindRings(List<(ulong Start, ulong Bytes)> rings)
    {
        foreach (uint ring in (ReadOnlySpan<uint>)[Rdba, Tdba])
        {
            ulong bytes = (this[ring + LengthAt] + PhysAddr.PageSize - 1) & ~(PhysAddr.PageSize - 1);
            if (Base(ring) != 0 && bytes != 0)
                rings.Add((Base(ring), bytes));
        }
    }
}
