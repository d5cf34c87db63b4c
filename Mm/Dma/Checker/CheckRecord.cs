using System.Runtime.InteropServices;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// What the checker remembers of a mapping: the other half of its <see cref="Mapping"/>, which points here. Both are kept for a while after
/// the end, so that late uses find who it was.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CheckRecord
{
    /// <summary>Neighbours among the living, or among the ended in order of their ends.</summary>
    public CheckRecord* Next, Previous;

    public Mapping* Mapping;

    /// <summary>The page run in which the device works; 0 for bounce slots.</summary>
    public ulong Shadow;

    /// <summary>The page run in which the CPU's bytes wait while the device has them.</summary>
    public ulong Kept;

    /// <summary>All memory around the device's bytes that nobody else uses: physical, the first byte and the one behind the last.</summary>
    public ulong First, End;

    /// <summary>Where the device sees the first byte.</summary>
    public ulong Address;

    /// <summary>What it was, as in the mapping's kind.</summary>
    public DmaDirection Direction;
    public DmaFamily Family;

    /// <summary>Whether it was released, and whether both sides use it at once.</summary>
    public bool HasEnded, IsShared;

    /// <summary>Whether it is a piece of a scatter list: its segments have the limits, not it.</summary>
    public bool IsPiece;

    /// <summary>Bytes at its front that the device does not write.</summary>
    public ushort Front;

    /// <summary>Bytes, and what follows them on their last cache line while the device has them.</summary>
    public uint Room;
    public uint LineRest;
    public fixed byte Line[128];

    /// <summary>Counts all mappings that were checked.</summary>
    public ulong Serial;

    /// <summary>When it was made, and when released, in microseconds.</summary>
    public ulong Since, Ended;

    /// <summary>Who made it: method and line; 0 if not told.</summary>
    public StableReference<string> Method;
    public int SourceLine;

    /// <summary>What stands where no device may write.</summary>
    public readonly ulong Seed => Shadow == 0 ? Pattern.Zero : Pattern.Guard;

    public static CheckRecord* Of(Mapping* mapping) => (CheckRecord*)mapping->Checked;
}
