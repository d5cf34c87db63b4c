using System;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Simulation;
using Sluice.Tests.FireWire.Model;
using Xunit;
using Ohci = Sluice.FireWire.Ohci.OhciRegister;

namespace Sluice.Tests.FireWire.OhciTests;

/// <summary>Software and nodes that do not know what they do: the controller stays in bounds, and others are served.</summary>
public sealed class HostileDriverTests
{
    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 30).Select(i => (ulong)i)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Random_registers_descriptors_and_packets_harm_nobody_else(ulong seed)
    {
        var random = new SeededRandom(seed);
        var test = new TestBus(seed);
        var hostile = new Machine(test);
        var good = new Machine(test, 0x5254_0001_0000_0002);
        var (nodePhy, node) = test.AddMemory(new PhyTraits());
        test.Bus.Connect(hostile.Phy, good.Phy);
        test.Bus.Connect(good.Phy, nodePhy);
        good.Start();
        uint[] contexts = [Ohci.AtRequest, Ohci.AtResponse, Ohci.ArRequest, Ohci.ArResponse, Ohci.It, Ohci.It + 16, Ohci.Ir, Ohci.Ir + 32];
        for (int round = 0; round < 300; round++)
        {
            if (round % 50 == 0)
                hostile.Start(random.Coin());
            // Words that look like descriptors, links and headers more often than chance would have it.
            for (int i = 0; i < 50; i++)
            {
                uint at = Machine.Program + ((uint)random.Below(256) * 16), other = Machine.Program + ((uint)random.Below(256) * 16);
                uint[] words = [RandomCommand(random), random.Coin() ? other : (uint)random.Next(), other | (uint)random.Below(random.Coin() ? 4 : 16), (uint)random.Next()];
                hostile.Put(at, words);
            }
            for (int i = 0; i < 20; i++)
            {
                uint context = contexts[random.Below(contexts.Length)];
                switch (random.Below(6))
                {
                    case 0:
                        hostile[(uint)random.Below(0x800)] = (uint)random.Next();
                        break;
                    case 1:
                        hostile[context + 4] = (uint)ContextControl.Run;
                        hostile[context + Ohci.CommandPtr] = Machine.Program + ((uint)random.Below(256) * 16) + (uint)random.Below(10);
                        hostile[context] = (uint)ContextControl.Run | ((uint)random.Below(32) << 27);
                        break;
                    case 2:
                        hostile[context] = (uint)ContextControl.Wake;
                        break;
                    case 3:
                        node.TryWrite((ushort)(0xFFC0 | hostile.Phy.PhysicalId), random.Next() & 0xFFFF_FFFF_FFFF, new byte[1 + random.Below(2048)], (_, _) => { });
                        break;
                    case 4:
                        node.TryRead((ushort)(0xFFC0 | hostile.Phy.PhysicalId), random.Next() & 0xFFFF_FFFF_FFFF, random.Below(65536), (_, _) => { });
                        break;
                    default:
                        _ = hostile[(uint)random.Below(0x800)];
                        break;
                }
                // A program that branches to itself sends for ever.
                test.Simulator.RunActivity(5_000);
            }
            test.Simulator.RunFor(BusTime.Microseconds(500));
        }
        hostile[Ohci.HcControl] = (uint)HcControl.SoftReset;
        test.Bus.Disconnect(hostile.Phy);
        good.FinishReset();
        good.RunReceive(Ohci.ArResponse, Machine.ArResponseBuffer);
        uint block = good.Block(Machine.Header(Tcode.WriteQuadlet, nodePhy.PhysicalId, MemoryNode.DefaultBase, 0x0100_0000));
        Assert.Equal(EventCode.AckComplete, good.Send(Ohci.AtRequest, block));
        Assert.Equal(1, node.Memory[0] + node.Memory[3]);
    }

    [Theory]
    [InlineData(Tcode.WriteQuadlet)]
    [InlineData((Tcode)0xF)]
    public void A_program_without_end_lets_time_pass_and_others_send(Tcode code)
    {
        var test = new TestBus();
        var hostile = new Machine(test);
        var (nodePhy, node) = test.AddMemory(new PhyTraits());
        var (otherPhy, other) = test.AddMemory(new PhyTraits());
        test.Bus.Connect(hostile.Phy, nodePhy);
        test.Bus.Connect(nodePhy, otherPhy);
        hostile.Start();
        uint[] header = Machine.Header(Tcode.WriteQuadlet, nodePhy.PhysicalId, MemoryNode.DefaultBase);
        header[0] = (header[0] & ~0xF0u) | ((uint)code << 4);
        uint block = hostile.Block(header);
        hostile.Put((block & ~0xFu) + 8, block);
        hostile[Ohci.AtRequest + Ohci.CommandPtr] = block;
        hostile[Ohci.AtRequest] = (uint)ContextControl.Run;
        Outcome? outcome = null;
        Assert.True(other.TryWrite(node.NodeId, MemoryNode.DefaultBase + 8, [1, 2, 3, 4], (what, _) => outcome = what));
        long start = test.Simulator.Now;
        Assert.False(test.Simulator.RunActivity(1_000));
        Assert.True(test.Simulator.Now > start + 10_000, "time stands still");
        Assert.Equal(Outcome.Complete, outcome);
        hostile[Ohci.AtRequest + 4] = (uint)ContextControl.Run;
        Assert.True(test.Simulator.RunActivity(1_000));
    }

    // Bits 31:28 command, 26:24 key, 21:20 interrupt, 19:18 branch, 15:0 count.
    private static uint RandomCommand(SeededRandom random)
    {
        int[] commands = [0, 1, 2, 3, 8, random.Below(16)];
        int[] counts = [0, 8, 12, 16, 64, 2048, 65535, random.Below(65536)];
        return ((uint)commands[random.Below(6)] << 28) | ((uint)random.Below(2) << 27) | ((random.Coin() ? 2u : (uint)random.Below(8)) << 24) |
            ((uint)random.Below(4) << 20) | ((random.Coin() ? 3u : 0) << 18) | (uint)counts[random.Below(8)];
    }
}
