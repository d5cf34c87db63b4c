using System;
using System.IO;
using System.Linq;
using Xunit;

namespace Sluice.Tests.Boot.Self;

/// <summary>The report that everything is merged into.</summary>
public sealed class JUnitReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_is_read_again()
    {
        TestCase[] cases =
        [
            new("A", "one", 1.5, Outcome.Passed, "", "said\nthis"),
            new("A", "two <&\"'>", 0, Outcome.Failed, "expected 1\nis 2"),
            new("kernel.memory", "three \U0001F600", 0, Outcome.Skipped, "no SSE"),
        ];
        string path = Path.Combine(_folder, "new", "junit.xml");
        JUnitReport.Write(path, cases);
        Assert.Equal(cases, JUnitReport.Read(path));
    }

    [Fact]
    public void Characters_that_XML_cannot_hold_do_not_break_it()
    {
        string path = Path.Combine(_folder, "junit.xml");
        JUnitReport.Write(path, [new("A", "\u001b[31mred\0\uD800\uFFFF", 0, Outcome.Failed, "\u0001", "\u0002\r\n")]);
        TestCase read = JUnitReport.Read(path).Single();
        Assert.Equal("\uFFFD[31mred\uFFFD\uFFFD\uFFFD", read.Name);
        Assert.Equal(("\uFFFD", "\uFFFD\n"), (read.Message, read.Output));
    }

    [Fact]
    public void Reports_of_others_are_understood()
    {
        string path = Path.Combine(_folder, "junit.xml");
        File.WriteAllText(path, """
            <testsuite><testcase classname="C" name="n"><error message="boom"/></testcase><testcase name="m"/></testsuite>
            """);
        Assert.Equal([new TestCase("C", "n", 0, Outcome.Failed, "boom"), new TestCase("", "m", 0, Outcome.Passed)], JUnitReport.Read(path));
    }
}
