using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>The image as a file: its size, and the tables that make it a CD, a BIOS disk and a UEFI disk at once.</summary>
public sealed class IsoTests
{
    private const int ImageLimit = 8 << 20, KernelLimit = 768 << 10;   // bytes

    private static readonly string _iso = new MachineSetup().Iso;

    [Fact]
    public void Is_no_larger_than_8_MiB() => Assert.InRange(new FileInfo(_iso).Length, 1, ImageLimit);

    [Fact]
    public async Task The_kernel_without_debug_information_is_no_larger_than_768_KiB()
    {
        byte[] kernel = await ExtractKernel("extracted.elf");
        Assert.True(kernel.AsSpan().StartsWith("\u007fELF"u8));
        Assert.Equal(-1, kernel.AsSpan().IndexOf(".debug_info"u8));
        Assert.InRange(kernel.Length, 1, KernelLimit);
    }

    /// <summary>The kernel as it lies on the image, by way of a file of that name under out/boot.</summary>
    internal static async Task<byte[]> ExtractKernel(string file)
    {
        string extracted = Path.Combine(ProjectTree.Out, "boot", file);
        Directory.CreateDirectory(Path.GetDirectoryName(extracted)!);
        File.Delete(extracted);
        await Tool.Succeed("xorriso", "-osirrox", "on", "-indev", _iso, "-extract", "/boot/sluice.elf", extracted);
        return await File.ReadAllBytesAsync(extracted);
    }

    [Fact]
    public void Its_partition_tables_hold_what_a_stick_needs()
    {
        var disk = new DiskImage(File.ReadAllBytes(_iso));
        DiskImage.Partition system = Assert.Single(disk.Gpt(), p => p.Type == DiskImage.EfiSystem);
        Assert.True(system.Last - system.First >= 64, "the EFI system partition holds a boot loader");
        Assert.NotEmpty(disk.Mbr());
    }

    [Fact]
    public async Task It_has_boot_entries_for_CD_under_BIOS_and_UEFI()
    {
        string report = await Tool.Succeed("xorriso", "-indev", _iso, "-report_el_torito", "plain");
        string[] images = [.. report.Split('\n').Where(line => line.StartsWith("El Torito boot img", StringComparison.Ordinal))];
        Assert.Contains(images, line => line.Contains(" BIOS ") && line.Contains(" y "));
        Assert.Contains(images, line => line.Contains(" UEFI ") && line.Contains(" y "));
    }

    [Fact]
    public async Task The_same_kernel_gives_the_same_image()
    {
        string again = Path.Combine(ProjectTree.Out, "boot", "again.iso");
        Directory.CreateDirectory(Path.GetDirectoryName(again)!);
        await Tool.Succeed(ProjectTree.In("iso", "make-iso.sh"), ProjectTree.In("iso", "sluice.elf"), again);
        Assert.Equal(await File.ReadAllBytesAsync(_iso, TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(again, TestContext.Current.CancellationToken));
    }
}
