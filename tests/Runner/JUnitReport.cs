using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Sluice.Tests;

/// <summary>Test cases as JUnit XML, the dialect that CI systems read: testsuites, testsuite, testcase.</summary>
public static class JUnitReport
{
    /// <summary>Writes <paramref name="cases"/>, a suite for each class, and creates the folder when it is missing.</summary>
    public static void Write(string path, IEnumerable<TestCase> cases)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var all = cases.ToList();
        var root = new XElement("testsuites", Counts(all),
            all.GroupBy(c => c.Class).Select(suite =>
                new XElement("testsuite", new XAttribute("name", Clean(suite.Key)), Counts(suite), suite.Select(Element))));
        // The whole report appears at once or not at all: a reader never meets half of it.
        string whole = path + ".new";
        new XDocument(root).Save(whole);
        File.Move(whole, path, overwrite: true);
    }

    /// <summary>Reads the cases of a report; the inverse of <see cref="Write"/>, and content with any JUnit file.</summary>
    /// <exception cref="XmlException">It is not XML.</exception>
    public static IReadOnlyList<TestCase> Read(string path) =>
        [.. XDocument.Load(path).Descendants("testcase").Select(Case)];

    private static object[] Counts(IEnumerable<TestCase> cases) =>
    [
        new XAttribute("tests", cases.Count()),
        new XAttribute("failures", cases.Count(c => c.Outcome == Outcome.Failed)),
        new XAttribute("skipped", cases.Count(c => c.Outcome == Outcome.Skipped)),
        new XAttribute("time", Seconds(cases.Sum(c => c.Seconds))),
    ];

    private static XElement Element(TestCase test)
    {
        string message = Clean(test.Message);
        return new XElement("testcase",
            new XAttribute("classname", Clean(test.Class)),
            new XAttribute("name", Clean(test.Name)),
            new XAttribute("time", Seconds(test.Seconds)),
            test.Outcome switch
            {
                Outcome.Failed => new XElement("failure", new XAttribute("message", FirstLine(message)), message),
                Outcome.Skipped => new XElement("skipped", new XAttribute("message", FirstLine(message)), message),
                _ => null,
            },
            test.Output.Length == 0 ? null : new XElement("system-out", Clean(test.Output)));
    }

    private static TestCase Case(XElement element)
    {
        XElement? failure = element.Element("failure") ?? element.Element("error");
        XElement? skipped = element.Element("skipped");
        Outcome outcome = failure != null ? Outcome.Failed : skipped != null ? Outcome.Skipped : Outcome.Passed;
        XElement? why = failure ?? skipped;
        string message = why == null ? "" : why.Value.Length != 0 ? why.Value : (string?)why.Attribute("message") ?? "";
        _ = double.TryParse((string?)element.Attribute("time"), CultureInfo.InvariantCulture, out double seconds);
        return new TestCase((string?)element.Attribute("classname") ?? "", (string?)element.Attribute("name") ?? "",
            seconds, outcome, message, element.Element("system-out")?.Value ?? "");
    }

    private static string Seconds(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    private static string FirstLine(string text) => text.IndexOf('\n') is var end and >= 0 ? text[..end] : text;

    /// <summary>XML has no way to say most control characters or half a surrogate pair, and a kernel under test prints anything.</summary>
    private static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1])) clean.Append(text[i]).Append(text[++i]);
            else if (text[i] != '\r' && XmlConvert.IsXmlChar(text[i])) clean.Append(text[i]);
            else if (text[i] != '\r') clean.Append('\uFFFD');
        }
        return clean.ToString();
    }
}
