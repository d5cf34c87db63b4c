using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>
/// A controller that waits at the end of a program and looks late for what was linked there: until it has, what it looks at must stay as it is.
/// </summary>
public sealed class LateWakeTests
{
    private const int Places = 12, PlaceBytes = 340, Rounds = 20;

    // Longer than a controller takes to look, and than all buffers take.
    private const uint Busy = 10_000;

    public static TheoryData<IsoReceiveMode, int> Receivers =>
        [.. from mode in (IsoReceiveMode[])[IsoReceiveMode.Packets, IsoReceiveMode.PacketsAlone, IsoReceiveMode.Stream, IsoReceiveMode.StreamAlone, IsoReceiveMode.Divided]
            from buffers in (int[])[1, 2, 4]
            // A packet that does not fit into what is left of the only one waits for another.
            where mode != IsoReceiveMode.Stream || buffers != 1
            select new TheoryDataRow<IsoReceiveMode, int>(mode, buffers)];

    /// <param name="faults">None for the second model, which looks late without being told.</param>
    [Theory, MemberData(nameof(Receivers))]
    public void A_receiver_whose_buffers_are_all_full_at_once_goes_on(IsoReceiveMode mode, int buffers, string kind = "coherent", OhciFaults faults = OhciFaults.LateWake)
    {
        using var machine = new OhciMachine(kind);
        var talker = new Talker();
        machine.Add(talker);
        Ohci driver = machine.ProbeRoot();
        var keeper = new IsoReceiveKeeper(driver, new IsoReceiveOptions(1ul << 5, mode: mode), buffers, Places, PlaceBytes);
        if (faults != OhciFaults.None)
            machine.Controller.Faults = faults;
        for (int round = 1; round <= Rounds; round++)
        {
            // Twice as much as they hold.
            talker.Say(Enumerable.Repeat(new Spoken(new byte[PlaceBytes]), 2 * buffers * Places));
            machine.Pass(2 * Busy, Busy);
            Assert.InRange(keeper.Filled.Count, round * (buffers - (mode == IsoReceiveMode.Stream ? 1 : 0)), 3 * round * buffers);
        }
        Assert.Equal((0ul, 0ul), (driver.Counters.DeadContexts, driver.Counters.Restarts));
        keeper.End();
        machine.CheckNothingLeaks(driver);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void A_transmitter_whose_buffers_are_all_sent_at_once_goes_on(int buffers)
    {
        using var machine = new OhciMachine("coherent");
        machine.Add(new MemoryNode(new BusInformation(0x1234)));
        Ohci driver = machine.ProbeRoot();
        var again = new Again();
        Assert.True(driver.TryTakeTransmitter(again, out IsoTransmitter? transmitter));
        again.Transmitter = transmitter;
        Assert.Equal(Error.None, transmitter!.Start());
        IsoTransmitBuffer[] all = [.. Enumerable.Range(0, buffers).Select(_ => transmitter.NewBuffer())];
        foreach (IsoTransmitBuffer buffer in all)
        {
            Assert.Equal(Error.None, buffer.TryMake(driver.Function.Dma, Places, PlaceBytes));
            // The last of some is a header alone, and its end elsewhere.
            for (int i = 0; i < Places; i++)
                buffer.Set(i, i == Places - 1 && buffer == all[^1] ? 0 : PlaceBytes, 5, 0, 0, Sluice.FireWire.Core.BusSpeed.S400);
            transmitter.Queue(buffer);
        }
        machine.Controller.Faults = OhciFaults.LateWake;
        for (int round = 1; round <= Rounds; round++)
        {
            machine.Pass(2 * Busy, Busy);
            Assert.InRange(again.Count, round * buffers, 3 * round * buffers);
        }
        Assert.Equal(Error.None, transmitter.Stop());
        foreach (IsoTransmitBuffer buffer in all)
            buffer.Free();
        machine.CheckNothingLeaks(driver);
    }

    [Theory]
    [InlineData("coherent")]
    [InlineData("lines of 64 (seed 1)")]
    public void Requests_that_filled_all_memory_at_once_do_not_stop_those_behind_them(string kind)
    {
        const ulong at = 0x1_0000_0000;
        using var machine = new OhciMachine(kind);
        MemoryNode[] peers = [.. Enumerable.Range(0, 8).Select(i => new MemoryNode(new BusInformation(0x1234 + (ulong)i)))];
        foreach (MemoryNode peer in peers)
            machine.Add(peer);
        Ohci driver = machine.ProbeRoot();
        Assert.Equal(Error.None, driver.Bus.Addresses.Add(new Offer(at, 4096)));
        // With what says that there was a bus reset a quarter of a page.
        peers[0].TryWrite(driver.Bus.NodeId, at, new byte[988], (_, _) => { });
        machine.Settle();
        machine.Controller.Faults = OhciFaults.LateWake;
        for (int round = 0; round < Rounds; round++)
        {
            int answered = 0, complete = 0;
            // The CPU is busy until there is no room for any more. Four fill a page, so the last page is full, too.
            for (int i = 0; i < 80; i++)
            {
                peers[i % peers.Length].TryWrite(driver.Bus.NodeId, at, new byte[1004], (outcome, _) => (answered, complete) = (answered + 1, complete + (outcome == Outcome.Complete ? 1 : 0)));
                machine.Simulator.RunFor(Sluice.FireWire.Simulation.BusTime.Microseconds(100));
            }
            machine.Pass(3_000_000, Busy);
            Assert.Equal(80, answered);
            Assert.InRange(complete, 40, 80);
        }
        machine.CheckNothingLeaks(driver);
    }

    // Queues what comes back at once.
    private sealed class Again : IIsoTransmitHandler
    {
        public IsoTransmitter? Transmitter { get; set; }

        public int Count { get; private set; }

        public void OnSent(IsoTransmitBuffer buffer)
        {
            Count++;
            Transmitter!.Queue(buffer);
        }

        public void OnProgress(IsoTransmitBuffer buffer, int sent)
        {
        }

        public void OnEnded(Error why) => Assert.Fail($"ended: {why}");
    }
}
