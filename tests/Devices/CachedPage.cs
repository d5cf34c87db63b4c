using System;

namespace Sluice.Devices;

/// <summary>A page of a machine whose devices do not look into caches: what memory holds of it, and what was in the cache last.</summary>
internal sealed unsafe class CachedPage
{
    public const int Bytes = 4096;

    // What memory holds before anybody wrote to it: not zero, so that a missing write-back of zeros shows.
    private const byte Garbage = 0xDE;

    private readonly byte* _cpu;
    private readonly int _line;
    private readonly byte[] _memory = new byte[Bytes], _last = new byte[Bytes];
    private readonly bool[] _known, _held;

    public CachedPage(byte* cpu, int line)
    {
        _cpu = cpu;
        _line = line;
        _known = new bool[Bytes / line];
        _held = new bool[Bytes / line];
        _memory.AsSpan().Fill(Garbage);
        _held.AsSpan().Fill(true);
    }

    /// <summary>Whether the CPU goes past its caches: then there is but one view.</summary>
    public bool IsUncached { get; private set; }

    /// <summary>What devices see.</summary>
    public Span<byte> Memory => IsUncached ? Cpu : _memory;

    private Span<byte> Cpu => new(_cpu, Bytes);

    /// <summary>Writes whole lines back; they stay in the cache.</summary>
    public void Clean(int offset, int length)
    {
        if (IsUncached)
            return;
        Cpu.Slice(offset, length).CopyTo(_memory.AsSpan(offset));
        Note(offset, length, held: true);
    }

    /// <summary>Drops whole lines, and what was written to them: the CPU sees memory.</summary>
    public void Invalidate(int offset, int length)
    {
        if (IsUncached)
            return;
        _memory.AsSpan(offset, length).CopyTo(Cpu.Slice(offset));
        Note(offset, length, held: false);
    }

    /// <summary>What a cache may do with a line at any time: write back what the CPU wrote, or fetch the line again.</summary>
    public void Evict(int offset)
    {
        if (IsDirty(offset / _line))
            Clean(offset, _line);
        else
            Invalidate(offset, _line);
    }

    /// <summary>Makes the CPU go past its caches; throws if lines are left in them, which would hide or overwrite memory later.</summary>
    public void SetUncached()
    {
        if (IsUncached)
            throw new CacheViolationException("a page becomes uncached that is so");
        for (int line = 0; line < _known.Length; line++)
        {
            if (IsDirty(line) || _held[line])
                throw new CacheViolationException($"the line at byte {line * _line} of a page is still cached{(IsDirty(line) ? ", and dirty," : "")} when the page becomes uncached");
        }
        IsUncached = true;
    }

    /// <summary>Makes the CPU use its caches again.</summary>
    public void SetCached()
    {
        if (!IsUncached)
            throw new CacheViolationException("a page becomes cached that is so");
        IsUncached = false;
        Cpu.CopyTo(_memory);
        Note(0, Bytes, held: false);
    }

    private bool IsDirty(int line) => !_known[line] || !Cpu.Slice(line * _line, _line).SequenceEqual(_last.AsSpan(line * _line, _line));

    private void Note(int offset, int length, bool held)
    {
        Cpu.Slice(offset, length).CopyTo(_last.AsSpan(offset));
        _known.AsSpan(offset / _line, length / _line).Fill(true);
        _held.AsSpan(offset / _line, length / _line).Fill(held);
    }
}

/// <summary>Caches were asked for what real ones could not do without harm.</summary>
public sealed class CacheViolationException(string what) : Exception(what);
