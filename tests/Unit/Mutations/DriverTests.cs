using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using System.Threading;
using Sluice.Tests.Dma;
using Sluice.Tests.Platform;
using Xunit;

namespace Sluice.Tests.Mutations;

/// <summary>A row of a theory, and what became of it with nothing left out.</summary>
/// <param name="Type">The class of the test.</param>
/// <param name="Method">The test.</param>
/// <param name="Arguments">Of the row.</param>
/// <param name="CameTo">Numbers of the hand-overs that it came to.</param>
/// <param name="Moving">Those that moved bytes or cache lines, or gave a descriptor away.</param>
/// <param name="Took">How long it ran.</param>
internal sealed record DriverTestRow(Type Type, MethodInfo Method, object?[] Arguments, IReadOnlySet<int> CameTo, IReadOnlySet<int> Moving, TimeSpan Took);

/// <summary>Drivers and their hosted tests, compiled anew by the SDK's compiler, and run on machines whose devices do not look into caches.</summary>
internal sealed class DriverTests
{
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(60);

    // Not those with the checker: what it copies at a hand-over is its own, so none would be without effect.
    private static readonly HashSet<string> _machines =
        [.. MachineKind.All.Where(kind => !kind.IsCoherent && !kind.Bounced && !kind.Checked).Select(kind => kind.ToString())];

    private DriverTests(Assembly assembly) => Assembly = assembly;

    /// <summary>All that was compiled.</summary>
    public Assembly Assembly { get; }

    /// <summary>Compiles source files, which may use all that these tests use; throws with the compiler's words.</summary>
    public static DriverTests Compile(string folder, IEnumerable<string> sources)
    {
        string here = AppContext.BaseDirectory, runtime = RuntimeEnvironment.GetRuntimeDirectory(), output = Path.Combine(folder, "Sluice.Tests.Mutants.dll");
        string root = Path.GetFullPath(Path.Combine(runtime, "..", "..", ".."));
        string compiler = Directory.GetDirectories(Path.Combine(root, "sdk"), "10.*").Select(sdk => Path.Combine(sdk, "Roslyn", "bincore", "csc.dll")).Last(File.Exists);
        IEnumerable<string> references = Directory.GetFiles(runtime, "System*.dll").Where(path => !path.Contains("Native", StringComparison.Ordinal))
            .Append(Path.Combine(runtime, "netstandard.dll"))
            .Concat(Directory.GetFiles(here, "Sluice.*.dll")).Concat(Directory.GetFiles(here, "xunit*.dll"));
        // A driver's types are here and in these tests: those compiled now are meant.
        string[] lines =
        [
            "-nologo", "-t:library", "-unsafe", "-optimize", "-nullable:enable", "-nowarn:CS0436,CS0649,CS0169", $"-out:\"{output}\"",
            .. references.Select(path => $"-r:\"{path}\""), .. sources.Select(path => $"\"{path}\""),
        ];
        string response = Path.Combine(folder, "arguments.rsp");
        File.WriteAllLines(response, lines);
        var start = new ProcessStartInfo(Path.Combine(root, "dotnet"), ["exec", compiler, "-noconfig", "@" + response]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string words = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? new DriverTests(Assembly.Load(File.ReadAllBytes(output))) : throw new InvalidOperationException(words);
    }

    /// <summary>Names of the test classes in a source that uses a driver; its namespace is that of its folder.</summary>
    public static IEnumerable<string> ClassesFor(string driver, string source) =>
        source.Contains($"using Sluice.Drivers.{driver};", StringComparison.Ordinal) || source.Contains($"using Sluice.FireWire.{driver};", StringComparison.Ordinal)
            ? Regex.Matches(source, @"^public sealed (?:unsafe )?(?:partial )?class (\w+)", RegexOptions.Multiline).Select(match => match.Groups[1].Value)
            : [];

    /// <summary>Runs all that some classes test on such machines, with nothing left out; throws if one fails.</summary>
    public IReadOnlyList<DriverTestRow> RunAll(IReadOnlySet<string> classes)
    {
        var rows = new List<DriverTestRow>();
        foreach ((Type type, MethodInfo method, object?[] row) in All(classes))
        {
            HashSet<int> cameTo = LeftOut.CameTo = [], moving = Mutation.Moving = [];
            long start = Stopwatch.GetTimestamp();
            string? failure = Fails(type, method, row, LeftOut.Nothing);
            LeftOut.CameTo = Mutation.Moving = null;
            rows.Add(failure == null ? new DriverTestRow(type, method, row, cameTo, moving, Stopwatch.GetElapsedTime(start))
                : throw new InvalidOperationException($"fails with nothing left out: {failure}"));
        }
        return rows;
    }

    /// <summary>Runs rows, the quickest first, without a hand-over that moves something in each, until one fails.</summary>
    /// <returns>The failure; null if nothing noticed.</returns>
    public static string? Run(IEnumerable<DriverTestRow> rows, int leftOut)
    {
        string? failure = null;
        // A thread is a machine; one that hangs is left to itself.
        var thread = new Thread(() => failure = rows.OrderBy(row => row.Took).Select(row => Fails(row.Type, row.Method, row.Arguments, leftOut)).FirstOrDefault(f => f != null))
        {
            IsBackground = true,
        };
        thread.Start();
        return thread.Join(_longest) ? failure : "it did not end in time";
    }

    private IEnumerable<(Type Type, MethodInfo Method, object?[] Row)> All(IReadOnlySet<string> classes) =>
        from type in Assembly.GetTypes()
        where classes.Contains(type.Name)
        from method in type.GetMethods()
        where method.GetCustomAttribute<TheoryAttribute>() != null
        from row in Rows(type, method)
        where row.Any(value => value is string text && _machines.Contains(text))
        select (type, method, row);

    private static string? Fails(Type type, MethodInfo method, object?[] row, int leftOut)
    {
        LeftOut.Site = leftOut;
        object? instance = Activator.CreateInstance(type);
        try
        {
            method.Invoke(instance, BindingFlags.DoNotWrapExceptions, null, row, null);
            return null;
        }
        catch (Exception failure)
        {
            return $"{type.Name}.{method.Name}({string.Join(", ", row)}): {failure.Message}";
        }
        finally
        {
            LeftOut.Site = LeftOut.Nothing;
            (instance as IDisposable)?.Dispose();
        }
    }

    private static IEnumerable<object?[]> Rows(Type type, MethodInfo method)
    {
        foreach (InlineDataAttribute inline in method.GetCustomAttributes<InlineDataAttribute>())
            yield return inline.Data;
        foreach (MemberDataAttribute member in method.GetCustomAttributes<MemberDataAttribute>())
        {
            foreach (ITheoryDataRow row in (IEnumerable<ITheoryDataRow>)type.GetProperty(member.MemberName)!.GetValue(null)!)
                yield return row.GetData();
        }
    }
}
