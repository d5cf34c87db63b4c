using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.FireWire.Iidc;
using Sluice.FireWire.Tool;
using Xunit;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>The camera judged by libdc1394: every frame comes, in order, and is what was sent.</summary>
public sealed class CameraTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(15);

    [Theory]
    [InlineData("q35", 1, "on", 5, 4)]
    [InlineData("pc", 2, "off", 4, 3)]
    [InlineData("q35", 2, "off", 1, 4)]
    public async Task Libdc1394_grabs_a_hundred_frames(string machine, int cpus, string msi, int mode, int rate)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "make test-firewire-model and make test-all run this");
        const int frames = 100;
        string? whyNot = LinuxGuest.WhyNot("camera-init");
        Assert.SkipWhen(whyNot != null, whyNot ?? "");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string socket = Path.Combine(folder.FullName, "controller");
            // The bus waits for the guest: a fifth of its speed.
            using var model = new Sluice.FireWire.Tool.Model(
                Options.Parse(["--controller", $"{socket},name=host,msi={msi}", "--node", "camera,name=camera,guid=0x52540066778899cc", "--bus-speed", "0.2"]), _ => { });
            using LinuxGuest guest = LinuxGuest.Start(socket, ["-machine", $"{machine},accel=tcg", "-cpu", "max", "-smp", $"{cpus}"],
                $"mode={mode} rate={rate} frames={frames}", "camera-init");
            Assert.True(await guest.SeesAsync("done", _patience), guest.Said);
            string[] results = [.. guest.Results];
            Assert.Contains("ok grabbed", results);
            Assert.DoesNotContain(results, line => line.StartsWith("not ok", StringComparison.Ordinal));
            Assert.Contains("camera 52540066778899cc Sluice, Test pictures, IIDC 548", results);
            for (int i = 0; i < VideoMode.Count; i++)
                Assert.Contains($"mode {i} rates {Enumerable.Range(0, 8).Count(n => VideoMode.Of(i).HasRate(n))}", results);
            Assert.Contains("brightness 128", results);
            (uint Number, ulong Hash)[] grabbed = [.. results.Where(line => line.StartsWith("frame ", StringComparison.Ordinal)).Select(line => line.Split(' '))
                .Select(words => (uint.Parse(words[1], CultureInfo.InvariantCulture), ulong.Parse(words[2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)))];
            Assert.Equal(Enumerable.Range(0, frames).Select(i => grabbed[0].Number + (uint)i), grabbed.Select(frame => frame.Number));
            var wanted = new byte[VideoMode.Of(mode).FrameBytes];
            foreach ((uint number, ulong hash) in grabbed)
            {
                TestPicture.Draw(VideoMode.Of(mode), number, 128, wanted);
                Assert.Equal(Hash(wanted), hash);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // FNV-1a, 64 bits.
    private static ulong Hash(byte[] bytes)
    {
        ulong value = 14695981039346656037;
        foreach (byte one in bytes)
            value = (value ^ one) * 1099511628211;
        return value;
    }
}
