using System;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Nodes;

/// <summary>A node with plain memory, which anybody reads, writes and locks.</summary>
public sealed class MemoryNode : Node
{
    /// <summary>Where its memory begins unless it is told otherwise: behind the registers.</summary>
    public const ulong DefaultBase = Csr.Base + 0x1_0000;

    private readonly byte[] _memory;
    private readonly ulong _base;

    public MemoryNode(in BusInformation information, int bytes = 65536, ulong at = DefaultBase)
        : base(information, new RomDirectory().Value(0x03, (uint)(information.Guid >> 40)).Text("Sluice").Value(0x17, 1).Text("Memory").Value(0x0C, 0x00_83C0))
    {
        if (at + (ulong)bytes > 1UL << 48 || (at < Csr.Base + Csr.End && at + (ulong)bytes > Csr.Base))
            throw new ArgumentOutOfRangeException(nameof(at));
        _memory = new byte[bytes];
        _base = at;
    }

    /// <summary>Its memory.</summary>
    public Span<byte> Memory => _memory;

    protected override Rcode Read(ushort source, ulong offset, Span<byte> data)
    {
        if (!TryFind(offset, data.Length, out int at))
            return Rcode.AddressError;
        _memory.AsSpan(at, data.Length).CopyTo(data);
        return Rcode.Complete;
    }

    protected override Rcode Write(ushort source, ulong offset, ReadOnlySpan<byte> data, Speed speed)
    {
        if (!TryFind(offset, data.Length, out int at))
            return Rcode.AddressError;
        data.CopyTo(_memory.AsSpan(at));
        return Rcode.Complete;
    }

    protected override Rcode LockMemory(ushort source, ulong offset, LockOperation operation, ReadOnlySpan<byte> data, Span<byte> old)
    {
        if ((offset & (ulong)(old.Length - 1)) != 0 || !TryFind(offset, old.Length, out int at))
            return Rcode.AddressError;
        Span<byte> memory = _memory.AsSpan(at, old.Length);
        memory.CopyTo(old);
        LockMath.Apply(operation, memory, data);
        return Rcode.Complete;
    }

    private bool TryFind(ulong offset, int bytes, out int at)
    {
        ulong from = offset - _base;
        at = (int)from;
        return offset >= _base && from <= (ulong)_memory.Length && (ulong)bytes <= (ulong)_memory.Length - from;
    }
}
