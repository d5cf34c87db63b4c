using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>Devices behind bridges that interrupt by every way there is.</summary>
public sealed class DeviceTests
{
    // A bridge of each chipset's kind, with the device that interrupts on demand behind it; and the one with MSI-X.
    internal static readonly Dictionary<string, string[]> OfChipset = new()
    {
        ["q35"] = ["-device", "pcie-root-port,id=port1,chassis=1", "-device", "pcie-pci-bridge,id=old,bus=port1", "-device", "edu,bus=old,addr=1", "-device", "e1000e"],
        ["pc"] = ["-device", "pci-bridge,id=old,chassis_nr=1", "-device", "edu,bus=old,addr=1", "-device", "e1000e"],
    };

    [Theory, InlineData("q35"), InlineData("pc")]
    public async Task Interrupts_come_by_MSI_MSI_X_and_INTx(string type)
    {
        await using Machine machine = await Machine.Start($"devices-{type}", new MachineSetup { Type = type, More = OfChipset[type], Arguments = "test=pci after=exit" });
        Assert.Equal(SelfTestRun.AllPassed, await machine.WaitForExit());
        HashSet<string> passed = [.. KtapParser.Parse(machine.Results).Cases.Where(c => c.Case.Verdict == KtapVerdict.Passed).Select(c => c.Case.Name)];
        // None of these may have been skipped.
        foreach (string name in (string[])["edu: MSI", "edu: INTx", "edu: polling", "82574: MSI-X", "bridges lead to the functions behind them"])
            Assert.Contains(name, passed);
    }
}
