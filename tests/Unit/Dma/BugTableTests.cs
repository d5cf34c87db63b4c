using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>The table of bugs in docs/dma.md: each is tried in a test that there is.</summary>
[RunsOnce]
public sealed class BugTableTests
{
    [Fact]
    public void Each_bug_is_tried_in_a_test_that_there_is()
    {
        string root = FindRoot();
        HashSet<string> classes =
        [
            .. from file in Directory.EnumerateFiles(Path.Combine(root, "tests"), "*Tests.cs", SearchOption.AllDirectories)
               from Match match in Regex.Matches(File.ReadAllText(file), @"(?m)^public sealed (?:unsafe )?class (\w+)")
               select match.Groups[1].Value,
        ];
        string[][] rows = [.. Rows(File.ReadAllLines(Path.Combine(root, "docs/dma.md")))];
        Assert.True(rows.Length >= 24, $"{rows.Length} rows");
        foreach (string[] row in rows)
        {
            Assert.True(row.Length == 4, string.Join('|', row));
            string[] named = [.. Regex.Matches(row[3], @"`(\w+Tests)`").Select(match => match.Groups[1].Value)];
            Assert.True(named.Length != 0 || row[1] == "not at all" || row[3] == "there is no call to leave out", $"'{row[0]}' is not tried");
            Assert.All(named, name => Assert.Contains(name, classes));
        }
    }

    private static IEnumerable<string[]> Rows(string[] page) => page
        .SkipWhile(line => line != "## Bugs and what stops them").Skip(1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
        .Where(line => line.StartsWith('|')).Skip(2)
        .Select(line => (string[])[.. line.Trim('|').Split('|').Select(cell => cell.Trim())]);

    private static string FindRoot()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Kernel.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("Kernel.sln is in no folder above the tests");
        return folder;
    }
}
