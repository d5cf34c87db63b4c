using System;
using Sluice.Tests.Platform;

namespace Sluice.Tests.Mutations;

/// <summary>The switch that rewritten drivers ask at each hand-over: which one this thread leaves out.</summary>
public static class LeftOut
{
    /// <summary>The number that leaves nothing out.</summary>
    public const int Nothing = -1;

    [ThreadStatic] private static int _site;
    [ThreadStatic] private static int _reached;

    /// <summary>The number of the hand-over that is left out; <see cref="Nothing"/> at first.</summary>
    public static int Site
    {
        get => _site - 1;
        set
        {
            _site = value + 1;
            Mutation.LeavesOutAll = false;
        }
    }

    /// <summary>Times that this thread came to it.</summary>
    public static int Reached => _reached;

    /// <summary>Whether a descriptor is to be given away.</summary>
    public static bool Keeps(int site)
    {
        bool keeps = site != Site;
        _reached += keeps ? 0 : 1;
        Mutation.LeftOutCalls += keeps ? 0 : 1;
        return keeps;
    }

    /// <summary>A hand-over begins; if it is the one, nothing moves until it ends.</summary>
    public static bool Begin(int site)
    {
        Mutation.LeavesOutAll = site == Site;
        _reached += Mutation.LeavesOutAll ? 1 : 0;
        return Mutation.LeavesOutAll;
    }

    /// <summary>It has ended.</summary>
    public static T End<T>(bool begun, T result) where T : allows ref struct
    {
        End();
        return result;
    }

    /// <inheritdoc cref="End{T}"/>
    public static void End() => Mutation.LeavesOutAll = false;
}
