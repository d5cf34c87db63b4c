using System;
using Sluice.Console;
using Sluice.Runtime;

namespace Sluice.SelfTest;

/// <summary>A group of cases while it is counted, then run: a suite's <c>Register</c> names each case once and is called twice.</summary>
internal ref struct Suite(ReadOnlySpan<byte> name, ReadOnlySpan<byte> glob)
{
    private readonly ReadOnlySpan<byte> _name = name, _glob = glob;
    private bool _running;
    private int _number;

    /// <summary>Cases that fit the glob.</summary>
    public int Count { get; private set; }

    public int Passed { get; private set; }

    public int Failed { get; private set; }

    public int Skipped { get; private set; }

    /// <summary>Ends counting: from here on <see cref="Case"/> runs what fits.</summary>
    public void Start() => _running = true;

    /// <summary>Names a case that takes so long that it runs only when the pattern means it alone: one without <c>*</c>.</summary>
    public unsafe void OnDemand(ReadOnlySpan<byte> name, delegate*<ref Ktap, void> body)
    {
        if (_glob.IndexOf((byte)'*') < 0 && !_glob.SequenceEqual(_name))
            Case(name, body);
    }

    /// <summary>Names a case; <paramref name="body"/> runs when it is its turn.</summary>
    public unsafe void Case(ReadOnlySpan<byte> name, delegate*<ref Ktap, void> body)
    {
        Utf8Message full = $"{_name}/{name}";
        if (!Glob.Matches(_glob, full.Text) && !Glob.Matches(_glob, _name))
            return;
        if (!_running)
        {
            Count++;
            return;
        }
        Ktap test = default;
        body(ref test);
        _number++;
        bool empty = test.Checks == 0 && !test.Skipped;
        if (empty)
            Ktap.Note($"the case checked nothing");
        if (test.Failed || empty)
        {
            Failed++;
            Results.WriteLine($"  not ok {_number} {name}");
            Log.Warn($"self-test failed: {full.Text}");
            FailedCases.Add(full.Text);
        }
        else if (test.Skipped)
        {
            Skipped++;
            Results.WriteLine($"  ok {_number} {name} # SKIP");
        }
        else
        {
            Passed++;
            Results.WriteLine($"  ok {_number} {name}");
        }
    }
}
