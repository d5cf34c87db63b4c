using System;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Memory that everybody may use.</summary>
internal sealed class Offer(ulong start, ulong bytes) : AddressHandler(start, bytes)
{
    public byte[] Memory { get; } = new byte[bytes];

    public override ResponseCode Read(in IncomingRequest request, ulong offset, Span<byte> data)
    {
        Memory.AsSpan((int)(offset - Start), data.Length).CopyTo(data);
        return ResponseCode.Complete;
    }

    public override ResponseCode Write(in IncomingRequest request, ulong offset, ReadOnlySpan<byte> data)
    {
        data.CopyTo(Memory.AsSpan((int)(offset - Start)));
        return ResponseCode.Complete;
    }

    public override ResponseCode Lock(in IncomingRequest request, ulong offset, LockOperation operation, ReadOnlySpan<byte> data, Span<byte> old)
    {
        Span<byte> place = Memory.AsSpan((int)(offset - Start), old.Length);
        place.CopyTo(old);
        LockMath.Apply((Model.LockOperation)operation, place, data);
        return ResponseCode.Complete;
    }
}
