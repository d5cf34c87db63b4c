using System;
using System.Runtime.CompilerServices;

namespace Sluice.FireWire.Core;

/// <summary>Who asks for something, and how.</summary>
public readonly struct IncomingRequest(int node, byte generation, BusSpeed speed, bool isBroadcast)
{
    /// <summary>The node's number; ourselves, too.</summary>
    public readonly int Node = node;
    public readonly byte Generation = generation;
    public readonly BusSpeed Speed = speed;

    /// <summary>It was for all nodes.</summary>
    public readonly bool IsBroadcast = isBroadcast;
}

/// <summary>
/// A range of our 48-bit space that somebody answers for. What it does not override is a type error. Runs for each request: allocates
/// nothing, waits for nothing. A request is in the range as a whole.
/// </summary>
public abstract class AddressHandler(ulong start, ulong bytes)
{
    /// <summary>Functional control protocol: commands and responses are writes to these. Source: IEC 61883-1, section 6.</summary>
    public const ulong FcpCommand = 0xFFFF_F000_0B00, FcpResponse = 0xFFFF_F000_0D00, FcpBytes = 0x200;

    public ulong Start { get; } = start;

    public ulong Bytes { get; } = bytes;

    /// <summary>Fills <paramref name="data"/> with what is there.</summary>
    [PacketPath]
    public virtual ResponseCode Read(in IncomingRequest request, ulong offset, Span<byte> data) => ResponseCode.TypeError;

    /// <summary>Takes data; valid in this call. What it says is not told to who broadcasts, or was told already that all is well.</summary>
    [PacketPath]
    public virtual ResponseCode Write(in IncomingRequest request, ulong offset, ReadOnlySpan<byte> data) => ResponseCode.TypeError;

    /// <summary>Changes 4 or 8 bytes.</summary>
    /// <param name="data">Argument and value; the value alone for additions.</param>
    /// <param name="old">To be filled with what was there.</param>
    [PacketPath]
    public virtual ResponseCode Lock(in IncomingRequest request, ulong offset, LockOperation operation, ReadOnlySpan<byte> data, Span<byte> old) =>
        ResponseCode.TypeError;
}

/// <summary>The ranges of all handlers, in order; none overlaps another.</summary>
public sealed class AddressSpaceTable
{
    public const int Capacity = 32;

    private readonly AddressHandler?[] _handlers = new AddressHandler?[Capacity];
    private AddressHandler? _last;
    private int _count;

    /// <summary>Adds one: <see cref="Error.Busy"/> if it overlaps, <see cref="Error.NoResources"/> if there are too many, <see cref="Error.Malformed"/> if it is empty or beyond 48 bits.</summary>
    public Error Add(AddressHandler handler)
    {
        if (handler.Bytes == 0 || handler.Bytes > PacketHeader.OffsetMask || handler.Start > PacketHeader.OffsetMask + 1 - handler.Bytes)
            return Error.Malformed;
        int place = Above(handler.Start);
        if (place > 0 && handler.Start - _handlers[place - 1]!.Start < _handlers[place - 1]!.Bytes)
            return Error.Busy;
        if (place < _count && _handlers[place]!.Start - handler.Start < handler.Bytes)
            return Error.Busy;
        if (_count == Capacity)
            return Error.NoResources;
        for (int i = _count++; i > place; i--)
            _handlers[i] = _handlers[i - 1];
        _handlers[place] = handler;
        return Error.None;
    }

    /// <summary>Takes one away; false if it is not there.</summary>
    public bool TryRemove(AddressHandler handler)
    {
        int place = Above(handler.Start) - 1;
        if (place < 0 || _handlers[place] != handler)
            return false;
        for (_count--; place < _count; place++)
            _handlers[place] = _handlers[place + 1];
        _handlers[_count] = null;
        _last = null;
        return true;
    }

    /// <summary>Who answers for all of these bytes; null if nobody does.</summary>
    [PacketPath]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public AddressHandler? Find(ulong offset, uint bytes)
    {
        // Mostly it is who answered last.
        if (_last is { } last && offset - last.Start < last.Bytes)
            return bytes <= last.Bytes - (offset - last.Start) ? last : null;
        return FindAnew(offset, bytes);
    }

    private AddressHandler? FindAnew(ulong offset, uint bytes)
    {
        int place = Above(offset);
        if (place == 0)
            return null;
        AddressHandler handler = _handlers[place - 1]!;
        ulong within = offset - handler.Start;
        if (within >= handler.Bytes || bytes > handler.Bytes - within)
            return null;
        _last = handler;
        return handler;
    }

    // How many begin at or below an address.
    private int Above(ulong offset)
    {
        int low = 0, high = _count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_handlers[middle]!.Start <= offset)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
