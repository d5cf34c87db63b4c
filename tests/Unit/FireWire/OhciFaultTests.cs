using System;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>
/// A controller that fails, lies or is pulled: each fault ends in a counter or in a controller that is given up, in bounded time, with all
/// memory where it belongs; and without the fault the bus is back. The rows are those of docs/faults.md.
/// </summary>
public sealed unsafe class OhciFaultTests
{
    private const ulong At = MemoryNode.DefaultBase, Ours = 0x1_0000_0000;

    private static readonly string[] _kinds = ["coherent", "coherent, bounced", "lines of 64 (seed 1)"];

    public static TheoryData<string, string> Faults =>
        [.. from fault in FaultNames.All from kind in _kinds select new TheoryDataRow<string, string>(FaultNames.NameOf(fault), kind)];

    [Theory, MemberData(nameof(Faults))]
    public void A_controller_that_starts_so_is_refused_or_works(string name, string kind)
    {
        using var machine = new OhciMachine(kind);
        machine.Dma.ExpectReports();
        machine.Add(new MemoryNode(new BusInformation(0x1234)));
        machine.Controller.Faults = FaultNames.Parse(name);
        ulong started = machine.Clock.ElapsedMicroseconds;
        Error error = machine.TryProbe(out Ohci? driver);
        Assert.InRange(machine.Clock.ElapsedMicroseconds - started, 0ul, 2_000_000ul);
        if (error == Error.None)
        {
            machine.Pass(3_000_000);
            machine.CheckNothingLeaks(driver!);
            return;
        }
        Assert.Contains(name, (string[])["gone", "stuck-reset", "stuck-phy", "no-link-power"]);
        Assert.False(machine.Function.IsBusMaster);
        Assert.Equal(0, machine.Frames.Used);
    }

    [Theory, MemberData(nameof(Faults))]
    public void A_controller_that_becomes_so_is_told_recovers_or_is_given_up(string name, string kind)
    {
        using var machine = new OhciMachine(kind);
        machine.Dma.ExpectReports();
        var peer = new MemoryNode(new BusInformation(0x1234));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        var memory = new Offer(Ours, 4096);
        Assert.Equal(Error.None, driver.Bus.Addresses.Add(memory));
        machine.Controller.Faults = FaultNames.Parse(name);
        Transaction[] all = [.. Enumerable.Range(0, 40).Select(_ => new Transaction(machine))];
        for (int turn = 0; turn < 6; turn++)
        {
            for (int i = 0; i < all.Length; i++)
            {
                if (all[i].IsUnderWay)
                    continue;
                byte generation = driver.Bus.Generation;
                driver.Bus.Submit(i % 2 == 0 ? all[i].WriteBlock(peer.Phy.PhysicalId, generation, At, machine.Memory, 64) : all[i].ReadBlock(peer.Phy.PhysicalId, generation, At, machine.Memory + 4096, 100));
                peer.TryWrite(driver.Bus.NodeId, Ours, new byte[100 + i], (_, _) => { });
                peer.TryRead(driver.Bus.NodeId, Ours, 64, (_, _) => { });
            }
            machine.Pass(300_000);
            // That the PHY does not answer shows only to who asks it.
            if (turn == 0)
                driver.Reset(isLong: true).Ignore("the counter tells"u8);
            if (turn % 2 == 1)
                machine.Phy.InitiateReset(isLong: turn == 3);
            machine.Pass(700_000);
            // Each ends, whatever the controller does.
            machine.Pass(3_000_000);
            Assert.Equal((turn, 0), (turn, all.Count(t => t.IsUnderWay)));
        }
        machine.Controller.Faults = OhciFaults.None;
        machine.Pass(3_000_000);
        machine.Phy.InitiateReset(isLong: true);
        machine.Pass(3_000_000);
        if (driver.IsRunning)
        {
            Assert.True(driver.Bus.IsUp);
            Assert.Equal(TransactionResult.Complete, machine.Run(driver, all[0].ReadQuadlet(peer.Phy.PhysicalId, driver.Bus.Generation, At)));
            Outcome outcome = Outcome.NoAck;
            Assert.True(peer.TryWrite(driver.Bus.NodeId, Ours, [1, 2, 3, 4], (result, _) => outcome = result));
            machine.Settle();
            Assert.Equal(Outcome.Complete, outcome);
        }
        else
        {
            Assert.Contains(name, (string[])["gone", "stuck-reset", "stuck-context", "dead-context"]);
        }
        Tell(name, driver);
        machine.CheckNothingLeaks(driver);
    }

    /// <summary>A line may stay up until the card has heard of its mask; with the answer to a read it has. Nobody claims what nobody asked for.</summary>
    [Fact]
    public void An_interrupt_that_comes_while_all_is_masked_is_answered_by_a_read()
    {
        ControllerFunction.Maker = (card, memory, guid) => new Counted(card, memory, guid);
        using var machine = new OhciMachine();
        ControllerFunction.Maker = null;
        Ohci driver = machine.Probe();
        machine.Pass(10_000);
        machine.Write(OhciRegister.IntEvent, 1u << 5);
        (ulong spurious, int reads) = (driver.Counters.SpuriousInterrupts, ((Counted)machine.Function).Reads);
        Assert.False(driver.OnInterrupt());
        Assert.Equal((spurious + 1, reads + 1), (driver.Counters.SpuriousInterrupts, ((Counted)machine.Function).Reads));
        machine.Settle();
        machine.CheckNothingLeaks(driver);
    }

    private sealed class Counted(OhciCard card, Sluice.Devices.IDeviceMemory memory, ulong guid) : OhciFunction(card, memory, guid)
    {
        public int Reads { get; private set; }

        public override ulong ReadBar(int bar, uint offset, int bytes)
        {
            Reads++;
            return base.ReadBar(bar, offset, bytes);
        }
    }

    // The counter that each fault raises.
    private static void Tell(string name, Ohci driver)
    {
        OhciCounters c = driver.Counters;
        ulong told = name switch
        {
            "stuck-transmit" => c.Hangs,
            "dead-context" => c.DeadContexts,
            "stuck-context" => c.Restarts,
            "interrupt-storm" => driver.InterruptStorms,
            "interrupt-spurious" => c.SpuriousInterrupts,
            "residual-above" => c.BadDescriptors,
            "receive-code" or "receive-cut" or "receive-length" => c.BadPackets + driver.Bus.Counters.BadLengths + driver.Bus.Counters.BadCodes,
            "receive-refused" => c.Refused,
            "self-id-generation" or "self-id-inverse" or "self-id-error" or "self-id-overflow" or "self-id-none" => c.BadSelfIds,
            "stuck-phy" => c.PhyTimeouts,
            _ => 1,
        };
        Assert.NotEqual(0ul, told);
    }
}
