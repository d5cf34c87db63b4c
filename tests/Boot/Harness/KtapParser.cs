using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Sluice.Tests.Boot.Harness;

/// <summary>Reads KTAP version 1 from a source that is not to be trusted: a kernel that may be broken.</summary>
/// <remarks>
/// Source: Linux's Documentation/dev-tools/ktap.rst (version line, plan, test lines, nesting by two spaces, directives).
/// Nothing here throws, and time and memory grow with the input alone; nesting, names and the number of problems are bounded.
/// What is not understood is a problem of the report, never skipped in silence.
/// </remarks>
public sealed class KtapParser
{
    private const int MaxDepth = 16, MaxProblems = 50, MaxText = 400, MaxTests = 100_000;

    private readonly List<string> _problems = [], _other = [];
    private readonly Stack<Level> _levels = [];
    private List<KtapTest> _top = [];
    private int _tests;
    private bool _started;

    /// <summary>One level of nesting while it is read.</summary>
    private sealed class Level(int indent)
    {
        public readonly int Indent = indent;
        public readonly List<KtapTest> Tests = [];
        public readonly List<string> Diagnostics = [];
        public int? Plan;
    }

    private KtapParser() { }

    /// <summary>Reads a whole document.</summary>
    public static KtapReport Parse(string text)
    {
        var parser = new KtapParser();
        int number = 0;
        foreach (ReadOnlySpan<char> line in text.EnumerateLines()) parser.Line(++number, line);
        return parser.Close(text);
    }

    private void Line(int number, ReadOnlySpan<char> raw)
    {
        ReadOnlySpan<char> line = raw.TrimEnd();
        ReadOnlySpan<char> body = line.TrimStart(' ');
        int indent = line.Length - body.Length;
        if (body.IsEmpty) return;
        if (body.StartsWith("KTAP version ")) Version(number, indent, body["KTAP version ".Length..]);
        else if (body.StartsWith("1..")) Plan(number, indent, body[3..]);
        else if (body.StartsWith("ok ") || body.StartsWith("not ok ")) Test(number, indent, body);
        else if (body[0] == '#') { if (_levels.TryPeek(out Level? level) && level.Diagnostics.Count < MaxProblems) level.Diagnostics.Add(Short(body.TrimStart("# "))); }
        else if (indent == 0) _other.Add(Short(body));
        else Problem(number, $"not a line of KTAP: {Short(body)}");
    }

    private void Version(int number, int indent, ReadOnlySpan<char> version)
    {
        if (!version.SequenceEqual("1")) Problem(number, $"KTAP version {Short(version)} is not 1");
        if (_levels.Count == 0 && _started) Problem(number, "a second document begins");
        else if (_levels.TryPeek(out Level? outer) && indent <= outer.Indent) Problem(number, "a header inside a level that has begun");
        else if (_levels.Count == MaxDepth) Problem(number, "nested too deeply");
        else _levels.Push(new Level(indent));
        _started = true;
    }

    private void Plan(int number, int indent, ReadOnlySpan<char> count)
    {
        if (At(number, indent) is not { } level) return;
        // "1..0 # SKIP why" is a plan for nothing.
        if (count.IndexOf(' ') is var end and >= 0) count = count[..end];
        if (level.Plan != null) Problem(number, "a second plan");
        else if (level.Tests.Count != 0) Problem(number, "a plan after the first test");
        else if (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int plan)) Problem(number, $"bad plan: 1..{Short(count)}");
        else level.Plan = plan;
    }

    private void Test(int number, int indent, ReadOnlySpan<char> body)
    {
        // The result of a suite stands where the suite's own header stood less one step: what is deeper ends here.
        IReadOnlyList<KtapTest> nested = [];
        List<string> below = [];
        while (_levels.TryPeek(out Level? inner) && inner.Indent > indent)
        {
            if (nested.Count != 0) Problem(number, "a level ended without the result line of the level below it");
            nested = End(_levels.Pop(), number);
            below = inner.Diagnostics;
        }
        if (At(number, indent) is not { } level) return;
        if (++_tests > MaxTests)
        {
            Problem(number, "too many tests");
            return;
        }

        bool ok = body[0] == 'o';
        body = body[(ok ? 3 : 7)..].TrimStart();
        int digits = 0;
        while (digits < body.Length && char.IsAsciiDigit(body[digits])) digits++;
        int expected = level.Tests.Count + 1;
        if (!int.TryParse(body[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out int id)) Problem(number, "a test without a number");
        else if (id != expected) Problem(number, $"test {id} where {expected} was due");

        body = body[digits..].TrimStart();
        if (body.StartsWith("- ")) body = body[2..].TrimStart();
        int hash = body.IndexOf(" # ", StringComparison.Ordinal);
        if (body.StartsWith("# ")) hash = 0;
        string directive = hash < 0 ? "" : Short(body[hash..].TrimStart(" #"));
        string name = Short(hash < 0 ? body : body[..hash]);
        level.Tests.Add(new KtapTest(name.Length == 0 ? $"test {expected}" : name, Verdict(ok, directive),
            string.Join('\n', (string[])[.. directive.Length == 0 ? (string[])[] : [directive], .. level.Diagnostics, .. below]), nested));
        level.Diagnostics.Clear();
        if (ok && nested.Any(t => t.Verdict == KtapVerdict.Failed)) Problem(number, $"{name} passed although a test in it failed");
    }

    private static KtapVerdict Verdict(bool ok, string directive)
    {
        string word = directive.Split(' ', 2)[0].TrimEnd(':').ToUpperInvariant();
        return word switch
        {
            "SKIP" => KtapVerdict.Skipped,
            "XFAIL" => KtapVerdict.Passed,
            "TIMEOUT" or "ERROR" => KtapVerdict.Failed,
            _ => ok ? KtapVerdict.Passed : KtapVerdict.Failed,
        };
    }

    /// <summary>The level that a line at this indent belongs to, or null when there is none.</summary>
    private Level? At(int number, int indent)
    {
        if (!_levels.TryPeek(out Level? level)) Problem(number, _started ? "a line after the end" : "a line before the header");
        else if (level.Indent != indent) Problem(number, $"indented by {indent} where {level.Indent} was due");
        else return level;
        return null;
    }

    private List<KtapTest> End(Level level, int number)
    {
        if (level.Plan == null) Problem(number, "a plan is missing");
        else if (level.Plan != level.Tests.Count) Problem(number, $"{level.Plan} tests planned, {level.Tests.Count} seen");
        return level.Tests;
    }

    private KtapReport Close(string text)
    {
        int lines = text.AsSpan().Count('\n');
        if (!_started) Problem(lines, "no KTAP header");
        while (_levels.Count > 1)
        {
            Problem(lines, "truncated inside a suite");
            // What it held is still worth showing, under the level that it was in.
            Level inner = _levels.Pop();
            _levels.Peek().Tests.Add(new KtapTest("(unfinished)", KtapVerdict.Failed, "truncated", End(inner, lines)));
        }
        if (_levels.TryPop(out Level? top)) _top = End(top, lines);
        if (text.Length != 0 && text[^1] != '\n') Problem(lines, "the last line is cut off");
        return new KtapReport(_top, _problems, _other);
    }

    private void Problem(int line, string what)
    {
        if (_problems.Count < MaxProblems) _problems.Add($"line {line}: {what}");
    }

    private static string Short(ReadOnlySpan<char> text) => text.Length <= MaxText ? text.ToString() : string.Concat(text[..MaxText], "...");
}
