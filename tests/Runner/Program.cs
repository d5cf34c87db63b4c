using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;

namespace Sluice.Tests;

/// <summary>Runs the test projects one after the other, merges what they report and closes with one line.</summary>
internal static class Program
{
    private const string Usage = """
        usage: Sluice.Tests.Runner [--all] [--only GLOB] [PROJECT...]
          --all        the whole boot matrix, not only the part that make test runs
          --only GLOB  only test methods whose full name matches, such as '*Panic*'
          PROJECT      Unit, FireWire, Boot; without one, all
        Writes out/junit.xml. The status is 0 when no test failed and one passed.
        """;

    private static int Main(string[] arguments)
    {
        bool all = false;
        string? only = null;
        var projects = new List<string>();
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--all": all = true; break;
                case "--only" when i + 1 < arguments.Length: only = arguments[++i]; break;
                case "Unit" or "FireWire" or "Boot": projects.Add(arguments[i]); break;
                default: Console.Error.WriteLine(Usage); return 2;
            }
        }
        if (projects.Count == 0) projects = ["Unit", "FireWire", "Boot"];

        var cases = new List<TestCase>();
        foreach (string project in projects) cases.AddRange(RunProject(project, only, all));
        string report = Path.Combine(ProjectTree.Out, "junit.xml");
        JUnitReport.Write(report, cases);
        return Close(cases, report);
    }

    private static List<TestCase> RunProject(string project, string? only, bool all)
    {
        string started = Path.Combine(ProjectTree.Out, "boot");
        if (project == "Boot" && Directory.Exists(started)) Directory.Delete(started, recursive: true);
        if (ProjectTree.FindTestAssembly(project) is not { } assembly)
            return [new TestCase(project, "built", 0, Outcome.Failed, $"tests/{project} has not been built")];

        Console.WriteLine($"== tests/{project}");
        var clock = Stopwatch.StartNew();
        var last = Stopwatch.StartNew();
        var host = new TestHost(project, assembly, test => { last.Restart(); Print(clock.Elapsed, test); });
        using var heartbeat = new Timer(_ =>
        {
            // Whoever watches sees that a slow machine is at work, and on what.
            if (last.Elapsed.TotalSeconds > 15) Console.WriteLine($"{clock.Elapsed:mm\\:ss}  ...   {string.Join(", ", host.Running)}");
        }, null, 15_000, 15_000);

        string[] options = only == null ? [] : ["-method", only];
        var cases = new List<TestCase>(host.Run(mayBeEmpty: only != null, options, [("SLUICE_TEST_ALL", all ? "1" : "0")]));
        if (project == "Boot") cases.AddRange(KernelCases(started));
        return cases;
    }

    /// <summary>The cases that kernels reported from inside, left by the boot tests: one file a machine.</summary>
    private static IEnumerable<TestCase> KernelCases(string folder)
    {
        if (!Directory.Exists(folder)) yield break;
        foreach (string file in Directory.EnumerateFiles(folder, "cases.xml", SearchOption.AllDirectories).Order())
            foreach (TestCase test in JUnitReport.Read(file))
                yield return test;
    }

    private static void Print(TimeSpan since, TestCase test)
    {
        string verdict = test.Outcome switch { Outcome.Passed => "ok", Outcome.Skipped => "skip", _ => "FAIL" };
        Console.WriteLine($"{since:mm\\:ss}  {verdict,-4}  {test.Class}: {test.Name} ({test.Seconds:0.0} s)");
        if (test.Outcome != Outcome.Passed && test.Message.Length != 0)
            Console.WriteLine("              " + test.Message.TrimEnd().Replace("\n", "\n              "));
    }

    private static int Close(List<TestCase> cases, string report)
    {
        int passed = cases.Count(c => c.Outcome == Outcome.Passed);
        int failed = cases.Count(c => c.Outcome == Outcome.Failed);
        int skipped = cases.Count(c => c.Outcome == Outcome.Skipped);
        Console.WriteLine();
        foreach (TestCase test in cases.Where(c => c.Outcome == Outcome.Failed)) Console.WriteLine($"FAILED  {test.Class}: {test.Name}");
        Console.WriteLine($"report: {Path.GetRelativePath(ProjectTree.Root, report)}" + (skipped == 0 ? "" : $", {skipped} skipped"));
        Console.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0 && passed > 0 ? 0 : 1;
    }
}
