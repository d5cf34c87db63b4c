using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Sluice.Tests.FireWire.Linux;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>A FireWire bus with places for Sluice and for Linux, each in a QEMU of its own; they come and go as the test says.</summary>
internal sealed class FireWireLinuxBus : FireWireModelBus
{
    public const ulong Ours = 0x5254_0011_2233_4455, Theirs = 0x5254_0066_7788_99AA;

    /// <summary>For anything that a guest does; it only ends what hangs.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    private readonly List<LinuxGuest> _guests = [];

    /// <param name="speed">Of both controllers.</param>
    /// <param name="more">More words for the model, such as further nodes; the two controllers are ours and linux.</param>
    public FireWireLinuxBus(string speed = "S400", params IEnumerable<string> more) : base([$"ours,guid=0x{Ours:x},speed={speed}", $"linux,guid=0x{Theirs:x},speed={speed}"], more)
    {
    }

    /// <summary>Skips the test where it cannot run, or is not asked for.</summary>
    public static void SkipUnlessPossible(string init)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "make test-firewire-linux and make test-all run this");
        string? whyNot = LinuxGuest.WhyNot(init);
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
    }

    /// <summary>Boots Sluice, as far as its prompt.</summary>
    /// <param name="more">More words for QEMU.</param>
    public async Task<Machine> StartOurs(string name, string arguments = "", params string[] more)
    {
        Machine machine = await Machine.Start(name, new MachineSetup
        {
            SharesMemory = true,
            NoReboot = false,
            Arguments = arguments,
            Lifetime = TimeSpan.FromMinutes(40),
            More = [.. Device("ours"), .. more],
        });
        await machine.WaitForPrompt();
        return machine;
    }

    /// <summary>Boots Linux with a script, until it has said something; the first is a shell that takes lines. It ends with the bus, if not before.</summary>
    /// <param name="file">Is /file there.</param>
    public async Task<LinuxGuest> StartLinux(string script = "shell-init", string arguments = "", string says = "ready", bool reboots = false, byte[]? file = null)
    {
        LinuxGuest guest = LinuxGuest.Start(Socket("linux"), LinuxGuest.Machine("q35", 1, false), arguments, script, file, reboots);
        _guests.Add(guest);
        Assert.True(await guest.SeesAsync(says, Patience), guest.Said);
        return guest;
    }

    /// <summary>What Linux says of the bus in the line of its own node: id, root, resource manager, bus manager; no success while it has none.</summary>
    public static async Task<Match> Topology(LinuxGuest guest)
    {
        string[] lines = await guest.RunAsync("/topology", Patience);
        string ours = lines.FirstOrDefault(line => line.StartsWith($"node {Theirs:x16} ", StringComparison.Ordinal)) ?? "";
        return Regex.Match(ours, @"id (\d+) .*root (\d+) irm (\d+) bm (-?\d+)");
    }

    public override void Dispose()
    {
        foreach (LinuxGuest guest in _guests)
            guest.Dispose();
        base.Dispose();
    }
}
