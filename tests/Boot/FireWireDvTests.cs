using System;
using System.Linq;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.FireWire.Dv;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>The model's camcorder, as somebody sees it who types <c>fw camera</c>.</summary>
public sealed class FireWireDvTests
{
    // What is seen of a color may be so much off: each block of the picture has a luminance of its own.
    private const int Tolerance = 24;

    private const ulong Guid = 0x5254_0066_7788_99CC;

    [Theory]
    [InlineData("fw643", "ntsc", 512, "")]
    [InlineData("vt6306", "pal", 6144, "dma=bounce")]
    [InlineData("xio2213", "pal", 512, "dma=check")]
    public async Task Frames_are_those_that_were_played_and_are_seen_on_the_screen(string card, string name, int mebibytes, string arguments)
    {
        DvSystem system = name == "pal" ? DvSystem.Pal : DvSystem.Ntsc;
        // Frames come in real time: half of it, so that a machine that is emulated in full keeps up.
        using var bus = new FireWireModelBus([$"host,card={card}"],
            "--bus-speed", "0.5", "--node", "memory,name=memory", "--node", $"camcorder,name=camcorder,guid=0x{Guid:x},system={name}");
        await using Machine machine = await Machine.Start($"firewire-dv-{card}", new MachineSetup
        {
            MemoryMiB = mebibytes,
            Arguments = arguments,
            SharesMemory = true,
            More = bus.Device("host"),
        });
        await machine.WaitForPrompt();
        int node = FireWireModelBus.NodeOf(await FireWireModelBus.Seen(machine, $"{Guid:x16} Sluice Camcorder"), $"{Guid:x16}");
        string said = await FireWireVideo.Frames(machine, $"fw camera @{node} 5");
        Assert.Matches("DV on channel [0-9]+ ", said);
        Assert.Contains(Regex.Match(said, "SHA-256 ([0-9a-f]{64})").Groups[1].Value, Enumerable.Range(0, 1000).Select(number => Sum(system, number)));
        Assert.Matches("streams: buffers [1-9][0-9]*; seconds with lost cycles [0-9]+, with inconsistent ones [0-9]+; ", await machine.Shell("fw stat"));
        Assert.Contains("no camera is there", await machine.Shell("fw camera @62"));

        await FireWireVideo.IsSeen(machine, bus.Model, "fw camera", screen => HasBars(screen, system));
        if (arguments == "dma=check") Assert.DoesNotContain("dma check:", machine.Console);
    }

    private static string Sum(DvSystem system, int number)
    {
        byte[] frame = new byte[system.FrameBytes];
        DvFrame.Draw(system, number, frame);
        return Convert.ToHexStringLower(SHA256.HashData(frame));
    }

    // The middle of each bar, in both rows of bars.
    private static bool HasBars(Screen screen, DvSystem system) => Enumerable.Range(0, 8).All(bar => new[] { 4, (TestBars.Lines(system) / 8) - 5 }.All(y =>
    {
        int x = (bar * 12) + 3, color = 7 - TestBars.BarAt(system, x, y), seen = screen[screen.Width - 720 + (x * 8) + 4, (y * 8) + 4];
        int Channel(int bit) => (color & bit) != 0 ? TestBars.On : TestBars.Off;
        return Math.Abs((seen >> 16) - Channel(2)) <= Tolerance && Math.Abs((seen >> 8 & 0xFF) - Channel(4)) <= Tolerance && Math.Abs((seen & 0xFF) - Channel(1)) <= Tolerance;
    }));
}
