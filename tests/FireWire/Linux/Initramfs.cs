using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>What a script in this folder needs beside busybox.</summary>
/// <param name="Modules">Of Linux; what those need comes with them.</param>
/// <param name="Sources">Programs in C in this folder, by name.</param>
/// <param name="Libraries">What they are linked with; then they are dynamic, and the shared libraries come along.</param>
/// <param name="Programs">Paths of programs on this machine.</param>
/// <param name="Sign">A file that is there when all that is installed, or null; iso/setup.sh linux gets it.</param>
internal sealed record Contents(string[] Modules, string[] Sources, string[] Libraries, string[] Programs, string? Sign)
{
    public static Contents For(string init) => init switch
    {
        "bench-init" => new(["firewire-ohci", "firewire-sbp2", "sd_mod", "crc32c_generic"], ["bench"], [], [], null),
        "disk-init" => new(["firewire-ohci", "firewire-sbp2", "sd_mod", "crc32c_generic", "ext4"], [], [], [], null),
        "shape-init" => new(["firewire-ohci"], ["topology"], [], [], null),
        "reboot-init" => new(["firewire-ohci", "firewire-sbp2", "sd_mod", "crc32c_generic"], ["transactions"], [], [], null),
        "shell-init" => new(["firewire-ohci", "firewire-sbp2", "sd_mod", "crc32c_generic"], ["topology", "transactions", "serve"], [], [], null),
        "camera-init" => new(["firewire-ohci"], ["camera"], ["dc1394"], [], "/usr/include/dc1394/dc1394.h"),
        "dv-init" => new(["firewire-ohci"], [], [], ["/usr/bin/dvgrab"], "/usr/bin/dvgrab"),
        "iso-init" => new(["firewire-ohci"], [], [], ["/usr/bin/sendiso", "/usr/bin/dumpiso"], "/usr/bin/sendiso"),
        "net-init" => new(["firewire-ohci", "firewire-net"], [], [], [], null),
        "sluice-net-init" => new(["firewire-ohci", "firewire-net"], [], [], ["/usr/sbin/dnsmasq"], "/usr/sbin/dnsmasq"),
        "hostile-init" => new(["firewire-ohci", "firewire-net"], ["transactions"], [], [], null),
        "libraw-init" => new(["firewire-ohci"], [], [], ["/usr/bin/testlibraw"], "/usr/bin/testlibraw"),
        _ => new(["firewire-ohci"], ["transactions", "streams"], [], [], null),
    };
}

/// <summary>The first file system of a Linux guest, made from Debian's packages on this machine.</summary>
internal static partial class Initramfs
{
    /// <summary>Makes one.</summary>
    /// <param name="folder">For what is compiled.</param>
    /// <param name="file">Is /file, or nothing is.</param>
    public static void Make(string root, string release, string path, string folder, string init, byte[]? file)
    {
        var contents = Contents.For(init);
        string[] modules = [.. Files(release, contents.Modules)], programs = [.. contents.Programs];
        using var archive = new NewcArchive(File.Create(path));
        foreach (string name in (string[])["bin", "proc", "sys", "dev", "m", "lib", "lib/x86_64-linux-gnu", "lib64", "usr", "usr/bin", "usr/sbin", "etc"])
            archive.AddFolder(name);
        archive.AddProgram("bin/busybox", File.ReadAllBytes("/bin/busybox"));
        archive.AddProgram("init", File.ReadAllBytes(Path.Combine(root, "tests/FireWire/Linux", init)));
        if (file != null)
            archive.AddProgram("file", file);
        foreach (string name in contents.Sources)
        {
            string program = Path.Combine(folder, name);
            string[] libraries = [.. contents.Libraries.Select(library => "-l" + library)];
            Assert.Equal(0, LinuxGuest.Run("gcc", ["-O2", .. libraries.Length == 0 ? ["-static"] : (string[])[], "-Wall", "-Werror", "-o", program,
                Path.Combine(root, $"tests/FireWire/Linux/{name}.c"), .. libraries], out _));
            archive.AddProgram(name, File.ReadAllBytes(program));
            if (libraries.Length != 0)
                programs = [.. programs, .. SharedLibraries(program)];
        }
        foreach (string program in programs.Concat(contents.Programs.SelectMany(SharedLibraries)).Distinct())
            archive.AddProgram(program[1..], File.ReadAllBytes(program));
        foreach (string module in modules)
            archive.AddProgram(Path.GetFileName(module), File.ReadAllBytes(module));
        archive.AddProgram("modules", Encoding.ASCII.GetBytes(string.Join('\n', modules.Select(Path.GetFileNameWithoutExtension))));
    }

    private static IEnumerable<string> SharedLibraries(string program)
    {
        Assert.Equal(0, LinuxGuest.Run("ldd", [program], out string lines));
        return LibraryPath().Matches(lines).Select(match => match.Value);
    }

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

    [GeneratedRegex(@"/lib\S+")]
    private static partial Regex LibraryPath();
}
