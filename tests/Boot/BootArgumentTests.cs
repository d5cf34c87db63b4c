using System;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>Boot arguments, right and wrong.</summary>
public sealed class BootArgumentTests
{
    [Fact]
    public async Task What_is_unknown_or_malformed_is_reported_and_ignored()
    {
        string tooLong = "test=" + new string('x', 300);
        var setup = new MachineSetup { Arguments = $"bogus=1 log=loud after poison=maybe panic=sneeze =,= {tooLong} \"unfinished" };
        await using Machine machine = await Machine.Start("arguments", setup);
        await machine.WaitForPrompt();
        string console = machine.Console;
        foreach (string word in (string[])["bogus=1", "log=loud", "after", "poison=maybe", "panic=sneeze", "=,=", tooLong[..100], "unfinished"])
            Assert.Contains("boot argument ignored: " + word, console);
        Assert.Contains("poweroff", await machine.Shell("help"));
    }

    [Fact]
    public async Task Those_that_are_right_take_effect()
    {
        await using Machine machine = await Machine.Start("arguments-right", new MachineSetup { Arguments = "log=warn poison" });
        await machine.WaitForPrompt();
        Assert.DoesNotContain("memory: ", machine.Console);
        string listed = await machine.Shell("help arguments");
        foreach (string name in (string[])["log", "poison"]) Assert.Matches($@"(?m)^ *{name}\b.*\bgiven", listed);
        Assert.DoesNotMatch(@"(?m)^ *after\b.*\bgiven", listed);
    }

    [Fact]
    public async Task Self_tests_pass_with_every_free_page_poisoned() =>
        await SelfTestRun.Check("poison", new MachineSetup { Arguments = "poison", Lifetime = TimeSpan.FromMinutes(10) });
}
