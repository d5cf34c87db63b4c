using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Ohci;
using Sluice.Platform;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Streams sent by the controller's driver, on every kind of machine, heard by a node of the model's bus.</summary>
public sealed class IsoTransmitTests
{
    private const int Places = 40, PlaceBytes = 1020;

    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    public static TheoryData<string> Cards => OhciTests.Cards;

    [Theory, MemberData(nameof(Kinds))]
    public void What_was_set_goes_out_a_packet_a_cycle(string kind)
    {
        using var bus = new Talking(kind);
        bus.Begin(buffers: 3, rounds: 12);
        bus.Machine.Pass(80_000);
        Assert.Equal(12 * Places, bus.Times.Count);
        Assert.Equal(bus.Expected.Count, bus.Heard.Count);
        for (int i = 0; i < bus.Heard.Count; i++)
        {
            Assert.Equal(bus.Expected[i].Header, bus.Heard[i].Header);
            Assert.Equal(bus.Expected[i].Data, bus.Heard[i].Data);
        }
        // Nine buffers follow one another without a gap; in the time stamps, and on the bus.
        for (int i = 1; i < bus.Times.Count; i++)
            Assert.Equal(1, IsoPacket.Cycles(bus.Times[i - 1], bus.Times[i]));
        Assert.Equal(bus.Times.Zip(bus.Kept).Where(one => one.Second).Select(one => one.First & 0xFFFF), bus.Heard.Select(one => one.Time));
        bus.End();
    }

    [Theory, MemberData(nameof(Cards))]
    public void It_begins_with_its_cycle_and_goes_on_after_it_had_nothing(string card)
    {
        using var bus = new Talking("coherent", card);
        uint now = bus.Driver.CycleTime >> 12 & 0x7FFF, start = now + 20;
        Assert.InRange(now & 0x1FFF, 0u, 7900u);
        bus.Begin(buffers: 2, rounds: 2, startCycle: (int)start);
        bus.Machine.Pass(30_000);
        // The cycle that it waits for is over when it has come.
        Assert.InRange((bus.Times[0] & 0x1FFF) - (start & 0x1FFF), 0u, 1u);
        for (int i = 0; i < 5; i++)
        {
            bus.Send(bus.Buffers[0]);
            if (i % 2 == 0)
                bus.Send(bus.Buffers[1]);
            bus.Machine.Pass(20_000);
        }
        Assert.Equal((10, bus.Expected.Count), (bus.Sent, bus.Heard.Count));
        Assert.Equal(bus.Expected.Select(one => one.Header), bus.Heard.Select(one => one.Header));
        bus.End();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_packet_whose_cycle_is_lost_goes_out_late_or_not_at_all(bool isDropped)
    {
        using var bus = new Talking("coherent", isDropped: isDropped);
        bus.Begin(buffers: 2, rounds: 4);
        bus.Machine.Pass(4_000);
        int before = bus.Heard.Count;
        // Five cycles pass at once.
        uint time = bus.Machine.Function.Controller.Read(OhciRegister.CycleTimer);
        bus.Machine.Function.Controller.Write(OhciRegister.CycleTimer, time + (5u << 12));
        bus.Machine.Pass(40_000);
        Assert.InRange(before, 20, 40);
        Assert.Equal(4, bus.Sent);
        int missing = bus.Expected.Count - bus.Heard.Count;
        Assert.InRange(missing, isDropped ? 1 : 0, isDropped ? 6 : 0);
        Assert.InRange(bus.Unsent, isDropped ? 5 : 0, 5);
        Assert.All(bus.Heard, heard => Assert.Contains(bus.Expected, one => one.Header == heard.Header && one.Data.SequenceEqual(heard.Data)));
        bus.End();
    }

    [Theory]
    [InlineData("coherent")]
    [InlineData("coherent, bounced, checked")]
    [InlineData("lines of 64 (seed 1)")]
    public void Bus_resets_a_reset_of_the_controller_and_its_end_leave_nothing_behind(string kind)
    {
        using var bus = new Talking(kind);
        bus.Begin(buffers: 3, rounds: 1000);
        for (int i = 0; i < 3; i++)
        {
            bus.Machine.Pass(5_000);
            bus.Reset(isLong: i % 2 == 0);
            int sent = bus.Sent;
            bus.Machine.Pass(20_000);
            Assert.InRange(bus.Sent - sent, 3, 5);
        }
        bus.Driver.Fail();
        bus.Machine.Pass(1_000_000, 1_000);
        bus.Driver.SetCycleMaster(true);
        int before = bus.Sent;
        bus.Machine.Pass(20_000);
        Assert.InRange(bus.Sent - before, 3, 5);
        bus.Machine.Function.Controller.Faults = OhciFaults.DeadContext;
        bus.Machine.Pass(100_000);
        Assert.Equal((Error.Malformed, false), (bus.Ended, bus.Transmitter.IsStarted));
        bus.Machine.Function.Controller.Faults = OhciFaults.None;
        bus.Begin(buffers: 0, rounds: 10);
        foreach (IsoTransmitBuffer buffer in bus.Buffers)
            bus.Send(buffer);
        bus.Machine.Pass(5_000);
        bus.End(isPulled: true);
        Assert.Equal(Error.DeviceGone, bus.Ended);
    }

    private sealed record Said(uint Header, byte[] Data, uint Time);

    // Hears all streams.
    private sealed class Ear : Model.Link
    {
        private uint _now;

        public List<Said> Heard { get; } = [];

        public override bool NeedsCycles => true;

        public override void CycleStarted(uint cycleTime) => _now = cycleTime >> 12 & 0xFFFF;

        public override void ReceiveStream(Model.Packet packet) => Heard.Add(new Said(packet.Q0, packet.Data.ToArray(), _now));

        public override void ResetStarted()
        {
        }

        public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
        {
        }

        public override Model.Ack Receive(Model.Packet packet) => Model.Ack.AddressError;

        public override Model.Packet? NextPacket() => null;

        public override void Sent(Model.Packet packet, Model.Ack ack)
        {
        }
    }

    // A machine that talks, and notes what it meant to say.
    private sealed class Talking : IIsoTransmitHandler, IDisposable
    {
        private readonly Random _random = new(5);
        private readonly bool _isDropped;
        private readonly Ear _ear = new();
        private readonly Dictionary<IsoTransmitBuffer, bool[]> _kept = [];
        private int _left;

        public Talking(string kind, string card = "fw643", bool isDropped = false)
        {
            _isDropped = isDropped;
            Machine = new OhciMachine(kind, card);
            Machine.Add(_ear);
            Machine.Phy.HoldsForRoot = true;
            Driver = Machine.Probe();
            Machine.Phy.HoldsForRoot = true;
            Driver.SetCycleMaster(true);
            Assert.True(Driver.TryTakeTransmitter(this, out IsoTransmitter? transmitter));
            Transmitter = transmitter!;
        }

        public OhciMachine Machine { get; }

        public Ohci Driver { get; }

        public IsoTransmitter Transmitter { get; }

        public List<IsoTransmitBuffer> Buffers { get; } = [];

        public List<Said> Expected { get; } = [];

        public List<Said> Heard => _ear.Heard;

        public List<uint> Times { get; } = [];

        public List<bool> Kept { get; } = [];

        public int Sent { get; private set; }

        public int Unsent { get; private set; }

        public Error? Ended { get; private set; }

        public void Begin(int buffers, int rounds, int startCycle = -1)
        {
            Assert.Equal(Error.None, Transmitter.Start(startCycle));
            _left = rounds;
            for (int i = 0; i < buffers; i++)
            {
                IsoTransmitBuffer buffer = Transmitter.NewBuffer();
                Buffers.Add(buffer);
                Assert.Equal(Error.None, buffer.TryMake(Driver.Function.Dma, Places, PlaceBytes));
                _left--;
                Send(buffer);
            }
        }

        public void Send(IsoTransmitBuffer buffer)
        {
            bool[] kept = new bool[Places];
            for (int i = 0; i < Places; i++)
            {
                // Nothing, a header alone, all of it, or some.
                int bytes = _random.Next(6) switch { 0 => -1, 1 => 0, 2 => PlaceBytes, _ => _random.Next(PlaceBytes) };
                kept[i] = bytes >= 0;
                if (bytes < 0)
                {
                    buffer.SetEmpty(i);
                    continue;
                }
                _random.NextBytes(buffer[i][..bytes]);
                int channel = _random.Next(64), tag = _random.Next(4), sync = _random.Next(16);
                buffer.Set(i, bytes, channel, tag, sync, BusSpeed.S400, _isDropped);
                Expected.Add(new Said((uint)bytes << 16 | (uint)tag << 14 | (uint)channel << 8 | 0xA0 | (uint)sync, buffer[i][..bytes].ToArray(), 0));
            }
            _kept[buffer] = kept;
            Transmitter.Queue(buffer);
        }

        public void Reset(bool isLong)
        {
            Machine.Phy.InitiateReset(isLong);
            Machine.Pass(1_000);
            Driver.SetCycleMaster(true);
        }

        public void End(bool isPulled = false)
        {
            if (!isPulled && Driver.IsRunning)
                Assert.Equal(Error.None, Transmitter.Stop());
            if (isPulled)
            {
                Machine.Function.IsGone = true;
                Machine.Pass(1_100_000);
            }
            foreach (IsoTransmitBuffer buffer in Buffers)
            {
                Assert.False(buffer.IsQueued);
                buffer.Free();
            }
            Machine.CheckNothingLeaks(Driver);
        }

        public void OnSent(IsoTransmitBuffer buffer)
        {
            Sent++;
            for (int i = 0; i < Places; i++)
            {
                if (buffer.WasSent(i, out uint time))
                    Times.Add(time);
                else
                    Unsent++;
            }
            Kept.AddRange(_kept[buffer]);
            if (_left-- > 0)
                Send(buffer);
        }

        public void OnEnded(Error why) => Ended = why;

        public void Dispose() => Machine.Dispose();
    }
}
