using System;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Sluice;

/// <summary>What stops the kernel is an exception here.</summary>
public sealed class BugException(string message) : Exception(message);

/// <summary>The hosted twin of the kernel's way to stop.</summary>
public static class Bug
{
    [DoesNotReturn]
    public static void Stop(ReadOnlySpan<byte> what) => throw new BugException(Encoding.UTF8.GetString(what));

    public static void If([DoesNotReturnIf(true)] bool condition, ReadOnlySpan<byte> what)
    {
        if (condition)
            Stop(what);
    }
}
