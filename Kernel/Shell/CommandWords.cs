using System;

namespace Sluice.Shell;

/// <summary>The words behind a command, separated by blanks. Pure: hosted tests compile this file, too.</summary>
internal ref struct CommandWords(ReadOnlySpan<byte> line)
{
    private ReadOnlySpan<byte> _rest = line;

    /// <summary>Takes the next word; false, and empty, at the end.</summary>
    public bool TryNext(out ReadOnlySpan<byte> word)
    {
        int start = 0;
        while (start < _rest.Length && _rest[start] == ' ')
            start++;
        int end = start;
        while (end < _rest.Length && _rest[end] != ' ')
            end++;
        word = _rest.Slice(start, end - start);
        _rest = _rest.Slice(end);
        return end > start;
    }

    /// <summary>Takes the one pattern that may stand there, <c>*</c> if none does; false if more words follow.</summary>
    public bool TryOnlyPattern(out ReadOnlySpan<byte> glob)
    {
        if (!TryNext(out glob))
            glob = "*"u8;
        return !TryNext(out _);
    }
}
