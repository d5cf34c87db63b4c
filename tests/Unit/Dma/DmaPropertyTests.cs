using System.Linq;
using FsCheck.Fluent;
using Sluice.Mm;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>Random work of two devices on machines of all kinds, step by step beside a plain model.</summary>
[RunsOnce]
public sealed class DmaPropertyTests
{
    [Fact]
    public void Coherent_machines_do_what_the_model_does() => Try(lines: 0, bounced: false, times: 250);

    [Fact]
    public void Bounced_machines_do_what_the_model_does() => Try(lines: 0, bounced: true, times: 120);

    [Theory]
    [InlineData(32u)]
    [InlineData(64u)]
    [InlineData(128u)]
    public void Noncoherent_machines_do_what_the_model_does(uint lines) => Try(lines, bounced: false, times: 100);

    [Theory]
    [InlineData(32u)]
    [InlineData(64u)]
    [InlineData(128u)]
    public void Bounced_noncoherent_machines_do_what_the_model_does(uint lines) => Try(lines, bounced: true, times: 50);

    private static void Try(uint lines, bool bounced, int times) =>
        Properties.ForAll(DmaScenario.Any(Gen.Choose(1, 1000).Select(seed => new MachineKind(lines, lines == 0 ? 0 : seed, bounced))), Run, times);

    /// <summary>Does all steps of a scenario; throws where layer and model disagree.</summary>
    internal static void Run(DmaScenario scenario)
    {
        DmaMachine machine;
        DmaModel model;
        try
        {
            machine = new DmaMachine(scenario.Map, scenario.Kind);
            model = new DmaModel(machine, scenario);
        }
        catch (BugException tooSmall) when (tooSmall.Message.StartsWith("no memory for", System.StringComparison.Ordinal))
        {
            return;
        }
        using (machine)
        {
            foreach (DmaStep step in scenario.Steps)
                model.Do(step);
            model.EndAll();
            model.AssertNothingLeaked();
        }
    }
}
