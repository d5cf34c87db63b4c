using System;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.FireWire.Iidc;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>The model's camera, as somebody sees it who types <c>fw camera</c>.</summary>
public sealed class FireWireCameraTests
{
    // White, yellow, cyan, green, magenta, red, blue, black.
    private static readonly int[] _bars = [0xFFFFFF, 0xFFFF00, 0x00FFFF, 0x00FF00, 0xFF00FF, 0xFF0000, 0x0000FF, 0x000000];

    [Theory]
    [InlineData("fw643", 512, "")]
    [InlineData("vt6306", 6144, "dma=bounce")]
    [InlineData("xio2213", 512, "dma=check")]
    public async Task Frames_of_all_modes_are_those_that_were_sent_and_are_seen_on_the_screen(string card, int mebibytes, string arguments)
    {
        // Frames come in real time: half of it, so that a machine that is emulated in full keeps up.
        using var bus = new FireWireModelBus([$"host,card={card}"],
            "--bus-speed", "0.5", "--node", "memory,name=memory", "--node", "camera,name=camera");
        await using Machine machine = await Machine.Start($"firewire-camera-{card}", new MachineSetup
        {
            MemoryMiB = mebibytes,
            Arguments = arguments,
            SharesMemory = true,
            More = bus.Device("host"),
        });
        await machine.WaitForPrompt();
        await FireWireModelBus.Seen(machine, "Sluice Camera");
        for (int mode = 0; mode < VideoMode.Count; mode++)
            Check(mode, 2, await FireWireVideo.Frames(machine, $"fw camera 3 {mode} 2"));
        Assert.Contains("no such mode or rate", await machine.Shell("fw camera 1 0 7"));

        await FireWireVideo.IsSeen(machine, bus.Model, "fw camera 0 4 1", screen => Bars(screen).SequenceEqual(_bars));
        if (arguments == "dma=check") Assert.DoesNotContain("dma check:", machine.Console);
    }

    private static void Check(int mode, int rate, string said)
    {
        VideoMode video = VideoMode.Of(mode);
        Assert.Contains($"{video.Width} x {video.Height}, ", said);
        Assert.Contains($"{(1875 << rate) / 1000.0:f3} frames/s", said);
        Match last = Regex.Match(said, "begins with ([0-9a-f]{8}), SHA-256 ([0-9a-f]{64})");
        byte[] picture = new byte[video.FrameBytes];
        TestPicture.Draw(video, uint.Parse(last.Groups[1].Value, NumberStyles.HexNumber), 128, picture);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(picture)), last.Groups[2].Value);
        Assert.Matches("dropped: damaged 0, short 0, long 0, ", said);
    }

    private static int[] Bars(Screen screen) => [.. Enumerable.Range(0, 8).Select(bar => screen[screen.Width - 640 + (bar * 80) + 40, 100])];
}
