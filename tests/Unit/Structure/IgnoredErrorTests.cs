using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Xunit;

namespace Sluice.Tests.Structure;

/// <summary>An <see cref="Error"/> must not be ignored: no statement of the kernel is a mere call of a method that returns one.</summary>
/// <remarks>By names, not by types: a method that shares its name with one that returns an Error has to be used as if it did.</remarks>
public sealed partial class IgnoredErrorTests
{
    [Fact]
    public void No_statement_drops_an_error()
    {
        (string File, string Text)[] sources = Sources().Select(file => (file, File.ReadAllText(file))).ToArray();
        HashSet<string> names = sources.SelectMany(s => Declarations().Matches(s.Text)).Select(m => m.Groups[1].Value).ToHashSet();
        Assert.Contains("EnableMemoryAndBusMaster", names);
        List<string> found = [];
        foreach ((string file, string text) in sources)
            found.AddRange(Dropped(text, names).Select(line => $"{Path.GetFileName(file)}: {line}"));
        Assert.Empty(found);
    }

    [Theory]
    [InlineData("        pci.EnableMemory();", true)]
    [InlineData("        EnableMemory();", true)]
    [InlineData("        _ = pci.EnableMemory();", true)]
    [InlineData("        Error error = pci.EnableMemory();", false)]
    [InlineData("        if (pci.EnableMemory() != Error.None)", false)]
    [InlineData("        return pci.EnableMemory();", false)]
    public void The_check_tells_a_dropped_error_from_one_that_is_used(string line, bool dropped) =>
        Assert.Equal(dropped, Dropped(line + "\n", ["EnableMemory"]).Any());

    private static IEnumerable<string> Dropped(string text, HashSet<string> names) =>
        Calls().Matches(text).Where(m => names.Contains(m.Groups[1].Value)).Select(m => m.Value.Trim());

    private static IEnumerable<string> Sources()
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Kernel.sln")))
            root = Path.GetDirectoryName(root) ?? throw new DirectoryNotFoundException("Kernel.sln");
        return new[] { "Kernel", "Mm", "Drivers" }
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));
    }

    // A method declared with Error as its result.
    [GeneratedRegex(@"\bError\s+(\w+)\s*\([^;]*?\)\s*(?:=>|\{|;|\r?\n)")]
    private static partial Regex Declarations();

    // A line that begins with a call, or throws its result away.
    [GeneratedRegex(@"^[ \t]*(?:_ = )?(?:[\w!?]+\.)*(\w+)\([^\n]*\);", RegexOptions.Multiline)]
    private static partial Regex Calls();
}
