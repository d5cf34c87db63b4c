using System;
using System.Collections.Generic;
using System.Linq;

namespace Sluice.Tests.Fuzz;

/// <summary>
/// Makes a list of choices smaller while the run that it makes still fails: leaves out what belongs together, then lowers numbers. Knows nothing of
/// what they mean.
/// </summary>
/// <param name="fails">Makes a run; the choices that it really made if it fails as it should, else null.</param>
/// <param name="most">Runs that may be tried.</param>
internal sealed class Shrinker(Func<uint[], Choices?> fails, int most)
{
    private uint[] _best = [];
    private (int Start, int End)[] _spans = [];
    private int _left = most;

    /// <summary>The smallest list found; the list itself if it does not fail.</summary>
    public uint[] Shrink(uint[] list)
    {
        _best = list;
        if (!Try(list))
            return list;
        uint[] before;
        do
        {
            before = _best;
            ShortenEnd();
            LeaveOutSpans();
            LeaveOutRows();
            LowerNumbers();
        }
        while (_left > 0 && IsSmaller(_best, before));
        return _best;
    }

    private void ShortenEnd()
    {
        for (int cut = _best.Length / 2; cut > 0; cut /= 2)
        {
            while (cut <= _best.Length && Try(_best[..^cut]))
            {
            }
        }
    }

    // First many in a row, then one by one, then what they are made of; from the end, as what is left out there changes nothing before it.
    private void LeaveOutSpans()
    {
        for (int count = Math.Max(1, Outermost.Length / 2); count > 0; count /= 2)
        {
            for (int first = Outermost.Length - count; first >= 0; first -= count)
            {
                (int Start, int End)[] spans = Outermost;
                if (first + count <= spans.Length)
                    TryWithout(spans[first].Start, spans[first + count - 1].End);
            }
        }
        for (int i = _spans.Length - 1; i >= 0; i--)
        {
            if (i < _spans.Length)
                TryWithout(_spans[i].Start, _spans[i].End);
        }
    }

    // Those that are no part of others, in order.
    private (int Start, int End)[] Outermost => [.. _spans.Where(span => !_spans.Any(other => other.Start <= span.Start && other.End > span.End)).OrderBy(span => span.Start)];

    private bool TryWithout(int start, int end) => Try([.. _best[..start], .. _best[end..]]);

    private void LeaveOutRows()
    {
        const int longest = 64;
        for (int length = 4; length > 0 && _best.Length <= longest; length--)
        {
            for (int start = _best.Length - length; start >= 0; start--)
            {
                if (start + length <= _best.Length)
                    TryWithout(start, start + length);
            }
        }
    }

    private void LowerNumbers()
    {
        for (int i = 0; i < _best.Length; i++)
        {
            if (_best[i] == 0 || TryNumber(i, 0))
                continue;
            for (uint step = _best[i] / 2; step > 0 && i < _best.Length; step /= 2)
            {
                while (i < _best.Length && step <= _best[i] && TryNumber(i, _best[i] - step))
                {
                }
            }
        }
    }

    private bool TryNumber(int index, uint value)
    {
        uint[] list = [.. _best];
        list[index] = value;
        return Try(list);
    }

    private bool Try(uint[] list)
    {
        if (_left-- <= 0 || fails(list) is not { } made)
            return false;
        uint[] really = made.Made;
        // Zeros at the end are there anyway.
        int length = really.Length;
        while (length > 0 && really[length - 1] == 0)
            length--;
        really = really[..length];
        if (_spans.Length != 0 && !IsSmaller(really, _best))
            return false;
        _best = really;
        _spans = [.. made.Spans.Where(span => span.Start < length).Select(span => (span.Start, Math.Min(span.End, length)))];
        return true;
    }

    private static bool IsSmaller(IReadOnlyList<uint> left, IReadOnlyList<uint> right)
    {
        if (left.Count != right.Count)
            return left.Count < right.Count;
        for (int i = 0; i < left.Count; i++)
        {
            if (left[i] != right[i])
                return left[i] < right[i];
        }
        return false;
    }
}
