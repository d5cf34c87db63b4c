using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Sluice.FireWire.Simulation;
using Sluice.FireWire.Tool;
using Sluice.FireWire.Trace;
using Sluice.Tests.FireWire.Model;
using Sluice.Tests.FireWire.OhciTests;
using Xunit;
using Ohci = Sluice.FireWire.Ohci.OhciRegister;

namespace Sluice.Tests.FireWire.Tool;

/// <summary>The program's options, its commands while it runs, and traces.</summary>
public sealed class ToolTests
{
    [Theory]
    [InlineData("--node")]
    [InlineData("--nodes", "memory")]
    [InlineData("--seed", "1")]
    [InlineData("--node", "memory,size")]
    [InlineData("--node", "memory,size=1,size=2")]
    [InlineData("--node", "memory", "--bus-speed", "0")]
    [InlineData("--node", "memory", "--seed", "-1")]
    public void Wrong_options_are_refused(params string[] arguments) => Assert.Throws<UsageException>(() => Options.Parse(arguments));

    [Theory]
    [InlineData("--node", "toaster")]
    [InlineData("--node", "memory,size=x")]
    [InlineData("--node", "memory,sizes=1")]
    [InlineData("--node", "memory,speed=S300")]
    [InlineData("--node", "memory,ports=17")]
    [InlineData("--node", "memory,name=a", "--node", "memory,name=a")]
    [InlineData("--node", "memory,name=a", "--cable", "a-b")]
    [InlineData("--node", "memory,name=a", "--node", "echo,name=b", "--cable", "a.0-b.3")]
    [InlineData("--node", "memory,name=a", "--node", "echo,name=b", "--cable", "a-b", "--cable", "a-b")]
    [InlineData("--controller", "socket,pci=12345:1")]
    [InlineData("--controller", "socket,msi=maybe")]
    [InlineData("--controller", "socket,fault=tired")]
    [InlineData("--controller", "socket,fault=gone+")]
    [InlineData("--node", "memory,fault=gone")]
    [InlineData("--node", "hostile,script=nice")]
    [InlineData("--node", "camcorder,system=secam")]
    [InlineData("--node", "hostile,play=-1")]
    public void Members_and_cables_that_cannot_be_are_refused(params string[] arguments) =>
        Assert.Throws<UsageException>(() => new Sluice.FireWire.Tool.Model(Options.Parse(arguments), _ => { }).Dispose());

    [Fact]
    public void A_running_bus_is_plugged_reset_and_shown()
    {
        using var model = new Sluice.FireWire.Tool.Model(Options.Parse(
            ["--node", "memory,name=a", "--node", "repeater,name=r,speed=S200", "--node", "echo,name=e,speed=S800", "--bus-speed", "1000"]), _ => { });
        Assert.Equal(3, Tree(model).Length);
        Assert.Contains(Tree(model), line => line.EndsWith("r S200, link off", StringComparison.Ordinal) || line.Contains("r S200, link off, root", StringComparison.Ordinal));
        Assert.Equal("ok", Say(model, "unplug r"));
        Assert.Equal(3, Tree(model).Count(line => line.Contains("root", StringComparison.Ordinal)));
        Assert.Equal("ok", Say(model, "plug a.1-e.2"));
        Assert.Equal(2, Tree(model).Count(line => line.Contains("root", StringComparison.Ordinal)));
        Assert.Equal("a port takes one cable", Say(model, "plug a.1-r"));
        Assert.Equal("there is no b", Say(model, "unplug b"));
        int before = Generation();
        Assert.Equal("ok", Say(model, "short-reset a"));
        Tree(model);
        Assert.Equal(before + 1, Generation());
        Assert.Equal("e is no controller", Say(model, "fault e gone"));
        Assert.Equal(Commands.Help, Say(model, "what"));
        Assert.False(Commands.Run(model, "stop", TextWriter.Null));

        int Generation()
        {
            int generation = 0;
            model.Do(() => generation = model.Bus.Phys[0].Segment.Generation);
            return generation;
        }
    }

    [Fact]
    public void Faults_are_given_at_start_and_changed_while_it_runs()
    {
        string socket = Path.Combine(Path.GetTempPath(), $"firewire-{Environment.ProcessId}");
        using var model = new Sluice.FireWire.Tool.Model(Options.Parse(["--controller", $"{socket},name=c,fault=stuck-phy+interrupt-lost"]), _ => { });
        OhciController controller = model.Devices[0].Controller;
        Assert.Equal(OhciFaults.StuckPhy | OhciFaults.InterruptLost, controller.Faults);
        Assert.Equal("ok", Say(model, "fault c gone"));
        Assert.Equal(OhciFaults.Gone, controller.Faults);
        Assert.StartsWith("no fault is 'tired'", Say(model, "fault c tired"), StringComparison.Ordinal);
        Assert.Equal("ok", Say(model, "fault c none"));
        Assert.Equal(OhciFaults.None, controller.Faults);
    }

    [Fact]
    public void Traces_tell_of_packets_registers_and_resets()
    {
        var text = new StringWriter();
        Run(bus => new TextTrace(bus, text));
        string[] lines = text.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(lines, line => line.Contains("machine 0    bus reset", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("self-ID 80", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("write 050 00020000", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.EndsWith("tl 5 read fffff0010000 ack Pending", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.EndsWith("tl 5 Complete 00000000 ack Complete", StringComparison.Ordinal));
        double[] times = [.. lines.Select(line => double.Parse(line.AsSpan(0, 14), System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(times.Order(), times);
    }

    [Fact]
    public void A_chrome_trace_is_json_with_a_track_for_each_node()
    {
        var text = new StringWriter();
        Run(bus => new ChromeTrace(bus, text));
        using JsonDocument document = JsonDocument.Parse(text + "]");
        JsonElement[] events = [.. document.RootElement.EnumerateArray()];
        Assert.Equal(2, events.Count(one => one.GetProperty("name").GetString() == "thread_name"));
        JsonElement read = events.Single(one => one.GetProperty("name").GetString() == "ReadQuadlet");
        Assert.Equal("X", read.GetProperty("ph").GetString());
        Assert.InRange(read.GetProperty("dur").GetDouble(), 0.1, 10);
        Assert.All(events.Where(one => one.GetProperty("ph").GetString() != "M"), one => Assert.True(one.GetProperty("ts").GetDouble() >= 0));
    }

    private static void Run(Func<FireWireBus, IBusTrace> trace)
    {
        var test = new TestBus();
        test.Bus.Trace = trace(test.Bus);
        var machine = new Machine(test);
        var (phy, _) = test.AddMemory(new PhyTraits());
        test.Bus.Connect(machine.Phy, phy);
        machine.Start();
        machine.Send(Ohci.AtRequest, machine.Block(Machine.Header(Tcode.ReadQuadlet, phy.PhysicalId, MemoryNode.DefaultBase)));
    }

    private static string Say(Sluice.FireWire.Tool.Model model, string line)
    {
        var answer = new StringWriter();
        Assert.True(Commands.Run(model, line, answer));
        return answer.ToString().Trim();
    }

    // Waits for a bus reset to end, which takes real time.
    private static string[] Tree(Sluice.FireWire.Tool.Model model)
    {
        for (int i = 0; i < 1000; i++)
        {
            string tree = Say(model, "tree");
            if (!tree.Contains("a bus reset", StringComparison.Ordinal))
                return tree.Split(Environment.NewLine);
            System.Threading.Thread.Sleep(10);
        }
        throw new TimeoutException("a bus reset does not end");
    }
}
