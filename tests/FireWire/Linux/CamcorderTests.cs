using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Sluice.FireWire.Dv;
using Sluice.FireWire.Tool;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>The camcorder judged by dvgrab: it finds and starts it, and ten seconds are byte for byte what was played.</summary>
public sealed class CamcorderTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(15);

    [Theory]
    [InlineData("q35", 1, "on", "pal")]
    [InlineData("pc", 2, "off", "ntsc")]
    public async Task Dvgrab_captures_ten_seconds(string machine, int cpus, string msi, string name)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "make test-firewire-model and make test-all run this");
        string? whyNot = LinuxGuest.WhyNot("dv-init");
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
        DvSystem system = name == "pal" ? DvSystem.Pal : DvSystem.Ntsc;
        int frames = 10 * system.FramesPerSecond;
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string socket = Path.Combine(folder.FullName, "controller");
            // The bus waits for the guest: a twentieth of its speed.
            using var model = new Sluice.FireWire.Tool.Model(
                Options.Parse(["--controller", $"{socket},name=host,msi={msi}", "--node", $"camcorder,name=camcorder,system={name}", "--bus-speed", "0.05"]), _ => { });
            using LinuxGuest guest = LinuxGuest.Start(socket, ["-machine", $"{machine},accel=tcg", "-cpu", "max", "-smp", $"{cpus}"], "", "dv-init");
            Assert.True(await guest.SeesAsync("done", _patience), guest.Said);
            string[] results = [.. guest.Results];
            Assert.True(results.Contains($"file /capture001.dv {frames * system.FrameBytes}"), guest.Said);
            string time = Assert.Single(results, line => line.StartsWith("time 13", StringComparison.Ordinal))[7..];
            int first = FrameOf(system, time);
            Assert.True(results.Contains($"sum {Sum(system, first, frames)}"), $"not frames {first} and following:\n{guest.Said}");
            Assert.DoesNotContain(results, line => line.Contains("dropped", StringComparison.OrdinalIgnoreCase) || line.Contains("damaged", StringComparison.OrdinalIgnoreCase));
            Assert.Equal(0, model.Devices[0].Controller.IsochronousLost);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Frames, seconds, minutes, hours.
    private static int FrameOf(DvSystem system, string digits)
    {
        int[] parts = [.. Enumerable.Range(0, 4).Select(i => int.Parse(digits.AsSpan(i * 2, 2), CultureInfo.InvariantCulture))];
        return (((((parts[3] * 60) + parts[2]) * 60) + parts[1]) * system.FramesPerSecond) + parts[0];
    }

    private static string Sum(DvSystem system, int first, int frames)
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var frame = new byte[system.FrameBytes];
        for (int i = 0; i < frames; i++)
        {
            DvFrame.Draw(system, first + i, frame);
            sum.AppendData(frame);
        }
        return Convert.ToHexStringLower(sum.GetHashAndReset());
    }
}
