using System;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.FireWire.Bus;
using Sluice.Tests.Boot.Harness;
using Sluice.Tests.FireWire.Linux;
using Xunit;
using static Sluice.Tests.Boot.FireWireLinuxBus;
using static Sluice.Tests.Boot.FireWireModelBus;

namespace Sluice.Tests.Boot;

/// <summary>Linux and Sluice use each other's memory, take turns as root and as manager, and reboot beside each other.</summary>
public sealed class FireWireLinuxMemoryTests
{
    [Theory]
    [InlineData("")]
    [InlineData("dma=bounce")]
    public async Task Each_reads_writes_and_locks_what_the_other_offers(string arguments)
    {
        SkipUnlessPossible("shell-init");
        using var bus = new FireWireLinuxBus();
        await using Machine machine = await bus.StartOurs($"firewire-linux-memory{arguments.Replace("=", "-")}", arguments);
        LinuxGuest guest = await bus.StartLinux();
        int linux = NodeOf(await Quiet(machine, $"{Theirs:x16}"), $"{Theirs:x16}");
        Assert.Contains("no such address", await machine.Shell($"fw test {linux}"));
        Assert.Contains(await guest.RunAsync($"/transactions $(device 0x{Ours:x}) 10 2048", Patience), line => line.StartsWith("not ok", StringComparison.Ordinal));

        await Offer(machine, guest);
        await Exchange(machine, guest, linux, 10_000);
        // Both at once.
        Task<string[]> theirs = guest.RunAsync($"/transactions $(device 0x{Ours:x}) 2000 2048", Patience);
        Assert.Contains("2000 reads, 2000 writes, 2000 locks, all as they should be", await machine.Shell($"fw test {linux} 0xfffff0010000 2000"));
        AllOk(await theirs, 2_000);

        Assert.Equal("", (await machine.Shell("fw offer off")).Trim());
        Assert.Contains(await guest.RunAsync($"/transactions $(device 0x{Ours:x}) 10 2048", Patience), line => line.StartsWith("not ok", StringComparison.Ordinal));
        Clean(await machine.Shell("fw stat"));
    }

    /// <param name="isOurManager">Who is on the bus first, and so its manager.</param>
    /// <param name="isOurRoot">Who is made root, and so has to be cycle master.</param>
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Either_is_root_cycle_master_and_bus_manager(bool isOurManager, bool isOurRoot)
    {
        SkipUnlessPossible("shell-init");
        using var bus = new FireWireLinuxBus(more: ["--node", "memory,name=memory", "--cable", "ours-memory", "--cable", "memory-linux"]);
        LinuxGuest? early = isOurManager ? null : await bus.StartLinux();
        if (early != null) await ManagerOf(early, _ => true);
        await using Machine machine = await bus.StartOurs($"firewire-linux-{(isOurManager ? "ours" : "linux")}-{(isOurRoot ? "ours" : "linux")}");
        if (early == null) await Quiet(machine, "bus manager");
        LinuxGuest guest = early ?? await bus.StartLinux();

        string tree = await Arrange(machine, guest, isOurManager, isOurRoot);
        int us = NodeOf(tree, "us"), linux = NodeOf(tree, $"{Theirs:x16}"), root = NodeIn(tree, "root"), manager = NodeIn(tree, "bus manager");
        Assert.Equal((isOurRoot ? us : linux, isOurManager ? us : linux), (root, manager));
        Match theirs = await ManagerOf(guest, match => match.Groups[4].Value == $"{manager}");
        Assert.Equal((linux, root, manager), (Number(theirs, 1), Number(theirs, 2), Number(theirs, 4)));
        Assert.Equal(NodeIn(tree, "resource manager"), Number(theirs, 3));

        // STATE_CLEAR.cmstr of the root alone, and its cycle starts are on the bus.
        Assert.True(IsCycleMaster(await machine.Shell($"fw read {root} 0xfffff0000000")));
        Assert.False(IsCycleMaster(await machine.Shell($"fw read {(isOurRoot ? linux : us)} 0xfffff0000000")));
        int sender = -1;
        bus.Model.Do(() => sender = bus.Model.Bus.Phys[0].Segment.CycleMaster?.Phy.PhysicalId ?? -1);
        Assert.Equal(root, sender);

        await Offer(machine, guest);
        await Exchange(machine, guest, linux, 200);
        Clean(await machine.Shell("fw stat"));
    }

    [Fact]
    public async Task Each_survives_the_others_reboot()
    {
        SkipUnlessPossible("shell-init");
        using var bus = new FireWireLinuxBus(more: ["--node", "memory,name=memory", "--cable", "ours-memory", "--cable", "memory-linux"]);
        await using Machine machine = await bus.StartOurs("firewire-linux-reboot");
        LinuxGuest guest = await bus.StartLinux(reboots: true);
        int linux = NodeOf(await Quiet(machine, $"{Theirs:x16} Linux"), $"{Theirs:x16}");
        await Offer(machine, guest);
        await Exchange(machine, guest, linux, 200);

        await Reboot(machine, guest);
        linux = NodeOf(await Quiet(machine, $"{Theirs:x16} Linux"), $"{Theirs:x16}");
        Assert.Contains("all nodes may", await machine.Shell("fw offer"));
        await Exchange(machine, guest, linux, 200);
        Assert.False(guest.HasCrashed, guest.Said);

        Assert.True(await guest.RebootAsync(Patience), guest.Said);
        linux = NodeOf(await Quiet(machine, $"{Theirs:x16} Linux"), $"{Theirs:x16}");
        await Offer(machine, guest);
        await Exchange(machine, guest, linux, 200);
        Clean(await machine.Shell("fw stat"));
    }

    // Has one of the two be manager, and one root. The tree then.
    private static async Task<string> Arrange(Machine machine, LinuxGuest guest, bool isOurManager, bool isOurRoot)
    {
        string tree = "";
        for (int tries = 0; tries < 10; tries++)
        {
            do
                tree = await Quiet(machine, $"{Theirs:x16} Linux");
            while (!tree.Contains(", bus manager"));
            int us = NodeOf(tree, "us"), linux = NodeOf(tree, $"{Theirs:x16}");
            if (NodeIn(tree, "bus manager") != (isOurManager ? us : linux))
            {
                // Who was manager has 125 ms from a bus reset to say that he goes on (1394a-2000, 8.4.2.5): on a busy host that may be too short. And
                // Linux takes itself for who was manager in its first reset. Who has it then, gives it back when told to and there is a reset; Linux
                // waits for longer than we do, so for Linux we leave the bus.
                if (isOurManager)
                {
                    await Wait(machine);
                    Assert.Contains("written", await machine.Shell($"fw write {linux} 0xfffff0000004 0x400"));
                    await machine.Shell("fw reset");
                }
                else
                {
                    await Reboot(machine, guest);
                }
            }
            else if (NodeIn(tree, "root") != (isOurRoot ? us : linux))
            {
                // The manager may choose another root, if this one does not answer for seconds.
                Assert.Equal("", (await machine.Shell($"fw root {(isOurRoot ? us : linux)}")).Trim());
            }
            else
            {
                await Wait(machine);
                return tree;
            }
        }
        Assert.Fail($"{tree}\n{await machine.Shell("fw stat")}");
        return tree;
    }

    private static async Task Reboot(Machine machine, LinuxGuest guest)
    {
        int before = machine.RawConsole.Length;
        await machine.Type("reboot\r"u8.ToArray());
        await machine.WaitForConsole(Machine.Prompt, await machine.WaitForConsole("[    0.", before));
        await Quiet(machine, $"{Theirs:x16} Linux");
        // Linux takes two seconds to forget a node whose link went off, and does not look at one again that is back before: not until that
        // node begins a bus reset.
        await machine.Pause(TimeSpan.FromSeconds(6));
        while (!(await guest.RunAsync("/topology", Patience)).Any(line => line.StartsWith($"node {Ours:x16}", StringComparison.Ordinal)))
        {
            await machine.Shell("fw reset");
            await machine.Pause(TimeSpan.FromSeconds(6));
        }
    }

    // A busy host may be slower than what a node waits for by itself: now both wait for seconds, as their registers say.
    private static async Task Wait(Machine machine)
    {
        string tree = await machine.Shell("fw");
        foreach (int node in (int[])[NodeOf(tree, "us"), NodeOf(tree, $"{Theirs:x16}")])
        {
            while (!(await machine.Shell($"fw write {node} 0xfffff0000018 7")).Contains("written"))
                await machine.Pause(TimeSpan.FromMilliseconds(200));
        }
    }

    private static async Task Offer(Machine machine, LinuxGuest guest)
    {
        Assert.Contains("all nodes may", await machine.Shell("fw offer"));
        await guest.RunAsync("/serve > /served 2>&1 &", Patience);
        while (!(await guest.RunAsync("$B cat /served", Patience)).Contains("serving"))
            await machine.Pause(TimeSpan.FromMilliseconds(200));
    }

    // Linux uses our memory, and we use Linux's.
    private static async Task Exchange(Machine machine, LinuxGuest guest, int linux, int count)
    {
        await Wait(machine);
        string[] results = await guest.RunAsync($"/transactions $(device 0x{Ours:x}) {count} 2048", Patience);
        if (results.Length < 5 || results.Any(line => line.StartsWith("not ok", StringComparison.Ordinal)))
            results = [.. results, .. await guest.RunAsync("$B dmesg | $B grep firewire; /topology", Patience), await machine.Shell("fw stat")];
        AllOk(results, count);
        string ours = await machine.Shell($"fw test {linux} 0xfffff0010000 {count}");
        Assert.True(ours.Contains($"{count} reads, {count} writes, {count} locks, all as they should be"), $"{ours}\n{guest.Said}");
        Assert.Equal(["serving"], await guest.RunAsync("$B cat /served", Patience));
    }

    private static void AllOk(string[] results, int count)
    {
        string all = string.Join('\n', results);
        foreach (string kind in (string[])[$"ok quadlets {count}", $"ok blocks {count}", $"ok locks {count}", "ok beyond 3", "ok whole"])
            Assert.True(results.Any(line => line.StartsWith(kind, StringComparison.Ordinal)), $"'{kind}' is missing:\n{all}");
        Assert.DoesNotContain(results, line => line.StartsWith("not ok", StringComparison.Ordinal));
    }

    private static async Task<Match> ManagerOf(LinuxGuest guest, Func<Match, bool> isWanted)
    {
        DateTime end = DateTime.UtcNow + Patience;
        while (true)
        {
            Match bus = await Topology(guest);
            if (bus.Success && bus.Groups[4].Value != "-1" && isWanted(bus)) return bus;
            Assert.True(DateTime.UtcNow < end, guest.Said);
            await Task.Delay(500, TestContext.Current.CancellationToken);
        }
    }

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].Value, System.Globalization.CultureInfo.InvariantCulture);

    private static bool IsCycleMaster(string read) => (Convert.ToUInt32(Regex.Match(read, @"fffff0000000  ([0-9a-f]{8})").Groups[1].Value, 16) & 0x100) != 0;

    private static void Clean(string statistics) =>
        Assert.Matches(@"faults: self-IDs 0, trees 0, packets 0, descriptors 0, dead contexts 0, hangs 0, forgotten 0, resets 0,", statistics);
}
