using System;
using Sluice.Runtime;

namespace Sluice.SelfTest;

/// <summary>Formatting as it comes out of the freestanding build; hosted tests cover the algorithms.</summary>
internal static unsafe class TextSuite
{
    public static void Register(ref Suite suite)
    {
        suite.Case("numbers are formatted and aligned"u8, &Numbers);
        suite.Case("UTF-16 becomes UTF-8"u8, &Unicode);
        suite.Case("what does not fit is cut off"u8, &Truncation);
        suite.Case("globs match"u8, &Globs);
    }

    private static void Numbers(ref Ktap t)
    {
        Same(ref t, $"{0} {-1} {long.MinValue} {ulong.MaxValue}", "0 -1 -9223372036854775808 18446744073709551615"u8);
        Same(ref t, $"{255:x} {255:X4} {-1:x} {42UL:d5}", "ff 00FF ffffffff 00042"u8);
        Same(ref t, $"[{7,4}] [{7,-4}] [{true,6}]", "[   7] [7   ] [  true]"u8);
        Same(ref t, $"{new ByteSize(512 << 20)} {new ByteSize(1536)} {new ByteSize(17)}", "512 MiB 1.5 KiB 17 B"u8);
    }

    private static void Unicode(ref Ktap t) => Same(ref t, $"é€😀{'ß'}", "é€😀ß"u8);

    private static void Truncation(ref Ktap t)
    {
        Span<byte> room = stackalloc byte[4];
        Utf8Writer writer = new(room);
        writer.Append(123456UL);
        t.Check(writer.IsTruncated, "told"u8);
        t.Equal(4, (ulong)writer.Length, "bytes kept"u8);
    }

    private static void Globs(ref Ktap t)
    {
        t.Check(Glob.Matches("*"u8, "anything"u8), "star"u8);
        t.Check(Glob.Matches("a*b?d"u8, "axxbcd"u8), "mixed"u8);
        t.Check(!Glob.Matches("a*b"u8, "axxbc"u8), "whole name"u8);
    }

    private static void Same(ref Ktap t, scoped in Utf8Message actual, ReadOnlySpan<byte> expected)
    {
        bool same = actual.Text.Length == expected.Length;
        for (int i = 0; same && i < expected.Length; i++)
            same = actual.Text[i] == expected[i];
        if (!t.Check(same, "text as expected"u8))
            Ktap.Note($"got {actual.Text}");
    }
}
