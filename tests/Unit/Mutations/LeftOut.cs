using System;
using System.Collections.Generic;
using Sluice.Tests.Platform;

namespace Sluice.Tests.Mutations;

/// <summary>The switch that rewritten drivers ask at each hand-over: which one this thread leaves out.</summary>
public static class LeftOut
{
    /// <summary>The number that leaves nothing out.</summary>
    public const int Nothing = -1;

    [ThreadStatic] private static int _site;
    [ThreadStatic] private static HashSet<int>? _cameTo;

    /// <summary>The number of the hand-over that is left out; <see cref="Nothing"/> at first.</summary>
    public static int Site
    {
        get => _site - 1;
        set
        {
            _site = value + 1;
            End();
        }
    }

    /// <summary>Collects the hand-overs that this thread comes to; null for not.</summary>
    public static HashSet<int>? CameTo { get => _cameTo; set => _cameTo = value; }

    /// <summary>Whether a descriptor is to be given away.</summary>
    public static bool Keeps(int site)
    {
        _cameTo?.Add(site);
        Mutation.Moving?.Add(site);
        return site != Site;
    }

    /// <summary>A hand-over begins; if it is the one, nothing moves until it ends.</summary>
    public static bool Begin(int site)
    {
        _cameTo?.Add(site);
        Mutation.HandOver = site;
        Mutation.LeavesOutAll = site == Site;
        return Mutation.LeavesOutAll;
    }

    /// <summary>It has ended.</summary>
    public static T End<T>(bool begun, T result) where T : allows ref struct
    {
        End();
        return result;
    }

    /// <inheritdoc cref="End{T}"/>
    public static void End()
    {
        Mutation.LeavesOutAll = false;
        Mutation.HandOver = Nothing;
    }
}
