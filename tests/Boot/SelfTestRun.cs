using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>One boot in which the kernel tests itself, and what has to be true of it.</summary>
internal static class SelfTestRun
{
    /// <summary>Exit statuses of QEMU after isa-debug-exit: (value &lt;&lt; 1) | 1.</summary>
    public const int AllPassed = 0x10 << 1 | 1, SomeFailed = 0x11 << 1 | 1, Panicked = 0x12 << 1 | 1;

    /// <summary>
    /// Boots with <c>test=* after=exit</c>, leaves the kernel's cases in cases.xml for the report, and fails unless the results
    /// are complete, all passed, and the console tells of no panic.
    /// </summary>
    public static async Task Check(string name, MachineSetup setup)
    {
        await using Machine machine = await Machine.Start(name, setup with { Arguments = $"{setup.Arguments} test=* after=exit".Trim() });
        int status = await machine.WaitForExit();
        KtapReport report = KtapParser.Parse(machine.Results);
        JUnitReport.Write(Path.Combine(machine.Folder, "cases.xml"), report.Cases.Select(c => Case(name, machine, c.Suite, c.Case)));

        if (machine.Console.Contains("PANIC")) throw machine.Failure("the kernel panicked");
        if (!report.IsComplete) throw machine.Failure("the results are not complete:\n    " + string.Join("\n    ", report.Problems));
        if (report.Other.Count != 0) throw machine.Failure("lines among the results that are none: " + string.Join(" | ", report.Other));
        List<string> failed = [.. report.Cases.Where(c => c.Case.Verdict == KtapVerdict.Failed).Select(c => $"{c.Suite}: {c.Case.Name} ({c.Case.Why})")];
        if (failed.Count != 0) throw machine.Failure("tests failed in the kernel:\n    " + string.Join("\n    ", failed));
        if (status != AllPassed) throw machine.Failure($"QEMU's status is {status}, not {AllPassed}, although no test failed");
        Assert.NotEmpty(report.Cases);
    }

    private static TestCase Case(string machineName, Machine machine, string suite, KtapTest test) =>
        new("kernel." + (suite.Length == 0 ? "top" : suite), $"{test.Name} [{machineName}]", 0,
            test.Verdict switch { KtapVerdict.Passed => Outcome.Passed, KtapVerdict.Skipped => Outcome.Skipped, _ => Outcome.Failed },
            test.Verdict == KtapVerdict.Passed ? "" : $"{test.Why}\n{Path.GetRelativePath(ProjectTree.Root, machine.Folder)}/results.ktap");
}
