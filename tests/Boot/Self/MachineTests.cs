using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot.Self;

/// <summary>The harness with machines that never come to life: none may outlast its test, and each failure says where to look.</summary>
public sealed class MachineTests
{
    /// <summary>Stopped before the first instruction, with any file for a disc.</summary>
    private static readonly MachineSetup _asleep = new() { MemoryMiB = 32, Iso = typeof(MachineTests).Assembly.Location, More = ["-S"] };

    [Fact]
    public async Task A_machine_ends_with_its_test()
    {
        string folder;
        await using (Machine machine = await Machine.Start("self-dispose", _asleep))
        {
            folder = machine.Folder;
            Assert.Equal("prelaunch", (string?)(await machine.Control("query-status", null))!["status"]);
        }
        Assert.Contains("status 137", File.ReadAllText(Path.Combine(folder, "qemu.log")));
        Assert.Empty(QemusFor(folder));
    }

    [Fact]
    public async Task A_machine_that_hangs_is_ended_and_the_failure_names_its_logs()
    {
        await using Machine machine = await Machine.Start("self-hang", _asleep with { Lifetime = TimeSpan.FromSeconds(3) });
        var failure = await Assert.ThrowsAsync<MachineFailure>(machine.WaitForExit);
        Assert.Contains("within 3 s", failure.Message);
        Assert.Contains("out/boot/self-hang", failure.Message);
    }

    [Fact]
    public async Task A_wait_for_text_that_never_comes_ends_too()
    {
        await using Machine machine = await Machine.Start("self-silent", _asleep with { Lifetime = TimeSpan.FromSeconds(3) });
        await Assert.ThrowsAsync<MachineFailure>(machine.WaitForPrompt);
    }

    [Fact]
    public async Task A_command_line_that_QEMU_dislikes_is_shown_with_QEMUs_reason()
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => Machine.Start("self-wrong", _asleep with { Cpu = "abacus" }));
        Assert.Contains("abacus", failure.Message);
    }

    [Fact]
    public async Task A_machine_dies_with_the_process_that_started_it()
    {
        // The shell stands for a test host; the sleeper, which speaks once its wrapper has done its work, for QEMU.
        var start = new ProcessStartInfo("bash") { RedirectStandardOutput = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("setpriv --pdeathsig KILL -- sh -c 'echo $$; exec sleep 120' & wait");
        using Process host = ChildProcess.Start(start);
        int sleeper = int.Parse((await host.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!);
        using Process child = Process.GetProcessById(sleeper);
        host.Kill();
        await host.WaitForExitAsync(TestContext.Current.CancellationToken);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await child.WaitForExitAsync(limit.Token);
    }

    /// <summary>Processes whose command line names the folder, by /proc.</summary>
    private static string[] QemusFor(string folder) =>
        [.. Directory.EnumerateDirectories("/proc").Where(process =>
        {
            try { return File.ReadAllText(Path.Combine(process, "cmdline")).Contains(folder); }
            catch (IOException) { return false; }
            catch (UnauthorizedAccessException) { return false; }
        })];
}
