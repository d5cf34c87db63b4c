using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>The end of a session: switched off, started again; with devices at work, where the machine is an ordinary one.</summary>
public sealed class PowerTests
{
    [Theory]
    [InlineData("q35", Firmware.SeaBios)]
    [InlineData("pc", Firmware.SeaBios)]
    [InlineData("q35", Firmware.Ovmf)]
    public async Task Poweroff_switches_the_machine_off(string type, Firmware firmware)
    {
        await using Machine machine = await Machine.Start($"poweroff-{type}-{firmware}", new MachineSetup { Type = type, Firmware = firmware, More = DeviceTests.OfChipset[type], ExitDevice = false });
        await machine.WaitForPrompt();
        await machine.Type("poweroff\r"u8.ToArray());
        Assert.Equal(0, await machine.WaitForExit());
        Assert.DoesNotContain("ACPI did not switch off", machine.Console);
    }

    [Theory]
    [InlineData("q35")]
    [InlineData("pc")]
    [InlineData("pc,acpi=off")]
    public async Task Reboot_starts_the_machine_again(string type)
    {
        await using Machine machine = await Machine.Start("reboot-" + type.Replace(',', '-'), new MachineSetup { Type = type, More = DeviceTests.OfChipset[type.Split(',')[0]], NoReboot = false });
        await machine.WaitForPrompt();
        int from = machine.RawConsole.Length;
        await machine.Type("reboot\r"u8.ToArray());
        int again = await machine.WaitForConsole("memory: ", from);
        await machine.WaitForConsole(Machine.Prompt, again);
    }

    [Fact]
    public async Task The_reset_button_is_survived()
    {
        await using Machine machine = await Machine.Start("reset", new MachineSetup { NoReboot = false });
        await machine.WaitForPrompt();
        int from = machine.RawConsole.Length;
        await machine.Reset();
        int again = await machine.WaitForConsole("memory: ", from);
        await machine.WaitForConsole(Machine.Prompt, again);
    }

    [Theory]
    [InlineData("test=text/* after=poweroff")]
    [InlineData("test=text/* after=reboot")]
    public async Task What_follows_the_tests_is_done(string arguments)
    {
        // A reboot ends this machine, too, and with the same status.
        await using Machine machine = await Machine.Start("after-" + arguments.Split('=')[^1], new MachineSetup { Arguments = arguments });
        Assert.Equal(0, await machine.WaitForExit());
        Assert.Contains("self-tests: ", machine.Console);
        Assert.True(KtapParser.Parse(machine.Results).IsComplete);
    }
}
