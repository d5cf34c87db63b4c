using System;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Simulation;
using Sluice.Tests.FireWire.Model;
using Xunit;
using Ohci = Sluice.FireWire.Ohci.OhciRegister;

namespace Sluice.Tests.FireWire.OhciTests;

/// <summary>Two machines: one talks and keeps the time, one listens.</summary>
public sealed class IsochronousTests
{
    private const uint Last = (1u << 28) | (1u << 27) | (3u << 20) | (3u << 18), InputLast = (3u << 28) | (1u << 27) | (3u << 20) | (3u << 18);
    private const uint Channel = 5, Buffer = 0x6_0000, Run = (uint)ContextControl.Run;

    private readonly TestBus _test = new();
    private readonly Machine _talker, _listener;

    public IsochronousTests()
    {
        _talker = new Machine(_test);
        _listener = new Machine(_test, 0x5254_0001_0000_0002);
        _test.Bus.Connect(_talker.Phy, _listener.Phy);
        _talker.Start();
        _listener.Start();
        _talker[Ohci.PhyControl] = 0x4000 | (1 << 8) | 0xC0 | 0x3F;
        _talker.FinishReset();
        _listener.FinishReset();
        Assert.True(_talker.Phy.IsRoot);
    }

    [Fact]
    public void A_program_sends_a_packet_a_cycle_leaves_one_out_and_goes_on_when_woken()
    {
        uint[] blocks = [Packet(1), Packet(2), Pause(), Packet(3)];
        Link(blocks);
        _talker[Ohci.ItMask] = 1;
        Listen();
        Start(blocks[0]);
        Cycles(10);
        uint[] stamps = [.. blocks.Select(block => _talker.StatusOf(Whole(block)) & 0xFFFF)];
        Assert.Equal([0u, 1u, 2u, 3u], stamps.Select(stamp => stamp - stamps[0]));
        Assert.All(blocks, block => Assert.Equal(EventCode.AckComplete, _talker.EventOf(Whole(block))));
        Assert.Equal([1, 2, 3], Received(3));
        Assert.Equal(1u, _talker[Ohci.ItEvent]);
        Assert.NotEqual(0u, _talker[Ohci.IntEvent] & (uint)IntEvent.IsochronousSent);
        Assert.Equal(Run | 0x11, _talker[Ohci.It]);
        uint more = Packet(4);
        _talker.Put(BranchOf(blocks[3]), more);
        _talker[Ohci.It] = (uint)ContextControl.Wake;
        Cycles(2);
        Assert.Equal([1, 2, 3, 4], Received(4));
    }

    [Fact]
    public void A_program_begins_in_the_cycle_that_it_matches()
    {
        uint block = Packet(1);
        uint cycle = ((_talker[Ohci.CycleTimer] >> 12) + 20) & 0x7FFF;
        _talker[Ohci.It + Ohci.CommandPtr] = block;
        _talker[Ohci.It] = (uint)ContextControl.CycleMatchTransmit | (cycle << 16) | Run;
        Cycles(10);
        Assert.Equal(0u, _talker.StatusOf(block));
        Cycles(12);
        Assert.Equal(cycle, _talker.StatusOf(block) & 0x7FFF);
        Assert.Equal(0u, _talker[Ohci.It] & (uint)ContextControl.CycleMatchTransmit);
    }

    [Fact]
    public void Cycles_that_are_lost_go_by_the_skip_address()
    {
        uint[] blocks = [Packet(1), Packet(2), Packet(3)];
        Link(blocks);
        // The first leads to itself for ever, but a lost cycle leads to the second.
        _talker.Put(BranchOf(blocks[0]), blocks[0]);
        _talker.Put((blocks[0] & ~0xFu) + 8, blocks[1]);
        Start(blocks[0]);
        Cycles(3);
        Assert.Equal(0u, _talker.StatusOf(blocks[1]));
        _talker[Ohci.LinkControl + 4] = (uint)LinkControl.CycleMaster;
        Cycles(1);
        _talker[Ohci.LinkControl] = (uint)LinkControl.CycleMaster;
        Cycles(3);
        Assert.NotEqual(0u, _talker[Ohci.IntEvent] & (uint)IntEvent.CycleLost);
        Assert.Equal((EventCode.AckComplete, EventCode.AckComplete), (_talker.EventOf(blocks[1]), _talker.EventOf(blocks[2])));
    }

    [Fact]
    public void Values_are_stored_and_errors_said()
    {
        uint store = _talker.Take(8);
        uint block = Packet(1);
        for (uint i = 0; i < 12; i++)
            _talker.Put(store + 16 + (i * 4), _talker.Word((block & ~0xFu) + (i * 4)));
        _talker.Put(store, (8u << 28) | (6u << 24) | 0xBEEF, 0x5_0000, 0, 0);
        uint unreadable = Packet(2), tooShort = Packet(3);
        _talker.Put((unreadable & ~0xFu) + 36, 0xFFFF_0000);
        _talker.Put((tooShort & ~0xFu) + 20, 100u << 16);
        _talker.Put(store + 16 + 40, unreadable);
        Link(unreadable, tooShort);
        Start(store | 4);
        Cycles(5);
        Assert.Equal(0xBEEFu, _talker.Word(0x5_0000));
        Assert.Equal(EventCode.AckComplete, (EventCode)((_talker.Word(store + 16 + 44) >> 16) & 0x1F));
        Assert.Equal((EventCode.DataRead, EventCode.Unknown), (_talker.EventOf(unreadable), _talker.EventOf(tooShort)));
        _talker[Ohci.It + 4] = Run;
        _talker.Put(store, 5u << 28);
        Start(store | 4);
        Cycles(2);
        Assert.Equal((uint)ContextControl.Dead, _talker[Ohci.It] & (uint)ContextControl.Dead);
    }

    [Fact]
    public void A_packet_has_a_buffer_with_time_header_and_data()
    {
        uint at = Block(64, 16);
        _listener[Ohci.IrMask] = 1;
        StartReceive(at | 2, (uint)ContextControl.Header);
        uint block = Packet(7, sync: 3);
        Start(block);
        Cycles(3);
        Assert.Equal(_talker.StatusOf(block) & 0xFFFF, _listener.Word(Buffer));
        Assert.Equal((16u << 16) | (1 << 14) | (Channel << 8) | 0xA3, _listener.Word(Buffer + 4));
        Assert.Equal(Enumerable.Repeat((byte)7, 16), _listener.Memory.AsSpan((int)Buffer + 8, 16).ToArray());
        Assert.Equal(0x8400u | ((uint)Speed.S400 << 5) | 0x11, _listener.Word(at + 12) >> 16);
        Assert.Equal((40u, 16u), (_listener.Word(at + 12) & 0xFFFF, _listener.Word(at + 28) & 0xFFFF));
        Assert.Equal(1u, _listener[Ohci.IrEvent]);
    }

    [Fact]
    public void Packets_longer_than_their_buffer_are_cut_and_waiting_ends_with_the_sync()
    {
        uint at = Block(8, 4);
        _listener.Put(at, _listener.Word(at) | (3u << 16));
        StartReceive(at | 2, 0, match: 9 << 8);
        uint[] blocks = [Packet(1), Packet(2, sync: 9)];
        Link(blocks);
        Start(blocks[0]);
        Cycles(4);
        Assert.Equal(2, _listener.Memory[Buffer]);
        Assert.Equal((uint)EventCode.LongPacket, (_listener.Word(at + 28) >> 16) & 0x1F);
        Assert.Equal(0u, _listener.Word(at + 28) & 0xFFFF);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Packets_fill_a_stream_of_buffers(bool hasHeaders)
    {
        uint at = _listener.Take(2);
        _listener.Put(at, Machine.Input(20), Buffer, (at + 16) | 1, 20);
        _listener.Put(at + 16, Machine.Input(100), Buffer + 20, 0, 100);
        StartReceive(at | 1, (uint)ContextControl.BufferFill | (hasHeaders ? (uint)ContextControl.Header : 0));
        uint[] blocks = [Packet(1, bytes: 6), Packet(2, bytes: 16)];
        Link(blocks);
        Start(blocks[0]);
        Cycles(4);
        if (hasHeaders)
        {
            // Header, data in whole quadlets, trailer; twice.
            Assert.Equal((6u << 16) | (1 << 14) | (Channel << 8) | 0xA0, _listener.Word(Buffer));
            Assert.Equal([1, 1, 1, 1, 1, 1, 0, 0], _listener.Memory.AsSpan((int)Buffer + 4, 8).ToArray());
            Assert.Equal(_talker.StatusOf(blocks[0]) & 0xFFFF, _listener.Word(Buffer + 12) & 0xFFFF);
            Assert.Equal(0x11u, (_listener.Word(Buffer + 12) >> 16) & 0x1F);
            Assert.Equal(16u << 16, _listener.Word(Buffer + 16) & 0xFFFF_0000);
            Assert.Equal((0u, 100u - 20), (_listener.Word(at + 12) & 0xFFFF, _listener.Word(at + 28) & 0xFFFF));
        }
        else
        {
            Assert.Equal([.. Enumerable.Repeat((byte)1, 6), .. Enumerable.Repeat((byte)2, 16)], _listener.Memory.AsSpan((int)Buffer, 22).ToArray());
            Assert.Equal((0u, 98u), (_listener.Word(at + 12) & 0xFFFF, _listener.Word(at + 28) & 0xFFFF));
        }
    }

    [Fact]
    public void A_stream_without_room_loses_packets_and_counts_them()
    {
        uint at = _listener.Take(1);
        _listener.Put(at, Machine.Input(40), Buffer, 0, 40);
        StartReceive(at | 1, (uint)ContextControl.BufferFill);
        uint[] blocks = [Packet(1), Packet(2), Packet(3)];
        Link(blocks);
        Start(blocks[0]);
        Cycles(5);
        Assert.Equal(8u, _listener.Word(at + 12) & 0xFFFF);
        Assert.Equal(1, _listener.Controller.IsochronousLost);
    }

    [Fact]
    public void Channels_tags_and_the_tag_1_filter_decide_what_is_taken()
    {
        uint at = _listener.Take(1);
        _listener.Put(at, Machine.Input(1024), Buffer, 0, 1024);
        _listener[Ohci.IrChannelsLo] = (1u << 7) | (1u << 9);
        _listener[Ohci.IrChannelsHi] = 1u << (40 - 32);
        StartReceive(at | 1, (uint)(ContextControl.BufferFill | ContextControl.MultiChannel), match: 1 << 6, tags: 0b0011);
        uint[] blocks =
        [
            Packet(1, channel: 7), Packet(2, channel: 8), Packet(3, channel: 9), Packet(4, channel: 40), Packet(5, channel: 40, tag: 2),
            Packet(6, channel: 40, sync: 3), Packet(7, channel: 40, sync: 4), Packet(8, channel: 40, tag: 0, sync: 15),
        ];
        Link(blocks);
        Start(blocks[0]);
        Cycles(10);
        uint used = 1024 - (_listener.Word(at + 12) & 0xFFFF);
        Assert.Equal([1, 3, 4, 6, 8], Enumerable.Range(0, (int)used / 16).Select(i => (int)_listener.Memory[Buffer + (i * 16)]));
    }

    [Fact]
    public void Packets_are_cut_in_two_and_go_on_in_the_next_pair_of_buffers()
    {
        uint at = _listener.Take(4);
        for (uint i = 0; i < 2; i++)
        {
            uint here = at + (i * 32), next = i == 0 ? (at + 32) | 2 : 0;
            // 12 bytes of each packet: time, header, 4 of data; room for two of those, and for 20 bytes of the rest.
            _listener.Put(here, (1u << 27) | (3u << 20) | (3u << 18) | 12, (24u << 16) | 20, next, (24u << 16) | 20, 0, Buffer + (i * 0x100), Buffer + 0x80 + (i * 0x100), 0);
        }
        _listener[Ohci.IrMask] = 1;
        StartReceive(at | 2, (uint)(ContextControl.DualBuffer | ContextControl.Header));
        uint[] blocks = [Packet(1), Packet(2), Packet(3)];
        Link(blocks);
        Start(blocks[0]);
        Cycles(5);
        Assert.Equal([1, 1, 1, 1], _listener.Memory.AsSpan((int)Buffer + 8, 4).ToArray());
        Assert.Equal([2, 2, 2, 2], _listener.Memory.AsSpan((int)Buffer + 20, 4).ToArray());
        Assert.Equal([.. Enumerable.Repeat((byte)1, 12), .. Enumerable.Repeat((byte)2, 8)], _listener.Memory.AsSpan((int)Buffer + 0x80, 20).ToArray());
        Assert.Equal([.. Enumerable.Repeat((byte)2, 4), .. Enumerable.Repeat((byte)3, 12)], _listener.Memory.AsSpan((int)Buffer + 0x180, 16).ToArray());
        Assert.Equal((0u, (12u << 16) | 4), (_listener.Word(at + 12), _listener.Word(at + 32 + 12)));
        Assert.Equal(1u, _listener[Ohci.IrEvent]);
    }

    [Fact]
    public void Reception_begins_in_the_cycle_that_it_matches()
    {
        uint at = _listener.Take(1);
        _listener.Put(at, Machine.Input(1024), Buffer, 0, 1024);
        uint[] blocks = [.. Enumerable.Range(1, 8).Select(i => Packet((byte)i))];
        Link(blocks);
        uint cycle = (_talker[Ohci.CycleTimer] >> 12) & 0x7FFF;
        StartReceive(at | 1, (uint)(ContextControl.BufferFill | ContextControl.CycleMatchReceive), match: (cycle + 4) << 12);
        Start(blocks[0]);
        Cycles(10);
        Assert.Equal(4, _listener.Memory[Buffer]);
        Assert.Equal(5u * 16, 1024 - (_listener.Word(at + 12) & 0xFFFF));
    }

    [Fact]
    public void Too_much_for_a_cycle_stops_the_cycle_master_and_says_so()
    {
        for (uint i = 0; i < 4; i++)
        {
            uint block = Packet(1, bytes: 2048, speed: Speed.S200);
            _talker.Put(BranchOf(block), block);
            _talker[Ohci.It + (i * 16) + Ohci.CommandPtr] = block;
            _talker[Ohci.It + (i * 16)] = Run;
        }
        Cycles(3);
        Assert.NotEqual(0u, _talker[Ohci.IntEvent] & (uint)IntEvent.CycleTooLong);
        Assert.Equal(0u, _talker[Ohci.LinkControl] & (uint)LinkControl.CycleMaster);
    }

    [Fact]
    public void Cycles_are_counted_without_a_cycle_master_and_each_is_lost()
    {
        _listener[Ohci.IntMask] = (uint)IntEvent.CycleSynch;
        _listener[Ohci.IntEvent + 4] = uint.MaxValue;
        Cycles(2);
        Assert.Equal(IntEvent.CycleSynch, (IntEvent)_listener[Ohci.IntEvent]);
        _talker[Ohci.LinkControl + 4] = (uint)LinkControl.CycleMaster;
        _listener[Ohci.IntEvent + 4] = uint.MaxValue;
        Cycles(2);
        Assert.Equal(IntEvent.CycleSynch | IntEvent.CycleLost, (IntEvent)_listener[Ohci.IntEvent]);
        _talker[Ohci.LinkControl] = (uint)LinkControl.CycleMaster;
        Cycles(2);
        _listener[Ohci.IntEvent + 4] = uint.MaxValue;
        Cycles(2);
        Assert.Equal(IntEvent.CycleSynch, (IntEvent)_listener[Ohci.IntEvent]);
    }

    [Fact]
    public void A_timer_that_is_set_to_another_cycle_than_the_masters_is_inconsistent_and_follows_it()
    {
        _listener[Ohci.IntEvent + 4] = uint.MaxValue;
        _listener[Ohci.CycleTimer] = _talker[Ohci.CycleTimer];
        Assert.Equal(0u, _listener[Ohci.IntEvent] & (uint)IntEvent.CycleInconsistent);
        _listener[Ohci.CycleTimer] = _talker[Ohci.CycleTimer] + (5 << 12);
        Assert.NotEqual(0u, _listener[Ohci.IntEvent] & (uint)IntEvent.CycleInconsistent);
        Assert.Equal(_talker[Ohci.CycleTimer], _listener[Ohci.CycleTimer]);
        Assert.Equal(0u, _talker[Ohci.IntEvent] & (uint)IntEvent.CycleInconsistent);
    }

    private void Cycles(int count) => _test.Simulator.RunFor((long)BusTime.TicksPerCycle * count);

    private void Start(uint block)
    {
        _talker[Ohci.It + Ohci.CommandPtr] = block;
        _talker[Ohci.It] = Run;
    }

    // A header and a data descriptor.
    private uint Packet(byte fill, uint channel = Channel, uint tag = 1, uint sync = 0, int bytes = 16, Speed speed = Speed.S400)
    {
        uint at = _talker.Take(4), data = 0x4_0000 + (at * 4);
        _talker.Put(at, (2u << 24) | 8, 0, 0, 0, ((uint)speed << 16) | (tag << 14) | (channel << 8) | 0xA0 | sync, (uint)bytes << 16);
        _talker.Put(at + 32, Last | (uint)bytes, data, 0, 0);
        _talker.Memory.AsSpan((int)data, bytes).Fill(fill);
        return at | 3;
    }

    // A cycle without packet.
    private uint Pause()
    {
        uint at = _talker.Take(1);
        _talker.Put(at, Last, 0, 0, 0);
        return at | 1;
    }

    private static uint BranchOf(uint block) => (block & ~0xFu) + ((block & 0xF) == 1 ? 8u : 40u);

    // So that a pause's status is found where a packet's without data is.
    private static uint Whole(uint block) => (block & 0xF) == 1 ? (block & ~0xFu) | 2 : block;

    private void Link(params uint[] blocks)
    {
        for (int i = 1; i < blocks.Length; i++)
            _talker.Put(BranchOf(blocks[i - 1]), blocks[i]);
    }

    // INPUT_MORE and INPUT_LAST, one behind the other.
    private uint Block(uint first, uint second)
    {
        uint at = _listener.Take(2);
        _listener.Put(at, (2u << 28) | (1u << 27) | first, Buffer, 0, first);
        _listener.Put(at + 16, InputLast | second, Buffer + first, 0, second);
        return at;
    }

    private void StartReceive(uint block, uint control, uint match = 0, uint tags = 0xF)
    {
        _listener[Ohci.Ir + Ohci.Match] = (tags << 28) | match | Channel;
        _listener[Ohci.Ir + Ohci.CommandPtr] = block;
        _listener[Ohci.Ir] = control | Run;
    }

    private void Listen()
    {
        uint at = _listener.Take(1);
        _listener.Put(at, Machine.Input(1024), Buffer, 0, 1024);
        StartReceive(at | 1, (uint)ContextControl.BufferFill);
    }

    private int[] Received(int count) => [.. Enumerable.Range(0, count).Select(i => (int)_listener.Memory[Buffer + (i * 16)])];
}
