using System;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Tool;
using Sluice.Tests.Boot.Harness;
using Xunit;
using NodeOutcome = Sluice.FireWire.Nodes.Outcome;

namespace Sluice.Tests.Boot;

/// <summary>The FireWire stack on the controller's model, as somebody sees it who types at the shell.</summary>
public sealed class FireWireTests
{
    private const ulong Ours = 0x5254_0011_2233_4455, Theirs = 0x5254_0066_7788_99AA;

    [Theory]
    [InlineData("q35", "fw643", 512, "")]
    [InlineData("q35", "fw643", 6144, "dma=bounce")]
    [InlineData("q35", "xio2213", 512, "dma=check")]
    [InlineData("pc", "vt6308", 512, "")]
    public async Task A_bus_is_drawn_and_its_nodes_are_read_written_and_locked(string type, string card, int mebibytes, string arguments)
    {
        string name = $"firewire-{card}-{mebibytes}{arguments.Replace("=", "-")}";
        using var bus = new FireWireModelBus([$"host,guid=0x{Ours:x},card={card}"],
            "--node", $"memory,name=memory,guid=0x{Theirs:x}", "--node", "echo,name=echo", "--node", "camera,name=camera", "--cable", "host-memory", "--cable", "memory-echo", "--cable", "memory-camera");
        Model model = bus.Model;
        await using Machine machine = await Machine.Start(name, new MachineSetup
        {
            Type = type,
            MemoryMiB = mebibytes,
            Arguments = arguments,
            SharesMemory = true,
            More = bus.Device("host"),
        });
        await machine.WaitForPrompt();
        var memory = (MemoryNode)model.Bus.Phys.Single(phy => phy.Name == "memory").Link!;
        string tree = await Tree(machine, 4);
        Assert.Contains($"{Ours:x16}, generation", tree);
        Assert.Matches($@"(?m)^  .*\d S400 {Theirs:x16} Sluice Memory", tree);
        Assert.Matches(@"(?m)^  .*\d S400 [0-9a-f]{16} Sluice Camera", tree);
        Assert.Single(Regex.Matches(tree, @"S400 us\b"));
        Assert.Single(Regex.Matches(tree, ", root"));

        await BePatient(machine, tree);
        int node = memory.Phy.PhysicalId;
        const string at = "0xfffff0010000";
        Assert.Contains("written", await machine.Shell($"fw write {node} {at} 0xdeadbeef"));
        Assert.Equal([0xDE, 0xAD, 0xBE, 0xEF], memory.Memory[..4].ToArray());
        Assert.Matches(@"fffff0010000  deadbeef", await machine.Shell($"fw read {node} {at}"));
        Assert.Contains("was 0xdeadbeef", await machine.Shell($"fw lock {node} {at} 0xdeadbeef 7"));
        Assert.Contains("was 0x00000007", await machine.Shell($"fw lock {node} {at} 0xdeadbeef 8"));
        Assert.Equal([0, 0, 0, 7], memory.Memory[..4].ToArray());
        for (int i = 0; i < 512; i++) memory.Memory[i] = (byte)(i * 7);
        string block = await machine.Shell($"fw read {node} {at} 511");
        Assert.Equal(Convert.ToHexStringLower(memory.Memory[..511]), string.Concat(Regex.Matches(block, @"(?m)^  [0-9a-f]{12}  ((?:[0-9a-f]+ )+) ").Select(row => row.Groups[1].Value.Replace(" ", ""))));
        Assert.Contains("no such address", await machine.Shell($"fw read {node} 0x1000"));
        Assert.Contains("nobody is there", await machine.Shell("fw read 9 0xfffff0000400"));

        await Closed(machine, model, memory, 4);
        Assert.Equal(0, model.Devices[0].Controller.PhysicalRequests);
        await Unplugged(machine, model);
        string statistics = await machine.Shell("fw stat");
        Assert.Matches(@"faults: self-IDs 0, trees 0, packets 0, descriptors 0, dead contexts 0, hangs 0, forgotten 0, resets 0, PHY 0, registers 0,", statistics);
        Assert.Contains("closed to all nodes", statistics);
        if (arguments == "dma=check") Assert.DoesNotContain("dma check:", machine.Console);
    }

    // A stranger asks for memory: an error, and no byte, also after a bus reset.
    private static async Task Closed(Machine machine, Model model, MemoryNode stranger, int nodes)
    {
        foreach (string reset in (string[])["", "fw reset", "fw reset long"])
        {
            if (reset.Length != 0)
            {
                Assert.Equal("", (await machine.Shell(reset)).Trim());
                await Tree(machine, nodes);
            }
            foreach (ulong address in (ulong[])[0, 0x1000, 0x10_0000, 0x1000_0000])
            {
                (NodeOutcome Outcome, int Bytes) answer;
                int tries = 0;
                do
                {
                    // A reset takes its time.
                    if (tries != 0) await machine.Pause(TimeSpan.FromMilliseconds(50));
                    var answered = new TaskCompletionSource<(NodeOutcome, int)>(TaskCreationOptions.RunContinuationsAsynchronously);
                    model.Do(() =>
                    {
                        ushort host = (ushort)(0xFFC0 | model.Bus.Phys.Single(phy => phy.Name == "host").PhysicalId);
                        if (!stranger.TryRead(host, address, 8, (outcome, data) => answered.TrySetResult((outcome, data.Length)))) answered.TrySetResult((NodeOutcome.BusReset, 0));
                    });
                    answer = await answered.Task.WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
                }
                // The stranger waits for 100 ms, and a busy host may be slower; the manager may reset the bus once more.
                while (answer.Outcome is NodeOutcome.TimedOut or NodeOutcome.BusReset && ++tries < 100);
                Assert.Equal((NodeOutcome.AddressError, 0), answer);
            }
        }
    }

    // We wait for answers for five seconds, not a tenth of one: the model may have no processor for a while. Our own register says so.
    private static async Task BePatient(Machine machine, string tree)
    {
        string us = Regex.Match(tree, @"(\d+) S400 us\b").Groups[1].Value;
        Assert.Contains("written", await machine.Shell($"fw write {us} 0xfffff0000018 5"));
    }

    private static async Task Unplugged(Machine machine, Model model)
    {
        model.Do(() => model.Bus.Disconnect(model.Bus.Phys.Single(phy => phy.Name == "camera")));
        Assert.DoesNotContain("Camera", await Tree(machine, 3));
        model.Do(() => model.Bus.Connect(model.Bus.Phys.Single(phy => phy.Name == "memory"), model.Bus.Phys.Single(phy => phy.Name == "camera")));
        Assert.Contains("Camera", await Tree(machine, 4));
    }

    [Theory]
    [InlineData(512, "")]
    [InlineData(6144, "dma=bounce")]
    [InlineData(512, "dma=check")]
    public async Task A_disk_is_read_also_over_bus_resets_and_memory_is_closed_to_others(int mebibytes, string arguments)
    {
        const int bytes = (8 << 20) + 512 * 7;
        byte[] content = new byte[bytes];
        new Random(3).NextBytes(content);
        using var image = new TemporaryFile(content);
        using var bus = new FireWireModelBus([$"host,guid=0x{Ours:x}"],
            "--node", $"disk,name=disk,image={image.Path}", "--node", "memory,name=memory", "--cable", "host-disk", "--cable", "disk-memory");
        Model model = bus.Model;
        await using Machine machine = await Machine.Start($"firewire-disk-{mebibytes}{arguments.Replace("=", "-")}", new MachineSetup
        {
            MemoryMiB = mebibytes,
            Arguments = arguments,
            SharesMemory = true,
            More = bus.Device("host"),
        });
        await machine.WaitForPrompt();
        await Tree(machine, 3);
        string hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content));
        foreach (bool isReset in (bool[])[false, true])
        {
            while (!(await machine.Shell("fw disk")).Contains($"ready, {bytes / 512} blocks of 512 bytes")) await machine.Pause(TimeSpan.FromMilliseconds(100));
            Task<string> reading = machine.Shell("fw disk read");
            for (int i = 0; i < 3 && isReset; i++)
            {
                await machine.Pause(TimeSpan.FromMilliseconds(200));
                model.Do(() => model.Bus.Phys.Single(phy => phy.Name == "memory").InitiateReset(isLong: true));
            }
            string said = await reading;
            Assert.Contains($"{bytes} bytes in ", said);
            Assert.Contains($"SHA-256 {hash}", said);
        }
        // The door is the disk's alone.
        string tree;
        do tree = await Tree(machine, 3);
        while (!tree.Contains("may read and write our memory"));
        Assert.Single(Regex.Matches(tree, "may read and write our memory"));
        Assert.Matches("Sluice Disk.*, may read and write our memory", tree);
        await Closed(machine, model, (MemoryNode)model.Bus.Phys.Single(phy => phy.Name == "memory").Link!, 3);
        Assert.NotEqual(0, model.Devices[0].Controller.PhysicalRequests);
        if (arguments == "dma=check") Assert.DoesNotContain("dma check:", machine.Console);
    }

    // What fw draws once all ROMs of so many nodes are read, and the manager has set the gap count that suits them.
    private static async Task<string> Tree(Machine machine, int nodes)
    {
        while (true)
        {
            string tree = await machine.Shell("fw");
            if (tree.Contains($", {nodes} nodes") && !tree.Contains("gap count 63") && Regex.Matches(tree, "(?m) us|S400 [0-9a-f]{16}").Count == nodes) return tree;
            await machine.Pause(TimeSpan.FromMilliseconds(100));
        }
    }
}
