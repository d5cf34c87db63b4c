using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>Debian's Linux with its FireWire drivers in QEMU, from an initramfs that is made here.</summary>
internal sealed class LinuxGuest : IDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly Process _qemu;
    private readonly List<string> _lines = [];

    private LinuxGuest(DirectoryInfo folder, Process qemu)
    {
        _folder = folder;
        _qemu = qemu;
    }

    /// <summary>What it said so far.</summary>
    public string Said => string.Join('\n', _lines);

    /// <summary>The lines of results: those that begin with FW.</summary>
    public IEnumerable<string> Results => _lines.Where(line => line.StartsWith("FW ", StringComparison.Ordinal)).Select(line => line[3..]);

    /// <summary>Why this machine cannot; null if it can.</summary>
    public static string? WhyNot()
    {
        if (FindRelease() == null)
            return "Debian's kernel is missing; iso/setup.sh linux gets it";
        if (!File.Exists("/bin/busybox"))
            return "busybox-static is missing; iso/setup.sh linux gets it";
        if (Run("gcc", "--version") != 0)
            return "gcc is missing; iso/setup.sh linux gets it";
        return Run(Path.Combine(Root, "iso/qemu.sh"), "-device", "vfio-user-pci,help") != 0 ? "this QEMU has no vfio-user-pci" : null;
    }

    /// <summary>Boots it.</summary>
    /// <param name="socket">The controller's.</param>
    /// <param name="machine">QEMU's machine type and what belongs to it.</param>
    /// <param name="kernelArguments">Read by the kernel and by init.</param>
    /// <param name="init">The script in this folder that it runs; what it needs is told by <see cref="Contents"/>.</param>
    public static LinuxGuest Start(string socket, string[] machine, string kernelArguments, string init = "init")
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-linux");
        string release = FindRelease()!, initramfs = Path.Combine(folder.FullName, "initramfs");
        MakeInitramfs(release, initramfs, folder.FullName, init);
        var start = new ProcessStartInfo(Path.Combine(Root, "iso/qemu.sh")) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments =
        [
            .. machine, "-nodefaults", "-display", "none", "-no-reboot", "-m", "512M", "-machine", "memory-backend=ram",
            "-object", "memory-backend-memfd,id=ram,size=512M,share=on", "-serial", "stdio", "-kernel", $"/boot/vmlinuz-{release}", "-initrd", initramfs,
            "-append", $"console=ttyS0 quiet mitigations=off {kernelArguments}",
            "-device", $"{{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"{socket}\"}}}}",
        ];
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        return new LinuxGuest(folder, Process.Start(start)!);
    }

    /// <summary>Reads what it says until a line of results begins with something.</summary>
    /// <returns>False if it ended, or nothing came for too long.</returns>
    public async Task<bool> SeesAsync(string result, TimeSpan patience)
    {
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < patience)
        {
            Task<string?> next = _qemu.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask();
            if (await Task.WhenAny(next, Task.Delay(patience - watch.Elapsed, TestContext.Current.CancellationToken)) != next || await next is not { } line)
                return false;
            _lines.Add(line.TrimEnd('\r'));
            if (_lines[^1].StartsWith("FW " + result, StringComparison.Ordinal))
                return true;
        }
        return false;
    }

    public void Dispose()
    {
        if (!_qemu.HasExited)
            _qemu.Kill();
        _qemu.WaitForExit();
        _qemu.Dispose();
        _folder.Delete(recursive: true);
    }

    private static string Root { get; } = FindRoot();

    private static void MakeInitramfs(string release, string path, string folder, string init)
    {
        (string[] modules, string[] programs) = Contents(init);
        string[] files = [.. Files(release, modules)];
        using var archive = new NewcArchive(File.Create(path));
        foreach (string name in (string[])["bin", "proc", "sys", "dev", "m"])
            archive.AddFolder(name);
        archive.AddProgram("bin/busybox", File.ReadAllBytes("/bin/busybox"));
        archive.AddProgram("init", File.ReadAllBytes(Path.Combine(Root, "tests/FireWire/Linux", init)));
        foreach (string name in programs)
        {
            string program = Path.Combine(folder, name);
            Assert.Equal(0, Run("gcc", "-O2", "-static", "-Wall", "-Werror", "-o", program, Path.Combine(Root, $"tests/FireWire/Linux/{name}.c")));
            archive.AddProgram(name, File.ReadAllBytes(program));
        }
        foreach (string file in files)
            archive.AddProgram(Path.GetFileName(file), File.ReadAllBytes(file));
        archive.AddProgram("modules", Encoding.ASCII.GetBytes(string.Join('\n', files.Select(Path.GetFileNameWithoutExtension))));
    }

    // Modules of Linux and programs of this folder that a script uses.
    private static (string[] Modules, string[] Programs) Contents(string init) => init switch
    {
        "disk-init" => (["firewire-ohci", "firewire-sbp2", "sd_mod", "crc32c_generic", "ext4"], []),
        _ => (["firewire-ohci"], ["transactions", "streams"]),
    };

    // All that modules need, before what needs it.
    private static IEnumerable<string> Files(string release, string[] modules)
    {
        string root = $"/lib/modules/{release}";
        Dictionary<string, string[]> needs = File.ReadLines(Path.Combine(root, "modules.dep")).Select(line => line.Split(':'))
            .ToDictionary(line => line[0], line => line[1].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        var files = new List<string>();
        foreach (string module in modules)
            Add(needs.Keys.Single(path => Path.GetFileName(path) == module + ".ko"));
        return files.Select(path => Path.Combine(root, path));

        void Add(string path)
        {
            if (files.Contains(path))
                return;
            foreach (string other in needs[path])
                Add(other);
            files.Add(path);
        }
    }

    private static string? FindRelease() => !Directory.Exists("/lib/modules") ? null : Directory.EnumerateDirectories("/lib/modules")
        .Select(folder => Path.GetFileName(folder)!)
        .Where(release => File.Exists($"/boot/vmlinuz-{release}") && Directory.Exists($"/lib/modules/{release}/kernel/drivers/firewire"))
        .Order().LastOrDefault();

    private static int Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.StandardOutput.ReadToEnd();
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
}
