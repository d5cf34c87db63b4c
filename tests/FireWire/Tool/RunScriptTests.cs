using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.Tests.FireWire.Linux;
using Xunit;

namespace Sluice.Tests.FireWire.Tool;

/// <summary>iso/run.sh starts the model beside QEMU, and no process of it stays behind.</summary>
public sealed class RunScriptTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData("TERM", "run.sh")]
    [InlineData("KILL", "run.sh")]
    [InlineData("KILL", "QEMU")]
    [InlineData("KILL", "model")]
    public async Task Whatever_ends_first_the_rest_follows(string signal, string victim)
    {
        string root = LinuxGuest.Root;
        Assert.SkipUnless(File.Exists(Path.Combine(root, "iso/sluice.iso")), "make iso builds what it boots");
        Assert.SkipUnless(LinuxGuest.Run(Path.Combine(root, "iso/qemu.sh"), ["-device", "vfio-user-pci,help"], out _) == 0, "this QEMU has no vfio-user-pci");
        var start = new ProcessStartInfo(Path.Combine(root, "iso/run.sh")) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        // The guest's CPU stands still, so nothing but this ends it.
        start.Environment["QEMU_ARGS"] = "-S";
        start.Environment["MEMORY"] = "128";
        using Process run = Process.Start(start)!;
        Task drained = Task.WhenAll(run.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), run.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        string socket = $"firewire-{run.Id}.sock";
        try
        {
            // QEMU itself, not the script or the time limit around it, which have the same words.
            await Until(() => Members(socket).Any(IsModel) && Members(socket).Any(IsQemu));
            int target = victim == "run.sh" ? run.Id : Members(socket).First(victim == "QEMU" ? IsQemu : IsModel).Id;
            Assert.Equal(0, LinuxGuest.Run("kill", [$"-{signal}", $"{target}"], out _));
            await Until(() => !Members(socket).Any(IsModel));
            if (victim == "QEMU")
            {
                await run.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(_patience, TestContext.Current.CancellationToken);
                Assert.NotEqual(0, run.ExitCode);
                Assert.Empty(Members(socket));
                Assert.False(File.Exists(Path.Combine(root, "out", socket)));
            }
        }
        finally
        {
            if (!run.HasExited)
                run.Kill();
            foreach ((int id, _) in Members(socket))
                LinuxGuest.Run("kill", ["-KILL", $"{id}"], out _);
            File.Delete(Path.Combine(root, "out", socket));
        }
        await drained.WaitAsync(_patience, TestContext.Current.CancellationToken);

        static bool IsModel((int Id, string[] Words) process) => process.Words[0].EndsWith("dotnet", StringComparison.Ordinal);

        static bool IsQemu((int Id, string[] Words) process) => process.Words.Any(word => word.EndsWith("qemu-system-x86_64", StringComparison.Ordinal)) &&
            !process.Words.Any(word => word.EndsWith(".sh", StringComparison.Ordinal));
    }

    // Processes whose command line names the socket.
    private static List<(int Id, string[] Words)> Members(string socket)
    {
        var found = new List<(int, string[])>();
        foreach (string folder in Directory.EnumerateDirectories("/proc").Where(folder => char.IsAsciiDigit(Path.GetFileName(folder)[0])))
        {
            try
            {
                string line = File.ReadAllText(Path.Combine(folder, "cmdline"));
                if (line.Contains(socket, StringComparison.Ordinal))
                    found.Add((int.Parse(Path.GetFileName(folder), System.Globalization.CultureInfo.InvariantCulture), line.TrimEnd('\0').Split('\0')));
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It ended meanwhile, or is somebody else's.
            }
        }
        return found;
    }

    private static async Task Until(Func<bool> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(watch.Elapsed < _patience, "it does not happen");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
