using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text.Json;
using System.Threading;

namespace Sluice.Tests;

/// <summary>Runs one compiled xunit project as a process of its own and collects its cases as they end.</summary>
/// <remarks>
/// Source: the messages of xunit.v3's <c>-reporter json</c>, one object a line. They are read while the project runs, so a
/// project that crashes has still reported what ended before, and what was running then is known and counted as failed.
/// </remarks>
internal sealed class TestHost(string name, string assembly, Action<TestCase> finished)
{
    /// <summary>No single test is to take longer. The hosts' own time-outs are far below; this one ends a test that loops.</summary>
    private static readonly TimeSpan _silence = TimeSpan.FromMinutes(15);

    private readonly List<TestCase> _cases = [];
    private readonly Dictionary<string, string> _classes = [];
    private readonly Dictionary<string, (string Class, string Name)> _running = [];
    private readonly Lock _lock = new();

    /// <summary>The tests that run at this moment.</summary>
    public IReadOnlyList<string> Running
    {
        get { lock (_lock) return [.. _running.Values.Select(test => test.Name)]; }
    }

    /// <summary>
    /// Runs it to its end with more of xunit's options, and returns a case for each test: at least one, unless
    /// <paramref name="mayBeEmpty"/> as a pattern chooses the tests.
    /// </summary>
    public IReadOnlyList<TestCase> Run(bool mayBeEmpty, IEnumerable<string> options, IEnumerable<(string Name, string Value)> environment)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardInput = true };
        foreach (string word in (string[])["exec", assembly, "-noLogo", "-noColor", "-noAutoReporters", "-reporter", "json", .. options])
            start.ArgumentList.Add(word);
        foreach ((string variable, string value) in environment) start.Environment[variable] = value;

        using Process host = ChildProcess.Start(start);
        host.StandardInput.Close();
        using var watchdog = new Timer(_ => Kill(host), null, _silence, Timeout.InfiniteTimeSpan);
        var stray = new List<string>();
        while (host.StandardOutput.ReadLine() is { } line)
        {
            watchdog.Change(_silence, Timeout.InfiniteTimeSpan);
            if (!Take(line)) stray.Add(line);
        }
        host.WaitForExit();
        if (!mayBeEmpty || _cases.Count != 0 || _running.Count != 0 || host.ExitCode != 0) Close(host.ExitCode, stray);
        return _cases;
    }

    private static void Kill(Process host)
    {
        try { host.Kill(entireProcessTree: true); }
        catch (InvalidOperationException) { }   // it ended by itself meanwhile
    }

    /// <summary>Takes one line; false when it is not one of xunit's messages.</summary>
    private bool Take(string line)
    {
        int brace = line.IndexOf('{');          // the first message follows a colour code, even without colours
        if (brace < 0 || !line.Contains("\"$type\"")) return false;
        // xunit leaves control characters in its strings as they are, which JSON forbids; a test that quotes a console has them.
        char[] text = line[brace..].ToCharArray();
        for (int i = 0; i < text.Length; i++)
            if (text[i] < ' ') text[i] = '\uFFFD';
        try
        {
            using JsonDocument message = JsonDocument.Parse(text);
            Take(message.RootElement);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private void Take(JsonElement message)
    {
        string kind = Text(message, "$type"), id = Text(message, "TestUniqueID");
        switch (kind)
        {
            case "test-class-starting":
                _classes[Text(message, "TestClassUniqueID")] = Text(message, "TestClassSimpleName");
                break;
            case "test-starting":
                string type = _classes.GetValueOrDefault(Text(message, "TestClassUniqueID"), name);
                string test = Text(message, "TestDisplayName");
                int dot = test.IndexOf(type + ".", StringComparison.Ordinal);
                lock (_lock) _running[id] = (type, dot < 0 ? test : test[(dot + type.Length + 1)..]);
                break;
            case "test-passed":
                End(id, message, Outcome.Passed, "");
                break;
            case "test-skipped":
                End(id, message, Outcome.Skipped, Text(message, "Reason"));
                break;
            case "test-failed":
                End(id, message, Outcome.Failed, Joined(message, "Messages") + "\n" + OurFrames(Joined(message, "StackTraces")));
                break;
            case "test-not-run":
                lock (_lock) _running.Remove(id);
                break;
            case "test-finished":
                // It ended, and how was in a line that could not be read: that is no pass.
                if (_running.ContainsKey(id)) End(id, message, Outcome.Failed, "its result is missing");
                break;
            default:
                // A constructor, fixture or assembly that failed to clean up, or xunit itself: no test failed, something did.
                if (message.TryGetProperty("ExceptionTypes", out _)) Add(new TestCase(name, kind, 0, Outcome.Failed, Joined(message, "Messages")));
                break;
        }
    }

    private void End(string id, JsonElement message, Outcome outcome, string why)
    {
        (string Class, string Name) test;
        lock (_lock)
        {
            if (!_running.Remove(id, out test)) test = (name, id);
        }
        double seconds = message.TryGetProperty("ExecutionTime", out JsonElement time) && time.TryGetDouble(out double s) ? s : 0;
        Add(new TestCase(test.Class, test.Name, seconds, outcome, why, Text(message, "Output")));
    }

    /// <summary>Accounts for what a host that ended badly did not say itself.</summary>
    private void Close(int status, List<string> stray)
    {
        string tail = string.Join('\n', stray.TakeLast(40));
        foreach ((string type, string test) in _running.Values.ToList())
            Add(new TestCase(type, test, 0, Outcome.Failed, $"the test project ended while this ran (status {status})\n{tail}"));
        if (_cases.Count == 0) Add(new TestCase(name, "ran", 0, Outcome.Failed, $"no test ran (status {status})\n{tail}"));
        else if (status != 0 && _cases.All(c => c.Outcome != Outcome.Failed))
            Add(new TestCase(name, "ended", 0, Outcome.Failed, $"no test failed, yet the status is {status}\n{tail}"));
    }

    private void Add(TestCase test)
    {
        _cases.Add(test);
        finished(test);
    }

    /// <summary>The lines of a stack trace that lie in this project, whose paths are relative.</summary>
    private static string OurFrames(string trace) => string.Join('\n', trace.Split('\n').Where(frame => frame.Contains(" in ./", StringComparison.Ordinal)));

    private static string Text(JsonElement message, string property) =>
        message.TryGetProperty(property, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static string Joined(JsonElement message, string property) =>
        message.TryGetProperty(property, out JsonElement value) && value.ValueKind == JsonValueKind.Array
            ? string.Join('\n', value.EnumerateArray().Where(v => v.ValueKind == JsonValueKind.String).Select(v => v.GetString()))
            : "";
}
