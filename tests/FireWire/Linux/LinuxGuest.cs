using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>Debian's Linux with its FireWire drivers in QEMU, from an initramfs that is made here.</summary>
internal sealed partial class LinuxGuest : IDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly Process _qemu;
    private readonly List<string> _lines = [];
    private bool _isDisposed;

    private LinuxGuest(DirectoryInfo folder, Process qemu)
    {
        _folder = folder;
        _qemu = qemu;
    }

    /// <summary>What it said so far.</summary>
    public string Said => string.Join('\n', _lines);

    /// <summary>Whether its kernel stopped itself.</summary>
    public bool HasCrashed => _lines.Any(line => line.Contains("] BUG: ", StringComparison.Ordinal));

    /// <summary>The lines of results: those that begin with FW.</summary>
    public IEnumerable<string> Results => _lines.Where(line => line.StartsWith("FW ", StringComparison.Ordinal)).Select(line => line[3..]);

    /// <summary>Why this machine cannot; null if it can.</summary>
    /// <param name="init">The script that is to run.</param>
    public static string? WhyNot(string init = "init")
    {
        if (Contents.For(init).Sign is { } sign && !File.Exists(sign))
            return $"{sign} is missing; iso/setup.sh linux gets it";
        if (FindRelease() == null)
            return "Debian's kernel is missing; iso/setup.sh linux gets it";
        if (!File.Exists("/bin/busybox"))
            return "busybox-static is missing; iso/setup.sh linux gets it";
        if (Run("gcc", ["--version"], out _) != 0)
            return "gcc is missing; iso/setup.sh linux gets it";
        return Run(Path.Combine(Root, "iso/qemu.sh"), ["-device", "vfio-user-pci,help"], out _) != 0 ? "this QEMU has no vfio-user-pci" : null;
    }

    /// <summary>The words of a machine for <see cref="Start"/>: its type, CPUs, and whether it starts by UEFI or a BIOS.</summary>
    public static string[] Machine(string type, int cpus, bool isUefi)
    {
        string[] machine = ["-machine", $"{type},accel=tcg", "-cpu", "max", "-smp", $"{cpus}"];
        return !isUefi ? machine :
        [
            .. machine, "-drive", $"if=pflash,unit=0,format=raw,readonly=on,file={Firmware("--firmware")}",
            "-drive", $"if=pflash,unit=1,format=raw,snapshot=on,file={Firmware("--firmware-vars")}",
        ];

        static string Firmware(string which)
        {
            Assert.Equal(0, Run(Path.Combine(Root, "iso/qemu.sh"), [which], out string path));
            return path.Trim();
        }
    }

    /// <summary>Boots it.</summary>
    /// <param name="socket">The controller's.</param>
    /// <param name="machine">QEMU's machine type and what belongs to it.</param>
    /// <param name="kernelArguments">Read by the kernel and by init.</param>
    /// <param name="init">The script in this folder that it runs; <see cref="Contents"/> has what it needs.</param>
    /// <param name="file">Is /file there.</param>
    /// <param name="reboots">Whether it goes on when the guest reboots; else QEMU ends.</param>
    public static LinuxGuest Start(string socket, string[] machine, string kernelArguments, string init = "init", byte[]? file = null, bool reboots = false)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-linux");
        string release = FindRelease()!, initramfs = Path.Combine(folder.FullName, "initramfs");
        Initramfs.Make(Root, release, initramfs, folder.FullName, init, file);
        var start = new ProcessStartInfo(Path.Combine(Root, "iso/qemu.sh")) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments =
        [
            .. machine, "-nodefaults", "-display", "none", .. reboots ? [] : (string[])["-no-reboot"], "-m", "512M", "-machine", "memory-backend=ram",
            "-object", "memory-backend-memfd,id=ram,size=512M,share=on", "-serial", "stdio", "-kernel", $"/boot/vmlinuz-{release}", "-initrd", initramfs,
            "-append", $"console=ttyS0 quiet mitigations=off {kernelArguments}",
            "-device", $"{{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"{socket}\"}}}}",
        ];
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        return new LinuxGuest(folder, Process.Start(start)!);
    }

    /// <summary>Reads what it says until a line of results begins with something.</summary>
    /// <returns>False if it ended, its kernel crashed, or nothing came for too long.</returns>
    public async Task<bool> SeesAsync(string result, TimeSpan patience)
    {
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < patience)
        {
            Task<string?> next = _qemu.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask();
            if (await Task.WhenAny(next, Task.Delay(patience - watch.Elapsed, TestContext.Current.CancellationToken)) != next || await next is not { } line)
                return false;
            // OVMF leaves the screen's control sequences before the first line.
            _lines.Add(ControlSequence().Replace(line.TrimEnd('\r'), ""));
            if (_lines[^1].StartsWith("FW " + result, StringComparison.Ordinal))
                return true;
            if (HasCrashed && _lines[^1].Contains("---[ end trace", StringComparison.Ordinal))
                return false;
        }
        return false;
    }

    /// <summary>Has shell-init run a line; what it said, without the marks of results.</summary>
    public async Task<string[]> RunAsync(string line, TimeSpan patience)
    {
        int seen = Results.Count();
        await SendAsync(line);
        Assert.True(await SeesAsync("end", patience), Said);
        return [.. Results.Skip(seen).SkipLast(1)];
    }

    /// <summary>Has shell-init reboot the machine, and waits until it is ready again.</summary>
    public async Task<bool> RebootAsync(TimeSpan patience)
    {
        await SendAsync("$B reboot -f");
        return await SeesAsync("ready", patience);
    }

    private async Task SendAsync(string line)
    {
        await _qemu.StandardInput.WriteLineAsync(line.AsMemory(), TestContext.Current.CancellationToken);
        await _qemu.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Waits until QEMU has ended by itself.</summary>
    public Task EndsAsync(TimeSpan patience) => _qemu.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(patience, TestContext.Current.CancellationToken);

    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        if (!_qemu.HasExited)
            _qemu.Kill();
        _qemu.WaitForExit();
        _qemu.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>The project's folder.</summary>
    public static string Root { get; } = FindRoot();

    private static string? FindRelease() => !Directory.Exists("/lib/modules") ? null : Directory.EnumerateDirectories("/lib/modules")
        .Select(folder => Path.GetFileName(folder)!)
        .Where(release => File.Exists($"/boot/vmlinuz-{release}") && Directory.Exists($"/lib/modules/{release}/kernel/drivers/firewire"))
        .Order().LastOrDefault();

    /// <summary>Runs a program of this machine to its end.</summary>
    /// <returns>Its status; -1 if there is none such.</returns>
    public static int Run(string program, string[] arguments, out string output)
    {
        output = "";
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder != null && !File.Exists(Path.Combine(folder, "Kernel.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("not inside of the project");
    }

    [GeneratedRegex(@"\x1b\[[0-9;=?]*[A-Za-z]")]
    private static partial Regex ControlSequence();
}
