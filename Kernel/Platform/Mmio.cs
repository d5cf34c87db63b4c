using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>
/// A block of device registers, mapped uncached. Offsets and widths are checked against the length; each call is
/// one access of exactly its width, in program order (volatile).
/// </summary>
public readonly unsafe struct Mmio
{
    private readonly byte* _base;
    private readonly uint _length;

    /// <summary>A block that the virtual memory code has mapped.</summary>
    public Mmio(byte* mapped, uint length)
    {
        _base = mapped;
        _length = length;
    }

    /// <summary>Bytes in the block.</summary>
    public uint Length => _length;

    /// <summary>A part of the block.</summary>
    public Mmio Slice(uint offset, uint length)
    {
        Bug.If((ulong)offset + length > _length, "register block sliced past its end"u8);
        return new Mmio(_base + offset, length);
    }

    // Where the front of the block is.
    internal byte* Front(uint bytes)
    {
        Bug.If(bytes > _length, "register block shorter than its registers"u8);
        return _base;
    }

    public byte Read8(uint offset) => System.Threading.Volatile.Read(ref *At(offset, 1));
    public ushort Read16(uint offset) => Load((ushort*)At(offset, 2));
    public uint Read32(uint offset) => Load((uint*)At(offset, 4));
    public ulong Read64(uint offset) => Load((ulong*)At(offset, 8));
    public void Write8(uint offset, byte value) => System.Threading.Volatile.Write(ref *At(offset, 1), value);
    public void Write16(uint offset, ushort value) => System.Threading.Volatile.Write(ref *(ushort*)At(offset, 2), value);
    public void Write32(uint offset, uint value) => System.Threading.Volatile.Write(ref *(uint*)At(offset, 4), value);
    public void Write64(uint offset, ulong value) => System.Threading.Volatile.Write(ref *(ulong*)At(offset, 8), value);

    // Not in place: of a value that only some bits are tested of, the compiler reads no more than the byte that they are in.
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ushort Load(ushort* at) => System.Threading.Volatile.Read(ref *at);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static uint Load(uint* at) => System.Threading.Volatile.Read(ref *at);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong Load(ulong* at) => System.Threading.Volatile.Read(ref *at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* At(uint offset, uint width)
    {
        if ((ulong)offset + width > _length)
            Bug.Stop("register access past the block's end"u8);
        return _base + offset;
    }
}
