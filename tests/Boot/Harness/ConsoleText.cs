using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;

namespace Sluice.Tests.Boot.Harness;

/// <summary>What a guest prints on its serial line, while it does.</summary>
internal sealed partial class ConsoleText
{
    private const int MaxCharacters = 64 * 1024 * 1024;   // a guest that prints without end costs a failure, not our memory

    private readonly StringBuilder _text = new();
    private readonly Lock _lock = new();
    private TaskCompletionSource _more = NewSignal();
    private bool _ended;

    /// <summary>All of it until now.</summary>
    public string Text
    {
        get { lock (_lock) return _text.ToString(); }
    }

    /// <summary>How much there is until now, in characters.</summary>
    public int Length
    {
        get { lock (_lock) return _text.Length; }
    }

    /// <summary>Reads until the stream ends.</summary>
    public async Task Collect(Stream stream)
    {
        Decoder decoder = Encoding.UTF8.GetDecoder();
        byte[] bytes = new byte[4096];
        char[] characters = new char[4096];
        try
        {
            while (Length < MaxCharacters && await stream.ReadAsync(bytes) is > 0 and int count)
                Append(characters.AsSpan(0, decoder.GetChars(bytes, 0, count, characters, 0)), end: false);
        }
        catch (IOException) { }                            // QEMU was killed
        Append([], end: true);
    }

    /// <summary>Waits until <paramref name="what"/> stands at or after <paramref name="from"/>; its position, or -1 when the guest ended without.</summary>
    public async Task<int> WaitFor(string what, int from, CancellationToken cancel)
    {
        while (true)
        {
            Task more;
            lock (_lock)
            {
                // Half of it may have been there on the last look.
                int found = _text.ToString(from, _text.Length - from).IndexOf(what, StringComparison.Ordinal);
                if (found >= 0) return from + found;
                if (_ended) return -1;
                more = _more.Task;
            }
            await more.WaitAsync(cancel);
        }
    }

    /// <summary>Text as a reader sees it: without the escape sequences that move the cursor and set colours, with plain line ends.</summary>
    public static string Plain(string text) => Invisible().Replace(text, "");

    /// <summary>Whether the row that ends at <paramref name="end"/> is a line of the log, by itself or in the place of a line that somebody typed.</summary>
    public static bool IsLog(string text, int end) => LogStamp().IsMatch(text[(text.LastIndexOf('\n', end - 1) + 1)..end]);

    /// <summary>The last lines of <paramref name="text"/>.</summary>
    public static string Tail(string text, int lines)
    {
        List<string> all = [.. text.TrimEnd().Split('\n')];
        return string.Join('\n', all[Math.Max(0, all.Count - lines)..]);
    }

    private void Append(ReadOnlySpan<char> text, bool end)
    {
        TaskCompletionSource seen;
        lock (_lock)
        {
            _text.Append(text);
            _ended |= end;
            seen = _more;
            _more = NewSignal();
        }
        seen.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [GeneratedRegex(@"(^|\x1b\[K)(\x1b\[90m)?\[ *\d+\.\d{6}\]")]
    private static partial Regex LogStamp();

    // ECMA-48, 5.4: ESC [, parameters, intermediates, one final byte; then other control characters, except line feed and tab.
    [GeneratedRegex(@"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")]
    private static partial Regex Invisible();
}
