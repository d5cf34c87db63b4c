using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.FireWire.Dv;
using Sluice.FireWire.Tool;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>The model's camcorder, as somebody sees it who types <c>fw camera</c>.</summary>
public sealed class FireWireDvTests
{
    // What is seen of a color may be so much off: each block of the picture has a luminance of its own.
    private const int Tolerance = 24;

    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(200);

    [Theory]
    [InlineData("fw643", "ntsc", 512, "")]
    [InlineData("vt6306", "pal", 6144, "dma=bounce")]
    [InlineData("xio2213", "pal", 512, "dma=check")]
    public async Task Frames_are_those_that_were_played_and_are_seen_on_the_screen(string card, string name, int mebibytes, string arguments)
    {
        DvSystem system = name == "pal" ? DvSystem.Pal : DvSystem.Ntsc;
        DirectoryInfo folder = Directory.CreateTempSubdirectory("firewire-model");
        try
        {
            string socket = Path.Combine(folder.FullName, "controller");
            // Frames come in real time: half of it, so that a machine that is emulated in full keeps up.
            using var model = new Model(Options.Parse(
            [
                "--bus-speed", "0.5", "--controller", $"{socket},name=host,card={card}", "--node", "memory,name=memory", "--node", $"camcorder,name=camcorder,system={name}",
            ]), _ => { });
            await using Machine machine = await Machine.Start($"firewire-dv-{card}", new MachineSetup
            {
                MemoryMiB = mebibytes,
                Arguments = arguments,
                SharesMemory = true,
                More = ["-device", $"{{\"driver\":\"vfio-user-pci\",\"socket\":{{\"type\":\"unix\",\"path\":\"{socket}\"}}}}"],
            });
            await machine.WaitForPrompt();
            string tree;
            do tree = await machine.Shell("fw");
            while (!tree.Contains("Camcorder"));
            int node = int.Parse(Regex.Match(tree, @"(\d+)[^\n]*Camcorder").Groups[1].Value, CultureInfo.InvariantCulture);

            // A bus reset of the manager's may come in between: then once more.
            string said;
            do said = await machine.Shell($"fw camera @{node} 5");
            while (!said.Contains("SHA-256"));
            Assert.Matches("DV on channel [0-9]+ ", said);
            Assert.Contains(Regex.Match(said, "SHA-256 ([0-9a-f]{64})").Groups[1].Value, Enumerable.Range(0, 1000).Select(number => Sum(system, number)));
            Assert.Matches("streams: buffers [1-9][0-9]*; seconds with lost cycles [0-9]+, with inconsistent ones [0-9]+; ", await machine.Shell("fw stat"));
            Assert.Contains("no camera is there", await machine.Shell("fw camera @62"));

            await Seen(machine, model, system);
            if (arguments == "dma=check") Assert.DoesNotContain("dma check:", machine.Console);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Sum(DvSystem system, int number)
    {
        byte[] frame = new byte[system.FrameBytes];
        DvFrame.Draw(system, number, frame);
        return Convert.ToHexStringLower(SHA256.HashData(frame));
    }

    // It goes on over bus resets until a key is pressed; then the text is back.
    private static async Task Seen(Machine machine, Model model, DvSystem system)
    {
        int from = machine.Console.Length;
        await machine.Type("fw camera\r"u8.ToArray());
        await machine.WaitForConsole("any key ends it", from);
        for (int i = 0; i < 2; i++)
        {
            Screen screen;
            do
            {
                await machine.Pause(_pause);
                screen = await machine.Photograph("camera");
            }
            while (!HasBars(screen, system));
            model.Do(() => model.Bus.Phys.Single(phy => phy.Name == "memory").InitiateReset(isLong: i == 0));
        }
        await machine.Type(" "u8.ToArray());
        await machine.WaitForConsole("frames seen", from);
        await machine.WaitForScreen(rows => rows.Any(row => row.Contains("frames seen")));
        Assert.False(HasBars(await machine.Photograph("after"), system));
    }

    // The middle of each bar, in both rows of bars.
    private static bool HasBars(Screen screen, DvSystem system) => Enumerable.Range(0, 8).All(bar => new[] { 4, (TestBars.Lines(system) / 8) - 5 }.All(y =>
    {
        int x = (bar * 12) + 3, color = 7 - TestBars.BarAt(system, x, y), seen = screen[screen.Width - 720 + (x * 8) + 4, (y * 8) + 4];
        int Channel(int bit) => (color & bit) != 0 ? TestBars.On : TestBars.Off;
        return Math.Abs((seen >> 16) - Channel(2)) <= Tolerance && Math.Abs((seen >> 8 & 0xFF) - Channel(4)) <= Tolerance && Math.Abs((seen & 0xFF) - Channel(1)) <= Tolerance;
    }));
}
