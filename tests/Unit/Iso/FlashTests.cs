using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Xunit;

namespace Sluice.Tests.Iso;

/// <summary>
/// iso/flash.sh against made-up sys, dev and proc folders, where the stick is a plain file. Each refusal is tried on a machine
/// that differs in one thing from the one where the script writes, and the stick must not have changed.
/// </summary>
public sealed class FlashTests : IDisposable
{
    private const string Link = "/dev/disk/by-id/usb-Maker_Stick_4C53-0:0", Serial = "4C53", OnUsb = "sys/devices/pci0/usb1/1-2/host6/block/sdx";
    private const int StickBytes = 8 << 20;

    private readonly string _root = Directory.CreateTempSubdirectory("sluice-flash-").FullName;
    private readonly byte[] _image = new byte[(1 << 20) + 2048];   // not a multiple of the block that is written at once
    private readonly byte[] _before = new byte[StickBytes];

    public FlashTests()
    {
        new Random(1).NextBytes(_image);
        new Random(2).NextBytes(_before);
        File.WriteAllBytes(In("image"), _image);
        Directory.CreateDirectory(In("dev/disk/by-id"));
        File.WriteAllBytes(In("dev/sdx"), _before);
        File.CreateSymbolicLink(In(Link), "../../sdx");
        Put("proc/self/mountinfo", "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n");
        Put("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 1 0 -2\n");
        PlugIn(OnUsb);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Writes_compares_and_leaves_the_rest_of_the_stick_alone()
    {
        (int status, string said) = Flash(Serial);
        Assert.True(status == 0, said);
        Assert.Contains("written and compared", said);
        Assert.Equal(_image.Concat(_before.Skip(_image.Length)), File.ReadAllBytes(In("dev/sdx")));
    }

    [Fact]
    public void Shows_model_serial_and_size_and_writes_nothing_in_a_dry_run()
    {
        (int status, string said) = Flash("", "--dry-run");
        Assert.Equal(0, status);
        Assert.Contains("Maker Stick 3000, 8 MB, serial 4C53", said);
        AssertUntouched();
    }

    [Fact]
    public void Names_the_disk_where_a_stick_has_no_serial_number_and_takes_none_from_the_hub()
    {
        File.Delete(In("sys/devices/pci0/usb1/1-2/serial"));
        Put("sys/devices/pci0/usb1/serial", "0000:00:14.0\n");
        AssertRefusal("not its name", "0000:00:14.0");
        Assert.Equal(0, Flash("sdx").Status);
    }

    [Theory]
    [InlineData("")]
    [InlineData("y")]
    [InlineData("4c53")]
    [InlineData("4C53x")]
    public void Refuses_when_the_serial_number_is_not_typed(string typed) => AssertRefusal("not its serial number", typed);

    [Fact]
    public void Refuses_a_name_that_depends_on_the_order_of_plugging()
    {
        (int status, string said) = Run(Serial, "/dev/sdx");
        Assert.Equal(1, status);
        Assert.Contains("no stable name", said);
        Assert.Contains(Link, said);             // and tells the one to use
        AssertUntouched();
    }

    [Fact]
    public void Refuses_a_path_that_leads_out_of_the_stable_names()
    {
        Assert.Equal(1, Run(Serial, "/dev/disk/by-id/../../sdx").Status);
        AssertUntouched();
    }

    [Fact]
    public void Refuses_what_is_not_plugged_in()
    {
        File.Delete(In(Link));
        AssertRefusal("is not there");
    }

    [Fact]
    public void Refuses_a_partition()
    {
        Put(OnUsb + "/partition", "1\n");
        AssertRefusal("give the whole disk");
    }

    [Fact]
    public void Refuses_a_disk_that_is_not_on_usb()
    {
        PlugIn("sys/devices/pci0/ata1/host0/block/sdx");
        AssertRefusal("not on USB");
    }

    [Theory]
    [InlineData("removable", "0", "removable")]
    [InlineData("ro", "1", "write-protected")]
    [InlineData("size", "0", "no medium")]
    [InlineData("size", "2048", "too small")]
    [InlineData("size", "268435457", "128 GiB, more than 128")]
    public void Refuses_by_what_the_disk_says(string attribute, string value, string why)
    {
        Put($"{OnUsb}/{attribute}", value + "\n");
        AssertRefusal(why);
    }

    [Fact]
    public void Takes_a_larger_stick_when_told_so()
    {
        Put(OnUsb + "/size", "268435457\n");
        Assert.Equal(0, Flash(Serial, "--max-gib", "200").Status);
    }

    [Theory]
    [InlineData("40 22 8:160 / /media/stick rw - vfat /dev/sdx rw", "sdx is mounted: /media/stick")]
    [InlineData("40 22 8:161 / /media/stick rw shared:7 master:2 - vfat /dev/sdx1 rw", "sdx1 is mounted: /media/stick")]
    [InlineData("40 22 0:44 /@ / rw - btrfs /dev/sdx1 rw", "sdx1 is mounted: /")]
    public void Refuses_a_disk_that_is_mounted(string mount, string why)
    {
        File.AppendAllText(In("proc/self/mountinfo"), mount + "\n");
        AssertRefusal(why);
    }

    [Fact]
    public void Refuses_swap_space()
    {
        File.AppendAllText(In("proc/swaps"), "/dev/sdx1 partition 1 0 -3\n");
        AssertRefusal("swap");
    }

    [Fact]
    public void Refuses_a_disk_that_something_is_built_on()
    {
        Directory.CreateDirectory(In(OnUsb + "/sdx1/holders/dm-0"));
        AssertRefusal("part of dm-0");
    }

    [Fact]
    public void Refuses_when_the_stick_was_swapped_before_the_answer()
    {
        // `read` takes the answer from a command that swaps the stick first.
        string swap = $"echo OTHER > {In("sys/devices/pci0/usb1/1-2/serial")}; echo {Serial}";
        (int status, string said) = Bash($"{{ sleep 1; {swap}; }} | '{Script}' --image '{In("image")}' '{Link}'");
        Assert.Equal(1, status);
        Assert.Contains("another disk", said);
        AssertUntouched();
    }

    [Fact]
    public void Tells_a_stick_that_does_not_keep_what_is_written()
    {
        // A dd that damages one byte after writing.
        Put("bin/dd", $"#!/bin/bash\n/bin/dd \"$@\" || exit\ncase \"$*\" in *of=*) printf X | /bin/dd of={In("dev/sdx")} bs=1 seek=70000 conv=notrunc status=none ;; esac\n");
        Bash($"chmod +x '{In("bin/dd")}'");
        (int status, string said) = Flash(Serial);
        Assert.Equal(1, status);
        Assert.Contains("broken", said);
    }

    [Fact]
    public void Lists_the_sticks_when_none_is_named()
    {
        (int status, string said) = Bash($"'{Script}' --image '{In("image")}'");
        Assert.Equal(2, status);
        Assert.Contains(Link, said);
    }

    private static string Script
    {
        get
        {
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder!.FullName, "iso", "flash.sh"))) folder = folder.Parent;
            return Path.Combine(folder.FullName, "iso", "flash.sh");
        }
    }

    private string In(string path) => Path.Combine(_root, path.TrimStart('/'));

    private void Put(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(path))!);
        File.WriteAllText(In(path), text);
    }

    /// <summary>Makes <paramref name="block"/> the folder of the disk sdx with one partition.</summary>
    private void PlugIn(string block)
    {
        Put(block + "/removable", "1\n");
        Put(block + "/ro", "0\n");
        Put(block + "/size", $"{StickBytes / 512}\n");
        Put(block + "/dev", "8:160\n");
        Put(block + "/device/vendor", "Maker   \n");
        Put(block + "/device/model", "Stick 3000      \n");
        Put(block + "/sdx1/partition", "1\n");
        Put(block + "/sdx1/dev", "8:161\n");
        Put("sys/devices/pci0/usb1/idVendor", "1d6b\n");
        Put("sys/devices/pci0/usb1/1-2/idVendor", "0781\n");
        Put("sys/devices/pci0/usb1/1-2/serial", Serial + "\n");
        Directory.CreateDirectory(In("sys/class/block"));
        foreach (string part in (string[])["", "/sdx1"])
        {
            string link = In("sys/class/block/" + (part.Length == 0 ? "sdx" : part[1..]));
            File.Delete(link);
            File.CreateSymbolicLink(link, In(block + part));
        }
    }

    private void AssertRefusal(string why, string typed = Serial)
    {
        (int status, string said) = Flash(typed);
        Assert.Equal(1, status);
        Assert.Contains(why, said);
        AssertUntouched();
    }

    private void AssertUntouched() => Assert.Equal(_before, File.ReadAllBytes(In("dev/sdx")));

    private (int Status, string Said) Flash(string typed, params string[] options) => Run(typed, Link, options);

    private (int Status, string Said) Run(string typed, string link, params string[] options) =>
        Bash($"echo '{typed}' | '{Script}' {string.Join(' ', options)} --image '{In("image")}' '{link}'");

    private (int Status, string Said) Bash(string command)
    {
        var start = new ProcessStartInfo("timeout") { RedirectStandardOutput = true, RedirectStandardInput = true };
        foreach (string word in (string[])["60", "bash", "-c", $"set -o pipefail; {{ {command}; }} 2>&1"]) start.ArgumentList.Add(word);
        start.Environment["SLUICE_FLASH_ROOT"] = _root;
        start.Environment["PATH"] = In("bin") + ":" + Environment.GetEnvironmentVariable("PATH");
        using Process shell = Process.Start(start)!;
        shell.StandardInput.Close();
        string said = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        return (shell.ExitCode, said);
    }
}
