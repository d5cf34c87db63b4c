using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Tool;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>
/// Buses of five shapes as Linux sees them: numbers, speeds, who is root and manager; and what it does as their manager, become the root and
/// set the gap count that the longest way needs. Then a cable is pulled, and plugged in again.
/// </summary>
public sealed class ShapeTests
{
    private const ulong FirstGuid = 0x525400_F1_00000000;

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(8);

    // By hops of the longest way between two nodes. Source: IEEE 1394a-2000, table C-2; Linux keeps 63 beyond 15.
    private static readonly int[] _gapCounts = [63, 5, 7, 8, 10, 13, 16, 18, 21, 24, 26, 29, 32, 35, 37, 40];

    /// <param name="parents">For each node but the controller: whom it is plugged to. Members are numbered from the controller on.</param>
    /// <param name="speeds">For each member, a digit as <see cref="Speed"/>; the last one for all that follow.</param>
    /// <param name="pulled">The member that is unplugged from its parent; 0 if none is.</param>
    [Theory]
    [InlineData("alone", "", "2", 0, "q35", 1, "on", false)]
    [InlineData("chain", "0 1 2 3 4", "221222", 3, "q35", 2, "off", false)]
    [InlineData("star", "0 0 0 0 0 0 0 0", "220120222", 4, "pc", 1, "off", true)]
    [InlineData("deep tree", "0 1 2 3 4 5 6 7 0 9 10 11 12 13 14 3 6 12", "2", 12, "q35", 1, "on", true)]
    [InlineData("62 nodes", "0 0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10 10 11 11 12 12 13 13 14 14 15 15 16 16 17 17 18 18 19 19 20 20 21 21 22 22 23 23 24 24 25 25 26 26 27 27 28 28 29 29 30",
        "2", 30, "q35", 2, "on", false)]
    public async Task Linux_numbers_and_manages_a_bus_of_this_shape(string shape, string parents, string speeds, int pulled, string machine, int cpus, string msi, bool isUefi)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "make test-firewire-model and make test-all run this");
        string? whyNot = LinuxGuest.WhyNot("shape-init");
        Assert.SkipWhen(whyNot != null, whyNot ?? shape);
        int[] parent = [-1, .. parents.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => int.Parse(word, CultureInfo.InvariantCulture))];
        Speed[] speed = [.. parent.Select((_, i) => (Speed)(speeds[Math.Min(i, speeds.Length - 1)] - '0'))];
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string socket = Path.Combine(folder.FullName, "controller");
            string[] members = [.. parent.SelectMany((_, i) => (string[])[i == 0 ? "--controller" : "--node", $"{(i == 0 ? $"{socket},msi={msi}" : "memory")},name=n{i},speed={speed[i]},ports=8"])];
            string[] cables = [.. parent.Skip(1).SelectMany((up, i) => (string[])["--cable", $"n{up}-n{i + 1}"])];
            using var model = new Sluice.FireWire.Tool.Model(Options.Parse([.. members, .. cables]), _ => { });
            int all = parent.Length, left = Enumerable.Range(0, all).Count(i => !IsBelow(parent, i, pulled));
            using LinuxGuest guest = LinuxGuest.Start(socket, LinuxGuest.Machine(machine, cpus, isUefi), pulled == 0 ? $"counts={all}" : $"counts={all},{left},{all}", "shape-init");
            await Check(guest, model, parent, speed, 0);
            if (pulled != 0)
            {
                model.Do(() => model.Bus.Disconnect(model.Bus.Phys[pulled].Ports.First(port => port.Peer?.Phy == model.Bus.Phys[parent[pulled]])));
                await Check(guest, model, parent, speed, pulled);
                model.Do(() => model.Bus.Connect(model.Bus.Phys[parent[pulled]], model.Bus.Phys[pulled]));
                await Check(guest, model, parent, speed, 0);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task Check(LinuxGuest guest, Sluice.FireWire.Tool.Model model, int[] parent, Speed[] speed, int pulled)
    {
        int[] there = [.. Enumerable.Range(0, parent.Length).Where(i => !IsBelow(parent, i, pulled))];
        int seen = guest.Results.Count();
        Assert.True(await guest.SeesAsync($"shape {there.Length}", _patience), guest.Said);
        string[] results = [.. guest.Results.Skip(seen)];
        Dictionary<int, Dictionary<string, int>> nodes = results.Where(line => line.StartsWith("node ", StringComparison.Ordinal)).Select(line => line.Split(' ')).ToDictionary(
            words => (int)(ulong.Parse(words[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) - FirstGuid),
            words => Enumerable.Range(1, (words.Length / 2) - 1).ToDictionary(i => words[i * 2], i => int.Parse(words[(i * 2) + 1], CultureInfo.InvariantCulture)));
        Assert.True(there.SequenceEqual(nodes.Keys.Order()), guest.Said);
        Assert.Contains($"sysfs {there.Length} local 1", results);

        // As the cables are, and nothing of the model's own topology.
        int hops = there.Max(one => there.Max(other => Way(parent, one, other).Length - 1));
        int gap = hops < _gapCounts.Length ? _gapCounts[hops] : 63;
        (int Number, int Gap)[] phys = [];
        model.Do(() => phys = [.. there.Select(i => (model.Bus.Phys[i].PhysicalId, model.Bus.Phys[i].GapCount))]);
        foreach ((int member, Dictionary<string, int> node) in nodes)
        {
            Assert.Equal(phys[Array.IndexOf(there, member)].Number, node["id"]);
            // The only one that can, and so the root, the resource manager and the bus manager.
            Assert.Equal((there.Length - 1, there.Length - 1, there.Length - 1, there.Length - 1), (node["local"], node["root"], node["irm"], node["bm"]));
            string log = results.Last(line => line.Contains($"GUID {FirstGuid + (ulong)member:x16}, ", StringComparison.Ordinal));
            Assert.EndsWith($", {(Speed)Way(parent, 0, member).Min(i => (byte)speed[i])}", log);
        }
        Assert.Equal(there.Length - 1, nodes[0]["id"]);
        Assert.All(phys, phy => Assert.Equal(gap, phy.Gap));
    }

    // Whether a member hangs, by some others, on another; none on 0.
    private static bool IsBelow(int[] parent, int member, int on) => on != 0 && member >= on && (member == on || IsBelow(parent, parent[member], on));

    private static int[] Way(int[] parent, int one, int other)
    {
        int[] up = Up(one), down = Up(other);
        int meeting = up.First(down.Contains);
        return [.. up.TakeWhile(i => i != meeting), meeting, .. down.TakeWhile(i => i != meeting)];

        int[] Up(int member) => member == 0 ? [0] : [member, .. Up(parent[member])];
    }
}
