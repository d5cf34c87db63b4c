using System;
using System.Collections.Generic;
using System.Text;

namespace Sluice.Tests.Fuzz;

/// <summary>
/// All that is random in one run: numbers below bounds, from a seed or from a list. They are written down, so the list alone makes the run again;
/// behind its end everything is 0, which by convention is the plainest choice, and the end of whatever goes on.
/// </summary>
internal sealed class Choices
{
    private readonly List<uint> _made = [];
    private readonly List<(int Start, int End)> _spans = [];
    private uint[]? _given;
    private ulong _state;
    private StringBuilder? _words;

    /// <summary>What was chosen so far.</summary>
    public uint[] Made => [.. _made];

    /// <summary>Parts of it that belong together, inner ones first: what a smaller list can do without.</summary>
    public IReadOnlyList<(int Start, int End)> Spans => _spans;

    /// <summary>Whether somebody wants to read what happens.</summary>
    public bool IsTold => _words != null;

    /// <summary>What happened, a line for each thing.</summary>
    public string Words => _words?.ToString() ?? "";

    /// <summary>Begins a run by a seed.</summary>
    public void Begin(ulong seed) => Begin(null, seed, isTold: false);

    /// <summary>Begins a run by a list.</summary>
    public void Begin(uint[] list, bool isTold = false) => Begin(list, 0, isTold);

    /// <summary>A number below a bound.</summary>
    public int Below(int bound) => (int)Next((ulong)bound);

    /// <summary>True once in so many times.</summary>
    public bool OneIn(int times) => Next((ulong)times) == (ulong)times - 1;

    /// <summary>
    /// Notes the choice to end where something has to end because it was enough, so that a list from which some of it is left out ends there as well.
    /// </summary>
    public void End() => Below(1);

    /// <summary>One of some, the first being the plainest; as often as its weight says.</summary>
    public int Pick(params ReadOnlySpan<int> weights)
    {
        int total = 0;
        foreach (int weight in weights)
            total += weight;
        int chosen = Below(total);
        int index = 0;
        while (chosen >= weights[index])
            chosen -= weights[index++];
        return index;
    }

    /// <summary>A number below a bound, more often a small one.</summary>
    public int Small(int bound)
    {
        int bits = Below(32 - int.LeadingZeroCount(bound - 1) + 1);
        return Math.Min(bound - 1, bits == 0 ? 0 : (1 << (bits - 1)) + Below(1 << (bits - 1)));
    }

    /// <summary>A word as it comes out of a broken or lying device: nothing, all ones, a bit, a small number, or anything.</summary>
    public uint Word() => Pick(2, 3, 3, 3, 3) switch
    {
        0 => 0,
        1 => uint.MaxValue,
        2 => 1u << Below(32),
        3 => (uint)Small(1 << 17),
        _ => (uint)Next(1UL << 32),
    };

    /// <summary>Bytes by one choice: zeros, ones, or what follows from it.</summary>
    public void Fill(Span<byte> bytes)
    {
        uint seed = (uint)Next(1 << 16);
        if (seed < 2)
        {
            bytes.Fill((byte)(seed == 0 ? 0 : 0xFF));
            return;
        }
        ulong state = seed;
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)(Mix(ref state) >> 56);
    }

    /// <summary>Begins a part that belongs together; <see cref="EndSpan"/> takes what this returns.</summary>
    public int BeginSpan() => _made.Count;

    /// <summary>Ends it.</summary>
    public void EndSpan(int start)
    {
        if (_made.Count > start)
            _spans.Add((start, _made.Count));
    }

    /// <summary>Notes what happens; ask <see cref="IsTold"/> before making a text.</summary>
    public void Tell(string line) => _words?.Append("    ").AppendLine(line);

    /// <summary>The next number of a sequence (SplitMix64).</summary>
    public static ulong Mix(ref ulong state)
    {
        state += 0x9E37_79B9_7F4A_7C15;
        ulong value = state;
        value = (value ^ value >> 30) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ value >> 27) * 0x94D0_49BB_1331_11EB;
        return value ^ value >> 31;
    }

    private void Begin(uint[]? list, ulong seed, bool isTold)
    {
        _made.Clear();
        _spans.Clear();
        _given = list;
        _state = seed;
        _words = isTold ? new StringBuilder() : null;
    }

    private ulong Next(ulong bound)
    {
        ulong value = _given == null ? Mix(ref _state) >> 16
            : _made.Count < _given.Length ? _given[_made.Count] : 0;
        value %= bound;
        _made.Add((uint)value);
        return value;
    }
}
