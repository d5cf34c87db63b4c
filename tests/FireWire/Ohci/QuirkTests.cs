using System;
using System.Buffers.Binary;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Simulation;
using Sluice.FireWire.Tool;
using Sluice.Tests.FireWire.Model;
using Xunit;
using Ohci = Sluice.FireWire.Ohci.OhciRegister;

namespace Sluice.Tests.FireWire.OhciTests;

/// <summary>Each quirk is what it is called, and a controller without it does as the specification says.</summary>
public sealed class QuirkTests
{
    private readonly TestBus _test = new();
    private MemoryNode _node = null!;
    private Phy _nodePhy = null!;

    [Theory]
    [InlineData(OhciQuirks.None, false)]
    [InlineData(OhciQuirks.CycleTimer, true)]
    public void The_cycle_timer_goes_backwards_when_its_offset_wraps(OhciQuirks quirks, bool expected)
    {
        Machine machine = Start(quirks);
        bool isTorn = false;
        long last = Ticks(machine);
        for (int i = 0; i < 3000; i++)
        {
            _test.Simulator.RunFor(101);
            long now = Ticks(machine);
            isTorn |= now < last;
            last = now;
        }
        Assert.Equal(expected, isTorn);

        static long Ticks(Machine machine)
        {
            uint value = machine[Ohci.CycleTimer];
            return ((((value >> 25) * 8000L) + ((value >> 12) & 0x1FFF)) * BusTime.TicksPerCycle) + ((value & 0xFFF) * BusTime.TicksPerOffset);
        }
    }

    [Theory]
    [InlineData(OhciQuirks.None, 0)]
    [InlineData(OhciQuirks.ResetPacket, 1)]
    public void The_packet_of_a_bus_reset_has_the_generation_before(OhciQuirks quirks, uint behind)
    {
        Machine machine = Start(quirks);
        machine[Ohci.ArRequest + 4] = (uint)ContextControl.Run;
        machine.RunReceive(Ohci.ArRequest, Machine.ArRequestBuffer);
        _nodePhy.InitiateReset(isLong: true);
        _test.Settle();
        Assert.Equal((uint)Tcode.Phy << 4, machine.Word(Machine.ArRequestBuffer));
        uint generation = (machine[Ohci.SelfIdCount] >> 16) & 0xFF;
        Assert.Equal((generation - behind) & 0xFF, (machine.Word(Machine.ArRequestBuffer + 8) >> 16) & 0xFF);
    }

    [Fact]
    public void Headers_trailers_and_self_ids_are_big_endian_and_data_is_not()
    {
        uint[][] plain = new QuirkTests().Receive(OhciQuirks.None), turned = new QuirkTests().Receive(OhciQuirks.BigEndianHeaders);
        // Headers of three quadlets and a length, eight bytes of data, the trailer's status.
        for (int i = 0; i < 4; i++)
            Assert.Equal(plain[0][i], BinaryPrimitives.ReverseEndianness(turned[0][i]));
        Assert.Equal([0x0403_0201, 0x0807_0605], turned[0][4..6]);
        Assert.Equal(plain[0][4..6], turned[0][4..6]);
        Assert.Equal(plain[0][6] >> 16, BinaryPrimitives.ReverseEndianness(turned[0][6]) >> 16);
        // A quadlet's data stands in the header, as data.
        Assert.Equal([.. plain[0][7..10].Select(BinaryPrimitives.ReverseEndianness), plain[0][10]], turned[0][7..11]);
        Assert.Equal(0x0403_0201u, turned[0][10]);
        Assert.Equal(plain[1][1..5].Select(BinaryPrimitives.ReverseEndianness), turned[1][1..5]);
        Assert.Equal(~turned[1][1], turned[1][2]);
    }

    [Fact]
    public void A_link_without_1394a_says_so()
    {
        Machine good = Start(OhciQuirks.None);
        good[Ohci.HcControl] = (uint)HcControl.PhyEnhance;
        Assert.Equal((uint)(HcControl.PhyEnhance | HcControl.ProgramPhy), good[Ohci.HcControl] & (uint)(HcControl.PhyEnhance | HcControl.ProgramPhy));
        Machine odd = Start(OhciQuirks.No1394a);
        odd[Ohci.HcControl] = (uint)HcControl.PhyEnhance;
        Assert.Equal(0u, odd[Ohci.HcControl] & (uint)(HcControl.PhyEnhance | HcControl.ProgramPhy));
    }

    [Theory]
    [InlineData(OhciQuirks.None, 2)]
    [InlineData(OhciQuirks.MissingSelfId, 1)]
    public void The_own_self_id_is_missing(OhciQuirks quirks, uint expected)
    {
        Machine machine = Start(quirks);
        Assert.Equal((4 + (expected * 8)), machine[Ohci.SelfIdCount] & 0x7FC);
        Assert.Equal(expected == 2, Enumerable.Range(0, (int)expected).Any(i => PhyPacket.NodeOf(machine.Word(Machine.SelfIds + 4 + ((uint)i * 8))) == machine.Phy.PhysicalId));
        using var model = new Sluice.FireWire.Tool.Model(Options.Parse(["--controller", $"{Socket},card=tsb82aa2"]), _ => { });
        Assert.Equal((0x08_0028u, 0x83_3005u), (model.Bus.Phys[0].Registers.Vendor, model.Bus.Phys[0].Registers.Product));
        Assert.Contains(_test.Bus.Phys[0].Segment.SelfIds.ToArray(), id => PhyPacket.NodeOf(id) == machine.Phy.PhysicalId);
    }

    [Theory]
    [InlineData(OhciQuirks.None, true, true)]
    [InlineData(OhciQuirks.ReceiveWake, true, false)]
    [InlineData(OhciQuirks.ReceiveWake, false, true)]
    public void A_woken_context_looks_for_its_branch_in_the_first_descriptor(OhciQuirks quirks, bool inLast, bool goesOn)
    {
        const uint run = (uint)ContextControl.Run, buffer = 0x6_0000;
        Machine machine = Start(quirks);
        uint block = machine.Take(2), next = machine.Take(2);
        foreach (uint at in (uint[])[block, next])
        {
            machine.Put(at, (2u << 28) | 8, buffer, 0, 0);
            machine.Put(at + 16, (3u << 28) | (1u << 27) | (3u << 18) | 64, buffer + 8, 0, 64);
        }
        machine[Ohci.Ir + Ohci.Match] = 0xF000_0005;
        machine[Ohci.Ir + Ohci.CommandPtr] = block | 2;
        machine[Ohci.Ir] = run;
        Talk();
        // The end of the program, and more is linked.
        machine.Put(inLast ? block + 16 + 8 : block + 8, next | 2);
        machine[Ohci.Ir] = (uint)ContextControl.Wake;
        Talk();
        Assert.Equal((64u - 8, goesOn), (machine.Word(block + 28) & 0xFFFF, (machine.Word(next + 28) & 0xFFFF) != 64));

        void Talk()
        {
            var packet = new Packet();
            packet.Stream(5, 0, 0, new byte[16]);
            machine.Controller.ReceiveStream(packet);
        }
    }

    [Theory]
    [InlineData(OhciQuirks.None, EventCode.AckPending)]
    [InlineData(OhciQuirks.OverRead, EventCode.AckPending)]
    [InlineData(OhciQuirks.OverRead, EventCode.DescriptorRead)]
    public void Thirty_two_bytes_of_a_descriptor_are_read_though_it_has_sixteen(OhciQuirks quirks, EventCode expected)
    {
        Machine machine = Start(quirks);
        bool isAtEnd = quirks == OhciQuirks.None || expected == EventCode.DescriptorRead;
        uint at = (uint)machine.Memory.Length - (isAtEnd ? 16u : 32u);
        machine.Put(at, Machine.Input(2048), Machine.ArResponseBuffer, 0, 2048);
        machine[Ohci.ArResponse + 4] = (uint)ContextControl.Run;
        machine[Ohci.ArResponse + Ohci.CommandPtr] = at | 1;
        machine[Ohci.ArResponse] = (uint)ContextControl.Run;
        Assert.Equal(expected == EventCode.DescriptorRead, (machine[Ohci.ArResponse] & (uint)ContextControl.Dead) != 0);
        if (expected == EventCode.DescriptorRead)
        {
            Assert.Equal((uint)EventCode.DescriptorRead, machine[Ohci.ArResponse] & 0x1F);
            return;
        }
        machine.Send(Ohci.AtRequest, machine.Block(Machine.Header(Tcode.ReadQuadlet, _nodePhy.PhysicalId, MemoryNode.DefaultBase)));
        Assert.Equal((uint)Tcode.ReadQuadletResponse, (machine.Word(Machine.ArResponseBuffer) >> 4) & 0xF);
    }

    [Fact]
    public void Cards_have_names_ids_and_known_quirks()
    {
        Assert.Equal(OhciCard.All.Count, OhciCard.All.Select(card => card.Name).Distinct().Count());
        Assert.Equal(16, OhciCard.All.Count(card => card.Quirks != OhciQuirks.None));
        Assert.Equal(Enum.GetValues<OhciQuirks>().Aggregate((one, other) => one | other), OhciCard.All.Aggregate(OhciQuirks.None, (all, card) => all | card.Quirks));
        using var model = new Sluice.FireWire.Tool.Model(Options.Parse(["--controller", $"{Socket},card=vt6315-0,quirk=over-read"]), _ => { });
        Assert.Equal([0x06, 0x11, 0x03, 0x34], model.Devices[0].Configuration.Contents[..4].ToArray());
        Assert.Equal(0, model.Devices[0].Configuration.Contents[8]);
    }

    [Theory]
    [InlineData("card=toaster")]
    [InlineData("quirk=odd")]
    [InlineData("quirk=none+over-read")]
    public void No_other_names_are_taken(string setting) =>
        Assert.Throws<UsageException>(() => new Sluice.FireWire.Tool.Model(Options.Parse(["--controller", $"{Socket},{setting}"]), _ => { }).Dispose());

    private static string Socket => System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"firewire-{Environment.ProcessId}-quirk");

    private Machine Start(OhciQuirks quirks)
    {
        var machine = new Machine(_test, quirks: quirks);
        (_nodePhy, _node) = _test.AddMemory(new PhyTraits());
        _test.Bus.Connect(machine.Phy, _nodePhy);
        _test.Settle();
        machine.Start();
        return machine;
    }

    // What stands in the request buffer after a block of eight bytes and a quadlet came, and the self-ID buffer.
    private uint[][] Receive(OhciQuirks quirks)
    {
        Machine machine = Start(quirks);
        machine[Ohci.ArRequest + 4] = (uint)ContextControl.Run;
        machine.RunReceive(Ohci.ArRequest, Machine.ArRequestBuffer);
        ushort host = (ushort)(0xFFC0 | machine.Phy.PhysicalId);
        Assert.True(_node.TryWrite(host, 0xFFFF_F001_0000, [1, 2, 3, 4, 5, 6, 7, 8], (_, _) => { }));
        Assert.True(_node.TryWrite(host, 0xFFFF_F001_0000, [1, 2, 3, 4], (_, _) => { }));
        _test.Simulator.RunActivity();
        return [[.. Enumerable.Range(0, 12).Select(i => machine.Word(Machine.ArRequestBuffer + ((uint)i * 4)))], [.. Enumerable.Range(0, 5).Select(i => machine.Word(Machine.SelfIds + ((uint)i * 4)))]];
    }
}
