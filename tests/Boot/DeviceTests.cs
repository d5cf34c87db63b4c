using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>Devices behind bridges that interrupt by every way there is, and the ways that a machine's work ends.</summary>
public sealed class DeviceTests
{
    // A bridge of each chipset's kind, with the device that interrupts on demand behind it; and the one with MSI-X.
    private static readonly Dictionary<string, string[]> _devices = new()
    {
        ["q35"] = ["-device", "pcie-root-port,id=port1,chassis=1", "-device", "pcie-pci-bridge,id=old,bus=port1", "-device", "edu,bus=old,addr=1", "-device", "e1000e"],
        ["pc"] = ["-device", "pci-bridge,id=old,chassis_nr=1", "-device", "edu,bus=old,addr=1", "-device", "e1000e"],
    };

    [Theory, InlineData("q35"), InlineData("pc")]
    public async Task Interrupts_come_by_MSI_MSI_X_and_INTx(string type)
    {
        await using Machine machine = await Machine.Start($"devices-{type}", new MachineSetup { Type = type, More = _devices[type], Arguments = "test=pci after=exit" });
        Assert.Equal(SelfTestRun.AllPassed, await machine.WaitForExit());
        HashSet<string> passed = [.. KtapParser.Parse(machine.Results).Cases.Where(c => c.Case.Verdict == KtapVerdict.Passed).Select(c => c.Case.Name)];
        // None of these may have been skipped.
        foreach (string name in (string[])["edu: MSI", "edu: INTx", "edu: polling", "82574: MSI-X", "bridges lead to the functions behind them"])
            Assert.Contains(name, passed);
    }

    [Theory, InlineData("q35", Firmware.SeaBios), InlineData("pc", Firmware.SeaBios), InlineData("q35", Firmware.Ovmf)]
    public async Task Poweroff_switches_the_machine_off_by_ACPI(string type, Firmware firmware)
    {
        await using Machine machine = await Machine.Start($"poweroff-{type}-{firmware}", new MachineSetup { Type = type, Firmware = firmware, More = _devices[type] });
        await machine.WaitForPrompt();
        await machine.Type("poweroff\r"u8.ToArray());
        Assert.Equal(0, await machine.WaitForExit());
        Assert.DoesNotContain("ACPI did not switch off", machine.Console);
    }

    [Theory, InlineData("q35"), InlineData("pc")]
    public async Task Reboot_starts_the_machine_again(string type)
    {
        await using Machine machine = await Machine.Start($"reboot-{type}", new MachineSetup { Type = type, More = _devices[type], NoReboot = false });
        await machine.WaitForPrompt();
        int before = await machine.WaitForConsole(Machine.Prompt);
        await machine.Type("reboot\r"u8.ToArray());
        await machine.WaitForConsole(Machine.Prompt, await machine.WaitForConsole("restarting", before));
    }
}
