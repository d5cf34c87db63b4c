using System;
using System.IO;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Hostile;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Sluice.Tests.FireWire.OhciTests;
using Xunit;
using Ohci = Sluice.FireWire.Ohci.OhciRegister;

namespace Sluice.Tests.FireWire.HostileTests;

/// <summary>Each script against the model itself: nothing throws or hangs, the others go on, and memory is the computer's alone.</summary>
public sealed class HostileNodeTests
{
    private const double Play = 100;

    public static TheoryData<string> Scripts => [.. HostileNode.Names];

    [Theory]
    [MemberData(nameof(Scripts))]
    public void A_script_harms_nobody_else(string script)
    {
        var bus = new HostileBus(script, Play);
        int before = bus.Good;
        bus.Run(Play * 0.9);
        int meanwhile = bus.Good - before;
        bus.Run(Play * 3);
        Assert.True(bus.Node.Plays >= 2, "it stopped to play");
        Assert.True(meanwhile > 20, $"{meanwhile} transfers of the others while it was played");
        Assert.Equal([script], bus.Played);
        CheckMemory(bus);
        CheckRest(bus);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void All_scripts_in_turn_harm_nobody_else(ulong seed)
    {
        var bus = new HostileBus("all", 20, seed);
        bus.Run(20 * 1.25 * (HostileNode.Names.Count() + 1));
        Assert.Equal(HostileNode.Names.Order(), bus.Played.Order());
        CheckMemory(bus);
        CheckRest(bus);
    }

    [Fact]
    public void Nobody_reads_memory_that_the_filters_keep_and_with_them_open_it_would()
    {
        var closed = new HostileBus("memory", Play);
        closed.Run(Play);
        Assert.True(closed.Node.Sendings > 500);
        Assert.Equal((0, 0L), (closed.Leaks, closed.Machine.Controller.PhysicalRequests));
        // What is forbidden above is what this one does: the test would see it.
        var open = new HostileBus("memory", Play);
        open.Machine[Ohci.PhysicalFilterHi] = 0x8000_0000;
        open.Run(Play);
        Assert.True(open.Leaks > 0 && open.Node.Gained > 0);
        Assert.NotEqual(open.Snapshot, open.Machine.Memory.AsSpan(open.Machine.Memory.Length - open.Snapshot.Length).ToArray());
    }

    [Fact]
    public void A_permission_ends_with_the_bus_reset_after_which_the_node_tries_at_once()
    {
        var bus = new HostileBus("memory-reset", Play);
        bus.Machine[Ohci.PhysicalFilterLo] = 1u << bus.Phy.PhysicalId;
        Assert.NotEqual(0u, bus.Machine[Ohci.PhysicalFilterLo]);
        bus.Run(Play);
        Assert.Equal(0u, bus.Machine[Ohci.PhysicalFilterLo]);
        Assert.Equal(0, bus.Leaks);
    }

    [Theory]
    [InlineData("silent", Outcome.NoAck, Outcome.NoAck)]
    [InlineData("busy", Outcome.Busy, Outcome.Busy)]
    [InlineData("pending", Outcome.TimedOut, Outcome.TimedOut)]
    [InlineData("acks", Outcome.ConflictError, Outcome.ConflictError)]
    [InlineData("late", Outcome.TimedOut, Outcome.TimedOut)]
    [InlineData("labels", Outcome.TimedOut, Outcome.TimedOut)]
    [InlineData("sources", Outcome.TimedOut, Outcome.TimedOut)]
    [InlineData("kinds", Outcome.DataError, Outcome.TimedOut)]
    [InlineData("twice", Outcome.Complete, Outcome.Complete)]
    [InlineData("rom-busy", Outcome.Busy, Outcome.AddressError)]
    [InlineData("rom-errors", Outcome.ConflictError, Outcome.AddressError)]
    [InlineData("rom-slow", Outcome.TimedOut, Outcome.AddressError)]
    [InlineData("rom-changes", Outcome.Complete, Outcome.AddressError)]
    [InlineData("vanish", Outcome.NoAck, Outcome.NoAck)]
    public void Whoever_asks_it_meets_the_fault(string script, Outcome rom, Outcome other)
    {
        var bus = new HostileBus(script, 600);
        bus.Run(500);
        Assert.Contains(rom, bus.RomOutcomes);
        Assert.Contains(other, bus.Outcomes);
    }

    [Fact]
    public void A_storm_has_bus_resets_in_rows()
    {
        var bus = new HostileBus("reset-storm", Play);
        int before = bus.Phy.Segment.Generation;
        bus.Run(Play * 0.8);
        Assert.InRange(bus.Phy.Segment.Generation - before, 50, 1000);
    }

    [Theory]
    [InlineData("rom-loop")]
    [InlineData("rom-length")]
    [InlineData("rom-crc")]
    [InlineData("rom-short")]
    [InlineData("rom-random")]
    [InlineData("rom-changes")]
    public void A_forged_rom_is_not_sound_and_in_a_rest_it_is(string script)
    {
        var bus = new HostileBus(script, Play);
        for (bool isLie = true; bus.Node.Plays == 0; isLie = !IsSound(bus.Node.Rom.Span))
        {
            Assert.True(isLie || bus.Node.Playing == null, "a lie that is none");
            bus.Run(2);
        }
        Assert.True(IsSound(bus.Node.Rom.Span));
    }

    [Fact]
    public void The_same_seed_is_the_same_run_and_another_is_another()
    {
        string first = Record(7), again = Record(7), other = Record(8);
        Assert.True(first == again, "two runs differ");
        Assert.True(first.Length > 100_000 && first != other, "seeds change nothing");

        static string Record(ulong seed)
        {
            var text = new StringWriter();
            var bus = new HostileBus("all", 5, seed, text);
            bus.Run(5 * 1.25 * HostileNode.Names.Count());
            return text.ToString();
        }
    }

    [Theory]
    [InlineData("self-id-many", false)]
    [InlineData("self-id-none", true)]
    [InlineData("self-id-order", true)]
    [InlineData("self-id-parents", true)]
    [InlineData("self-id-children", true)]
    [InlineData("self-id-extended", true)]
    [InlineData("self-id-random", true)]
    [InlineData("self-id-63", true)]
    public void Self_ids_reach_the_driver_as_they_were_sent_and_are_no_tree(string script, bool fit)
    {
        var bus = new HostileBus(script, Play);
        bus.Run(Play / 20);
        bool isWrong = false;
        for (int i = 0; i < 50 && !isWrong; i++)
        {
            bus.Run(1);
            uint count = bus.Machine[Ohci.SelfIdCount];
            Assert.Equal(!fit, (count & 0x8000_0000) != 0);
            var ids = new uint[(count & 0x7FC) / 8];
            for (uint j = 0; j < ids.Length; j++)
                ids[j] = bus.Machine.Word(Machine.SelfIds + 4 + (j * 8));
            // An order by chance is sometimes the right one.
            isWrong = !fit || !Topology.TryDecode(ids, out _);
        }
        Assert.True(isWrong, "these self-IDs are a tree");
    }

    // Source: IEEE 1212-2001, section 7: lengths and checks of the blocks, and entries that point to blocks behind them.
    private static bool IsSound(ReadOnlySpan<uint> rom) =>
        rom[0] >> 24 == 4 && (ushort)rom[0] == Crc.Rom(rom.Slice(1, (int)(rom[0] >> 16) & 0xFF)) && IsSoundDirectory(rom, 5);

    private static bool IsSoundDirectory(ReadOnlySpan<uint> rom, int at)
    {
        int length = (int)(rom[at] >> 16);
        if (at + length >= rom.Length || (ushort)rom[at] != Crc.Rom(rom.Slice(at + 1, length)))
            return false;
        for (int i = at + 1; i <= at + length; i++)
        {
            int target = i + (int)(rom[i] & 0xFF_FFFF);
            bool isBlock = rom[i] >> 31 != 0;
            if (isBlock && (target <= at + length || target >= rom.Length || (rom[i] >> 30 == 3 && !IsSoundDirectory(rom, target))))
                return false;
        }
        return true;
    }

    private static void CheckMemory(HostileBus bus)
    {
        Assert.Equal((0, 0L), (bus.Leaks, bus.Node.Gained));
        Assert.Equal(bus.Snapshot, bus.Machine.Memory.AsSpan(bus.Machine.Memory.Length - bus.Snapshot.Length).ToArray());
    }

    // Without it all is as if it had never been there.
    private static void CheckRest(HostileBus bus)
    {
        bus.Test.Bus.Disconnect(bus.Phy);
        bus.Test.Settle();
        Machine machine = bus.Machine;
        machine.FinishReset();
        uint block = machine.Block(Machine.Header(Tcode.WriteQuadlet, bus.Second.Phy.PhysicalId, MemoryNode.DefaultBase + 0x8000, 0x0100_0000));
        Assert.Equal(EventCode.AckComplete, machine.Send(Ohci.AtRequest, block));
        int good = bus.Good, wrong = bus.Wrong;
        bus.Run(20);
        Assert.True(bus.Good > good + 50, $"{bus.Good - good} transfers afterwards");
        Assert.Equal(wrong, bus.Wrong);
    }
}
