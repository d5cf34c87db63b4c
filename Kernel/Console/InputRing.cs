using System.Runtime.CompilerServices;
using System.Threading;

namespace Sluice.Console;

/// <summary>
/// Bytes typed and not yet read: interrupt handlers put them in, one reader takes them out, without a lock. When it is full, new
/// bytes are dropped. Pure: hosted tests compile this file, too.
/// </summary>
internal struct InputRing
{
    /// <summary>Bytes that fit; a power of two.</summary>
    public const int Capacity = 1024;

    // Free-running: the wrap is intended.
    private uint _put, _taken;
    private Bytes _bytes;

    /// <summary>Whether there is nothing to read.</summary>
    public readonly bool IsEmpty => Volatile.Read(in _put) == _taken;

    /// <summary>Adds a byte; false if there is no room. Only one at a time, interrupts off.</summary>
    public bool TryAdd(byte value)
    {
        if (_put - Volatile.Read(ref _taken) >= Capacity)
            return false;
        _bytes[(int)(_put % Capacity)] = value;
        Volatile.Write(ref _put, _put + 1);
        return true;
    }

    /// <summary>Takes the oldest byte. Only one reader.</summary>
    public bool TryTake(out byte value)
    {
        value = 0;
        if (IsEmpty)
            return false;
        value = _bytes[(int)(_taken % Capacity)];
        Volatile.Write(ref _taken, _taken + 1);
        return true;
    }

    [InlineArray(Capacity)]
    private struct Bytes
    {
        private byte _first;
    }
}
