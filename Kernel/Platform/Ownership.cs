using System;
using System.Runtime.CompilerServices;

namespace Sluice;

// What the project's analyzer (Mm/Analyzers) looks for; its rules are in docs/design.md, "What the analyzer holds".

/// <summary>
/// A handle: whoever has it owns something, so there is one of it. It is moved (<see cref="Own.Move"/>, or returned from the method whose
/// local it is), not copied (SLU001), and not dropped while it may hold something (SLU002).
/// </summary>
[AttributeUsage(AttributeTargets.Struct)]
public sealed class NonCopyableAttribute : Attribute
{
    /// <summary>False for what owns nothing that must be given back: a lock, a ring's positions. Then only copies are errors.</summary>
    public bool Release { get; set; } = true;
}

/// <summary>
/// This code implements handles, or breaks the rules on purpose to see them found: it may copy and drop them (not SLU001, SLU002, SLU005).
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Method | AttributeTargets.Constructor | AttributeTargets.Property)]
public sealed class OwnershipInternalsAttribute(string why) : Attribute
{
    public string Why => why;
}

/// <summary>The result of such a method, or any result of such a type, must be looked at (SLU003).</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Enum | AttributeTargets.Struct | AttributeTargets.Class)]
public sealed class MustUseAttribute : Attribute;

/// <summary>
/// Runs while interrupts are off: what it calls makes no objects (SLU004) and calls nothing that is <see cref="NotInInterruptAttribute"/>.
/// Implementations and overrides are held to it, too.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class InterruptPathAttribute : Attribute;

/// <summary>Runs for each packet, transaction or key: what it calls makes no objects (SLU004). Implementations and overrides, too.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PacketPathAttribute : Attribute;

/// <summary>Makes objects, which are never freed, where the analyzer cannot see it: in another assembly, or behind an interface.</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Constructor)]
public sealed class AllocatesAttribute : Attribute;

/// <summary>Takes or gives pages or slabs, locks, waits, or takes a place in a table: not for interrupt handlers and timers (SLU004).</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Constructor)]
public sealed class NotInInterruptAttribute : Attribute;

/// <summary>Moves of handles.</summary>
public static class Own
{
    /// <summary>Takes a handle out of a place and leaves that empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [OwnershipInternals("this is the move")]
    public static T Move<T>(ref T handle) where T : struct, allows ref struct
    {
        T moved = handle;
        handle = default;
        return moved;
    }

    /// <summary>Empties a handle whose memory stays in use for as long as the machine runs: nobody will give it back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void KeepForGood<T>(ref T handle) where T : struct, allows ref struct => handle = default;
}

/// <summary>The way to say that a result does not matter.</summary>
public static class IgnoredResults
{
    /// <summary>Goes on whatever the error is, and tells readers why that is right.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ignore(this Error error, ReadOnlySpan<byte> why)
    {
    }

    /// <summary>Goes on whether it worked or not, and tells readers why that is right.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ignore(this bool worked, ReadOnlySpan<byte> why)
    {
    }
}
