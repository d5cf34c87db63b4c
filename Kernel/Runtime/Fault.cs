using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime;
using System.Runtime.CompilerServices;

namespace Sluice.Runtime;

/// <summary>The way out of the core library when a check fails: the kernel's panic, bound at link time.</summary>
public static unsafe class Fault
{
    /// <summary>
    /// Stops the machine with a report. Any context. It never returns, and the compiler sees that, so callers stay in
    /// the backtrace; <c>throw Fault.Stop(...)</c> passes that on to the caller's callers.
    /// </summary>
    [DoesNotReturn]
    public static Exception Stop(ReadOnlySpan<byte> what)
    {
        fixed (byte* text = what)
            Panic(text, what.Length);
        while (true) ;
    }

    /// <summary>Stops the machine with a text in UTF-16 (an exception's).</summary>
    [DoesNotReturn]
    public static Exception Stop(string what)
    {
        byte* text = stackalloc byte[160];
        int length = what.Length < 160 ? what.Length : 160;
        for (int i = 0; i < length; i++)
            text[i] = what[i] < 0x80 ? (byte)what[i] : (byte)'?';
        Panic(text, length);
        while (true) ;
    }

    [RuntimeImport("sluice_panic")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    private static extern void Panic(byte* text, int length);
}
