using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;

namespace Sluice.Tests.Boot.Harness;

/// <summary>
/// Linux's own network stack as the other end of a wire: a network namespace that the tests make for themselves, with a tap device that a machine's
/// card is connected to. It is gone when it is disposed and when this process ends.
/// </summary>
internal sealed class PeerNetwork : IAsyncDisposable
{
    /// <summary>Linux's address, and the one that the machine is to have.</summary>
    public const string Here = "10.77.0.1", There = "10.77.0.2";

    private const string SetUp = "ip link set lo up && ip tuntap add dev tap0 mode tap && ip addr add 10.77.0.1/24 dev tap0 && ip link set tap0 up mtu 9000 && echo ready && exec setpriv --pdeathsig KILL -- sleep infinity";

    private readonly Process _holder;

    private PeerNetwork(Process holder) => _holder = holder;

    /// <summary>What runs a program in the namespace: words before its own.</summary>
    public IReadOnlyList<string> Enter =>
        ["nsenter", "-t", $"{_holder.Id}", "-U", "-n", "--preserve-credentials", "--", "setpriv", "--pdeathsig", "KILL", "--"];

    /// <summary>Makes one; null where that is not allowed, with the reason.</summary>
    public static async Task<(PeerNetwork? Network, string Why)> TryStart()
    {
        foreach (string tool in (string[])["unshare", "nsenter", "ip", "setpriv"])
            if (!Has(tool)) return (null, $"{tool} is missing: iso/setup.sh network gets it");
        if (!File.Exists("/dev/net/tun")) return (null, "there is no /dev/net/tun here");
        var start = new ProcessStartInfo("unshare") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string word in (string[])["-rn", "--", "bash", "-c", SetUp]) start.ArgumentList.Add(word);
        Process holder = ChildProcess.Start(start);
        if (await holder.StandardOutput.ReadLineAsync() == "ready") return (new PeerNetwork(holder), "");
        string why = (await holder.StandardError.ReadToEndAsync()).Trim();
        holder.Dispose();
        return (null, $"no network namespace can be made here: {why}");
    }

    /// <summary>Runs a program there, to its end.</summary>
    public Task<(int Status, string Output)> Run(TimeSpan limit, params string[] words) => Tool.Run(limit, Enter[0], [.. Enter.Skip(1), .. words]);

    /// <summary>Whether a program is there.</summary>
    public static bool Has(string program)
    {
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin:/sbin").Split(':'))
            if (File.Exists(Path.Combine(folder, program))) return true;
        return false;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_holder.HasExited) _holder.Kill();
        await _holder.WaitForExitAsync();
        _holder.Dispose();
    }
}
