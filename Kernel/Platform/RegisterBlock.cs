using System.Threading;

namespace Sluice.Platform;

/// <summary>
/// A device's registers, mapped uncached. Their size was checked when they were mapped, so accesses are not: offsets are a driver's constants,
/// and where one is computed, whoever does it keeps it within. Each call is one access of exactly its width, in program order (volatile).
/// </summary>
public readonly unsafe struct RegisterBlock
{
    private readonly byte* _base;

    /// <summary>The front of a block.</summary>
    /// <param name="block">Whoever makes it too short is stopped.</param>
    /// <param name="bytes">Of all the registers that will be accessed.</param>
    public RegisterBlock(Mmio block, uint bytes) => _base = block.Front(bytes);

    private RegisterBlock(byte* start) => _base = start;

    /// <summary>The registers from an offset on, which is 0 in what is given.</summary>
    public RegisterBlock From(uint offset) => new(_base + offset);

    public byte Read8(uint offset) => Volatile.Read(ref _base[offset]);
    public ushort Read16(uint offset) => Mmio.Load((ushort*)(_base + offset));
    public uint Read32(uint offset) => Mmio.Load((uint*)(_base + offset));
    public void Write8(uint offset, byte value) => Volatile.Write(ref _base[offset], value);
    public void Write32(uint offset, uint value) => Volatile.Write(ref *(uint*)(_base + offset), value);
    public void Write64(uint offset, ulong value) => Volatile.Write(ref *(ulong*)(_base + offset), value);
}
