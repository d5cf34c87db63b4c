using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.CompilerServices;

namespace Sluice.Tests.Platform;

/// <summary>
/// Calls that tests leave out of the code under test, one place in the source at a time, to see that somebody notices. The twins of
/// what moves bytes ask here.
/// </summary>
public static class Mutation
{
    [ThreadStatic] private static string? _leftOut;
    [ThreadStatic] private static bool _leavesOutAll;
    [ThreadStatic] private static HashSet<string>? _seen;
    [ThreadStatic] private static int _handOver;
    [ThreadStatic] private static HashSet<int>? _moving;

    /// <summary>The place whose calls do nothing, as in <see cref="Seen"/>; null for none.</summary>
    public static string? LeftOut
    {
        get => _leftOut;
        set => _leftOut = value;
    }

    /// <summary>Whether no call does anything at the moment.</summary>
    public static bool LeavesOutAll
    {
        get => _leavesOutAll;
        set => _leavesOutAll = value;
    }

    /// <summary>The hand-over of a driver that this thread is in; -1 for none.</summary>
    public static int HandOver { get => _handOver - 1; set => _handOver = value + 1; }

    /// <summary>Collects the hand-overs that called something; null for not.</summary>
    public static HashSet<int>? Moving { get => _moving; set => _moving = value; }

    /// <summary>All places that were passed on this thread: what is called, from which member of which file.</summary>
    public static HashSet<string> Seen => _seen ??= [];

    /// <summary>Notes a call, and says whether it is the one to leave out.</summary>
    public static bool LeavesOut(string file, string member, [CallerMemberName] string called = "")
    {
        string place = $"{called} in {Path.GetFileNameWithoutExtension(file)}.{member}";
        Seen.Add(place);
        if (_handOver != 0)
            _moving?.Add(HandOver);
        return _leavesOutAll || place == _leftOut;
    }
}
