using System;

namespace Sluice.Console;

/// <summary>The last lines typed, and the one being typed while older ones are looked at. Pure: hosted tests compile this file, too.</summary>
internal sealed class LineHistory
{
    /// <summary>Lines kept.</summary>
    public const int Capacity = 32;

    // The last slot holds the line being typed.
    private readonly byte[] _text = new byte[(Capacity + 1) * LineEditor.MaxBytes];
    private readonly int[] _lengths = new int[Capacity + 1];
    private int _added, _back;

    private int Count => _added < Capacity ? _added : Capacity;

    /// <summary>Keeps a line, unless it is empty or the same as the one before.</summary>
    public void Add(ReadOnlySpan<byte> line)
    {
        _back = 0;
        if (line.IsEmpty || (_added > 0 && line.SequenceEqual(Slot(Back(1)))))
            return;
        Store(_added++ % Capacity, line);
    }

    /// <summary>Goes back to the line being typed.</summary>
    public void Leave() => _back = 0;

    /// <summary>One line older; false at the oldest. <paramref name="current"/> is kept if it is the one being typed.</summary>
    public bool TryOlder(ReadOnlySpan<byte> current, out ReadOnlySpan<byte> line)
    {
        line = default;
        if (_back == Count)
            return false;
        if (_back == 0)
            Store(Capacity, current);
        line = Slot(Back(++_back));
        return true;
    }

    /// <summary>One line newer, at last the one being typed; false there.</summary>
    public bool TryNewer(out ReadOnlySpan<byte> line)
    {
        line = default;
        if (_back == 0)
            return false;
        line = --_back == 0 ? Slot(Capacity) : Slot(Back(_back));
        return true;
    }

    private int Back(int lines) => (_added - lines) % Capacity;

    private void Store(int slot, ReadOnlySpan<byte> line)
    {
        line.CopyTo(new Span<byte>(_text, slot * LineEditor.MaxBytes, LineEditor.MaxBytes));
        _lengths[slot] = line.Length;
    }

    private ReadOnlySpan<byte> Slot(int slot) => new(_text, slot * LineEditor.MaxBytes, _lengths[slot]);
}
