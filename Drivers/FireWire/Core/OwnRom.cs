using System;

namespace Sluice.FireWire.Core;

/// <summary>A unit that a driver offers to others: a directory in our ROM. Source: IEEE 1212-2001, section 7.7.</summary>
public interface IRomUnit
{
    /// <summary>Entries of its directory.</summary>
    int Entries { get; }

    /// <summary>Writes exactly so many; called whenever the ROM is made anew, and writes the same each time.</summary>
    void Write(ref RomWriter writer, ref RomDirectory directory);
}

/// <summary>
/// Our own configuration ROM: what others see now, and what they see after the next bus reset. A change makes the second anew with another
/// generation, so who remembers the old one by it reads again. Source: IEEE 1394a-2000, section 8.3.2.5 (changes at a bus reset).
/// </summary>
public sealed class OwnRom
{
    public const int MostUnits = 8;

    // spt, 64, fix, lst, drq: SPLIT_TIMEOUT, addresses of 64 bits with 16 of node, STATE bits lost and dreq (IEEE 1394-1995, section 8.3.2.5.5.3).
    private const uint Capabilities = 0x00_83C0, FirstGeneration = 2, LastGeneration = 15;

    private readonly uint[] _images = new uint[2 * Rom.Quadlets];
    private readonly IRomUnit?[] _units = new IRomUnit?[MostUnits];
    private readonly ulong _guid;
    private readonly BusOptions _options;
    private uint _generation = FirstGeneration - 1;
    private int _current, _currentUsed, _nextUsed, _unitCount;

    /// <summary>A ROM without units. Only while the kernel starts.</summary>
    /// <param name="guid">Of the controller; its upper 24 bits name the vendor.</param>
    /// <param name="options">What controller and stack can; the generation is filled in.</param>
    public OwnRom(ulong guid, BusOptions options)
    {
        _guid = guid;
        _options = options;
        Make().Ignore("a ROM without units fits"u8);
        Swap();
    }

    /// <summary>Our EUI-64.</summary>
    public ulong Guid => _guid;

    /// <summary>What others see until the next bus reset, in quadlets.</summary>
    public ReadOnlySpan<uint> Current => new(_images, _current, _currentUsed);

    /// <summary>What they see afterwards.</summary>
    public ReadOnlySpan<uint> Next => IsChanged ? new(_images, Rom.Quadlets - _current, _nextUsed) : Current;

    /// <summary>Whether the two differ: then a bus reset is wanted.</summary>
    public bool IsChanged { get; private set; }

    /// <summary>Adds a unit from the next bus reset on; <see cref="Error.NoResources"/> if there is no room, then nothing changes.</summary>
    public Error Add(IRomUnit unit)
    {
        if (_unitCount == MostUnits)
            return Error.NoResources;
        (bool wasChanged, uint generation) = (IsChanged, _generation);
        _units[_unitCount++] = unit;
        Error error = Make();
        if (error == Error.None)
            return Error.None;
        _unitCount--;
        if (wasChanged)
            Make().Ignore("what fitted before fits"u8);
        (IsChanged, _generation) = (wasChanged, generation);
        return error;
    }

    /// <summary>Removes a unit from the next bus reset on; false if it is not there.</summary>
    public bool TryRemove(IRomUnit unit)
    {
        int index = 0;
        while (index < _unitCount && _units[index] != unit)
            index++;
        if (index == _unitCount)
            return false;
        // In order, so that the others stay where they were.
        for (_unitCount--; index < _unitCount; index++)
            _units[index] = _units[index + 1];
        Make().Ignore("less fits"u8);
        return true;
    }

    /// <summary>Has what is next be told from what is seen now, whatever became of the last change.</summary>
    public void Renew() => Make().Ignore("it fitted before"u8);

    /// <summary>A bus reset: what was next is what others see.</summary>
    public void Swap()
    {
        if (!IsChanged)
            return;
        IsChanged = false;
        _current = Rom.Quadlets - _current;
        _currentUsed = _nextUsed;
    }

    private Error Make()
    {
        // Of several changes before one reset only the last is seen: one generation is enough.
        if (!IsChanged)
            _generation = _generation == LastGeneration ? FirstGeneration : _generation + 1;
        IsChanged = true;
        var writer = new RomWriter(new Span<uint>(_images, Rom.Quadlets - _current, Rom.Quadlets));
        writer.BusBlock(_guid, _options.WithGeneration((int)_generation));
        RomDirectory root = writer.Root(5 + _unitCount);
        writer.Value(ref root, RomKey.Vendor, (uint)(_guid >> 40));
        writer.Text(ref root, "Sluice"u8);
        writer.Value(ref root, RomKey.NodeCapabilities, Capabilities);
        writer.Value(ref root, RomKey.Model, 0x51_0001);
        writer.Text(ref root, "Sluice kernel"u8);
        for (int i = 0; i < _unitCount; i++)
        {
            RomDirectory unit = writer.Directory(ref root, RomKey.UnitDirectory, _units[i]!.Entries);
            _units[i]!.Write(ref writer, ref unit);
            writer.Finish(unit);
        }
        writer.Finish(root);
        _nextUsed = writer.Used;
        return writer.IsFull ? Error.NoResources : Error.None;
    }
}
