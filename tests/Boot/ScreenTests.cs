using System;
using System.Linq;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>What the screen shows, read off its pixels, and the keyboard that goes with it.</summary>
public sealed class ScreenTests
{
    [Theory]
    [InlineData(Firmware.SeaBios)]
    [InlineData(Firmware.Ovmf)]
    public async Task The_screen_says_what_the_serial_line_says_and_takes_keys(Firmware firmware)
    {
        await using Machine machine = await Machine.Start("screen-" + firmware.ToString().ToLowerInvariant(), new MachineSetup { Firmware = firmware });
        await machine.WaitForPrompt();
        string[] help = [.. (await machine.Shell("help")).TrimEnd().Split('\n').Select(line => line.TrimEnd())];
        await machine.WaitForScreen(rows => help.All(rows.Contains) && IsPrompt(rows.Last(row => row.Length != 0)));

        // The same from the PS/2 keyboard; shift and punctuation too.
        int from = machine.RawConsole.Length;
        await machine.Press("shift-h", "e", "1", "shift-1", "ret");
        await machine.WaitForConsole("there is no command He1!", from);
        await machine.WaitForScreen(rows => rows.Any(row => row.StartsWith("there is no command He1!", StringComparison.Ordinal)), "keys");
    }

    [Fact]
    public async Task A_machine_without_a_serial_port_has_its_shell_on_the_screen()
    {
        await using Machine machine = await Machine.Start("screen-only", new MachineSetup { Serial = false });
        await machine.WaitForScreen(rows => rows.Any(IsPrompt));
        await machine.Press("h", "e", "l", "p", "ret");
        await machine.WaitForScreen(rows => rows.Any(row => row.StartsWith("  poweroff", StringComparison.Ordinal)));
    }

    /// <summary>Whether a row shows an empty line at the prompt, with a cursor of some form behind it.</summary>
    private static bool IsPrompt(string row) => row.StartsWith(Machine.Prompt.TrimEnd(), StringComparison.Ordinal) && row.Length <= Machine.Prompt.Length + 1;
}
