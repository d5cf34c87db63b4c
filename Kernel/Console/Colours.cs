using System;

namespace Sluice.Console;

/// <summary>The control sequences that set colours, for outputs that want none. Pure: hosted tests compile this file, too.</summary>
internal static class Colours
{
    private const byte Escape = 0x1B;

    /// <summary>Where the text goes on behind a whole sequence (ESC [ ... m) that starts at a position; the position itself if none does.</summary>
    public static int Skip(ReadOnlySpan<byte> text, int at)
    {
        if (text[at] != Escape || at + 1 >= text.Length || text[at + 1] != '[')
            return at;
        int end = at + 2;
        while (end < text.Length && text[end] is >= (byte)'0' and <= (byte)';')
            end++;
        return end < text.Length && text[end] == 'm' ? end + 1 : at;
    }
}
