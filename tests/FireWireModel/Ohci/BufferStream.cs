using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Sluice.FireWire.Ohci;

/// <summary>
/// Buffers that a chain of INPUT_MORE descriptors, each a block, makes one stream of: buffer-fill mode.
/// Source: 1394 OHCI 1.1, sections 8.1 and 10.2.1.
/// </summary>
internal sealed class BufferStream(IOhciHost host, int descriptorBytes)
{
    // As many buffers as one packet may need; more are looked at with the next.
    private const int MostAhead = 64;

    private readonly Stack<(uint Address, int Left)> _touched = new();
    private Descriptor _descriptor;
    private uint _at;
    private int _used;

    /// <summary>Whether there is a buffer.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>The descriptor that was used last: its branch says how it goes on. 0 if none was.</summary>
    public uint Last { get; private set; }

    /// <summary>The block that is used, with its number of descriptors; 0 if none is.</summary>
    public uint Current => IsOpen ? _at | 1 : 0;

    /// <summary>The descriptor of the buffer that the last packet filled; 0 if it filled none.</summary>
    public uint Finished { get; private set; }

    /// <summary>Bytes of the buffer that is or was used last.</summary>
    public int BufferBytes => _descriptor.RequestCount;

    /// <summary>The first address behind that buffer; 0 if there never was one.</summary>
    public uint BufferEnd => _descriptor.DataAddress + (uint)_descriptor.RequestCount;

    /// <summary>What descriptors are told to have left, besides what they have: not 0 for who is faulty.</summary>
    public int ResidualError { get; set; }

    /// <summary>Begins with a descriptor.</summary>
    public EventCode Open(uint branch)
    {
        if ((branch & 0xF) != 1)
            return EventCode.Unknown;
        if (!TryRead(branch & ~0xFu, out Descriptor descriptor))
            return EventCode.DescriptorRead;
        if (!IsGood(descriptor))
            return EventCode.Unknown;
        _descriptor = descriptor;
        _at = branch & ~0xFu;
        Last = _at;
        _used = 0;
        IsOpen = true;
        return EventCode.None;
    }

    /// <summary>The program is not run any more.</summary>
    public void Close()
    {
        IsOpen = false;
        Last = 0;
    }

    /// <summary>Whether so many bytes fit into what is linked now.</summary>
    public bool HasRoom(int bytes)
    {
        bytes -= _descriptor.RequestCount - _used;
        uint last = _at;
        for (int i = 0; bytes > 0; i++)
        {
            // Linked meanwhile, perhaps: so it is read anew.
            if (i == MostAhead || !host.TryRead32(last + 8, out uint branch) || (branch & 0xF) != 1)
                return false;
            last = branch & ~0xFu;
            if (!TryRead(last, out Descriptor next) || !IsGood(next))
                return false;
            bytes -= next.RequestCount;
        }
        return true;
    }

    /// <summary>Puts bytes where there is room for them.</summary>
    /// <param name="status">Goes into each descriptor concerned, above the bytes that are left.</param>
    /// <param name="hasInterrupt">Whether a buffer was filled whose descriptor asks for one.</param>
    public EventCode Put(ReadOnlySpan<byte> bytes, uint status, out bool hasInterrupt)
    {
        _touched.Clear();
        EventCode error = Fill(bytes, out hasInterrupt);
        // The last buffer's first: who looks meanwhile must not see a full buffer whose packet goes on in one that looks empty.
        while (_touched.TryPop(out (uint Address, int Left) one))
        {
            if (!host.TryWrite32(one.Address + 12, status | ((uint)(one.Left + ResidualError) & 0xFFFF)))
                return EventCode.DataWrite;
        }
        return error;
    }

    private EventCode Fill(ReadOnlySpan<byte> bytes, out bool hasInterrupt)
    {
        hasInterrupt = false;
        Finished = 0;
        while (true)
        {
            int count = Math.Min(bytes.Length, _descriptor.RequestCount - _used);
            if (!host.TryWrite(_descriptor.DataAddress + (uint)_used, bytes[..count]))
                return EventCode.DataWrite;
            _used += count;
            bytes = bytes[count..];
            int left = _descriptor.RequestCount - _used;
            if (_descriptor.WantsStatus)
                _touched.Push((_at, left));
            if (left == 0)
            {
                hasInterrupt |= _descriptor.Interrupt == 3;
                IsOpen = false;
                Finished = _at;
                if (!host.TryRead32(_at + 8, out uint branch))
                    return EventCode.DescriptorRead;
                // The next buffer may come later, unless this packet needs it.
                EventCode error = (branch & 0xF) == 0 && bytes.IsEmpty ? EventCode.None : Open(branch);
                if (error != EventCode.None)
                    return error;
            }
            if (bytes.IsEmpty)
                return EventCode.None;
        }
    }

    private static bool IsGood(in Descriptor descriptor) =>
        descriptor.Command == Descriptor.InputMore && descriptor.Key == Descriptor.KeyStandard && descriptor.Branch == 3 && descriptor.RequestCount != 0;

    private bool TryRead(uint address, out Descriptor descriptor)
    {
        Span<Descriptor> read = stackalloc Descriptor[2];
        bool isThere = host.TryRead(address, MemoryMarshal.AsBytes(read)[..descriptorBytes]);
        descriptor = read[0];
        return isThere;
    }
}
