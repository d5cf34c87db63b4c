using System;
using System.Linq;
using System.Threading.Tasks;
using Sluice.FireWire.Tool;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>Pictures of a FireWire camera on a kernel's screen.</summary>
internal static class FireWireVideo
{
    /// <summary>Types a command until it says what the frames were: a reset of the bus manager's may come in between, or a frame too late for a slow host.</summary>
    public static async Task<string> Frames(Machine machine, string command)
    {
        string said;
        do said = await machine.Shell(command);
        while (!said.Contains("SHA-256"));
        return said;
    }

    /// <summary>A command shows a picture over bus resets until a key is pressed; then the text is back.</summary>
    public static async Task IsSeen(Machine machine, Model model, string command, Func<Screen, bool> isPicture)
    {
        int from = machine.Console.Length;
        await machine.Type(System.Text.Encoding.ASCII.GetBytes(command + "\r"));
        await machine.WaitForConsole("any key ends it", from);
        for (int i = 0; i < 2; i++)
        {
            do await machine.Pause(TimeSpan.FromMilliseconds(500));
            while (!isPicture(await machine.Photograph("camera")));
            model.Do(() => model.Bus.Phys.Single(phy => phy.Name == "memory").InitiateReset(isLong: i == 0));
        }
        await machine.Type(" "u8.ToArray());
        await machine.WaitForConsole("frames seen", from);
        await machine.WaitForScreen(rows => rows.Any(row => row.Contains("frames seen")));
        Assert.False(isPicture(await machine.Photograph("after")));
    }
}
