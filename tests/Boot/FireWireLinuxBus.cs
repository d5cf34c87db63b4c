using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.FireWire.Tool;
using Sluice.Tests.Boot.Harness;
using Sluice.Tests.FireWire.Linux;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>A FireWire bus with places for Sluice and for Linux, each in a QEMU of its own; they come and go as the test says.</summary>
internal sealed class FireWireLinuxBus : IDisposable
{
    public const ulong Ours = 0x5254_0011_2233_4455, Theirs = 0x5254_0066_7788_99AA;

    /// <summary>For anything that a guest does; it only ends what hangs.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("firewire-model");

    private readonly List<LinuxGuest> _guests = [];

    /// <param name="more">More words for the model, such as further nodes; the two controllers are ours and linux.</param>
    public FireWireLinuxBus(params string[] more)
    {
        Model = new Model(Options.Parse(
            ["--controller", $"{Socket("ours")},name=ours,guid=0x{Ours:x}", "--controller", $"{Socket("linux")},name=linux,guid=0x{Theirs:x}", .. more]), _ => { });
    }

    public Model Model { get; }

    /// <summary>Skips the test where it cannot run, or is not asked for.</summary>
    public static void SkipUnlessPossible(string init)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "make test-firewire-linux and make test-all run this");
        string? whyNot = LinuxGuest.WhyNot(init);
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
    }

    /// <summary>Boots Sluice, as far as its prompt.</summary>
    public async Task<Machine> StartOurs(string name, string arguments = "")
    {
        Machine machine = await Machine.Start(name, new MachineSetup
        {
            SharesMemory = true,
            NoReboot = false,
            Arguments = arguments,
            Lifetime = TimeSpan.FromMinutes(40),
            More = ["-device", $"{{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"{Socket("ours")}\"}}}}"],
        });
        await machine.WaitForPrompt();
        return machine;
    }

    /// <summary>Boots Linux with a shell that takes lines. It ends with the bus, if not before.</summary>
    public async Task<LinuxGuest> StartLinux(bool reboots = false)
    {
        LinuxGuest guest = LinuxGuest.Start(Socket("linux"), LinuxGuest.Machine("q35", 1, false), "", "shell-init", reboots: reboots);
        _guests.Add(guest);
        Assert.True(await guest.SeesAsync("ready", Patience), guest.Said);
        return guest;
    }

    /// <summary>Waits until our tree says something, and nothing has changed for a while: managers have done what they wanted. The tree.</summary>
    public static async Task<string> Quiet(Machine machine, string what)
    {
        string before = "";
        while (true)
        {
            string tree = await machine.Shell("fw");
            if (tree.Contains(what) && tree == before) return tree;
            before = tree;
            await machine.Pause(TimeSpan.FromSeconds(3));
        }
    }

    /// <summary>The number of the node of which a line of our tree says something.</summary>
    public static int NodeOf(string tree, string what) =>
        int.Parse(Regex.Match(tree, $@"(\d+) S\d+ {Regex.Escape(what)}").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The same of the line that has a role in it.</summary>
    public static int NodeIn(string tree, string role) =>
        int.Parse(Regex.Match(tree, $@"(?m)(\d+) S\d+ .*, {Regex.Escape(role)}\b").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>What Linux says of the bus in the line of its own node: id, root, resource manager, bus manager; no success while it has none.</summary>
    public static async Task<Match> Topology(LinuxGuest guest)
    {
        string[] lines = await guest.RunAsync("/topology", Patience);
        string ours = lines.FirstOrDefault(line => line.StartsWith($"node {Theirs:x16} ", StringComparison.Ordinal)) ?? "";
        return Regex.Match(ours, @"id (\d+) .*root (\d+) irm (\d+) bm (-?\d+)");
    }

    public void Dispose()
    {
        foreach (LinuxGuest guest in _guests)
            guest.Dispose();
        Model.Dispose();
        _folder.Delete(recursive: true);
    }

    private string Socket(string name) => Path.Combine(_folder.FullName, name);
}
