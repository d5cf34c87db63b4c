using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.FireWire.Iidc;
using Sluice.FireWire.Tool;
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
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string socket = Path.Combine(folder.FullName, "controller");
            // Frames come in real time: half of it, so that a machine that is emulated in full keeps up.
            using var model = new Model(Options.Parse(
            [
                "--bus-speed", "0.5", "--controller", $"{socket},name=host,card={card}", "--node", "memory,name=memory", "--node", "camera,name=camera",
            ]), _ => { });
            await using Machine machine = await Machine.Start($"firewire-camera-{card}", new MachineSetup
            {
                MemoryMiB = mebibytes,
                Arguments = arguments,
                SharesMemory = true,
                More = ["-device", $"{{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"{socket}\"}}}}"],
            });
            await machine.WaitForPrompt();
            while (!(await machine.Shell("fw")).Contains("Sluice Camera")) await machine.Pause(TimeSpan.FromMilliseconds(100));
            for (int mode = 0; mode < VideoMode.Count; mode++)
                Check(mode, 2, await Frames(machine, $"fw camera 3 {mode} 2"));
            Assert.Contains("no such mode or rate", await machine.Shell("fw camera 1 0 7"));

            await Seen(machine, model);
            if (arguments == "dma=check") Assert.DoesNotContain("dma check:", machine.Console);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // A reset of the bus manager's may come in between, or a frame too late for a slow host: then once more.
    private static async Task<string> Frames(Machine machine, string command)
    {
        string said;
        do said = await machine.Shell(command);
        while (!said.Contains("SHA-256"));
        return said;
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

    // It goes on over bus resets until a key is pressed; then the text is back.
    private static async Task Seen(Machine machine, Model model)
    {
        int from = machine.Console.Length;
        await machine.Type("fw camera 0 4 1\r"u8.ToArray());
        await machine.WaitForConsole("any key ends it", from);
        for (int i = 0; i < 2; i++)
        {
            Screen screen;
            do
            {
                await machine.Pause(TimeSpan.FromMilliseconds(500));
                screen = await machine.Photograph("camera");
            }
            while (!Bars(screen).SequenceEqual(_bars));
            model.Do(() => model.Bus.Phys.Single(phy => phy.Name == "memory").InitiateReset(isLong: i == 0));
        }
        await machine.Type(" "u8.ToArray());
        await machine.WaitForConsole("frames seen", from);
        await machine.WaitForScreen(rows => rows.Any(row => row.Contains("frames seen")));
        Assert.NotEqual(_bars, Bars(await machine.Photograph("after")));
    }

    // The middle of each bar, near the top.
    private static int[] Bars(Screen screen) => [.. Enumerable.Range(0, 8).Select(bar => screen[screen.Width - 640 + (bar * 80) + 40, 100])];
}
