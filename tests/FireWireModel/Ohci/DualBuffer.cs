using System;
using System.Runtime.InteropServices;

namespace Sluice.FireWire.Ohci;

/// <summary>
/// A chain of DUALBUFFER descriptors: the first bytes of each packet go into one buffer, the rest into another. A descriptor is done when
/// its first buffer has no room for another packet's first bytes, or its second is full; the rest of a packet goes on in the next one.
/// Source: 1394 OHCI 1.1, sections 10.1.2 and 10.2.3.
/// </summary>
internal sealed class DualBuffer(IOhciHost host)
{
    private const int Descriptors = 2;

    private Fields _fields;
    private uint _at;
    private int _firstUsed, _secondUsed;

    public bool IsOpen { get; private set; }

    /// <summary>The descriptor that was used last.</summary>
    public uint Last { get; private set; }

    public uint Current => IsOpen ? _at | Descriptors : 0;

    /// <summary>3: wait for a packet with the right synchronization code.</summary>
    public int Wait => IsOpen && _firstUsed == 0 && _secondUsed == 0 ? (int)(_fields.Control >> 16) & 3 : 0;

    private int FirstBytes => (int)_fields.Control & 0xFFFF;

    private int FirstRoom => (int)(_fields.Requests >> 16);

    private int SecondRoom => (int)_fields.Requests & 0xFFFF;

    public EventCode Open(uint branch)
    {
        if ((branch & 0xF) != Descriptors)
            return EventCode.Unknown;
        Fields fields = default;
        if (!host.TryRead(branch & ~0xFu, MemoryMarshal.AsBytes(new Span<Fields>(ref fields))))
            return EventCode.DescriptorRead;
        _fields = fields;
        // Sizes in quadlets, and at least a packet's first bytes.
        if (FirstBytes == 0 || FirstBytes > FirstRoom || SecondRoom == 0 || ((FirstBytes | FirstRoom | SecondRoom) & 3) != 0)
            return EventCode.Unknown;
        _at = branch & ~0xFu;
        Last = _at;
        _firstUsed = 0;
        _secondUsed = 0;
        IsOpen = true;
        return EventCode.None;
    }

    public void Close()
    {
        IsOpen = false;
        Last = 0;
    }

    /// <summary>Cuts a packet.</summary>
    /// <param name="hasInterrupt">Whether a descriptor was done that asks for one.</param>
    public EventCode Put(ReadOnlySpan<byte> bytes, out bool hasInterrupt)
    {
        hasInterrupt = false;
        int first = Math.Min(FirstBytes, bytes.Length);
        if (!host.TryWrite(_fields.FirstAddress + (uint)_firstUsed, bytes[..first]))
            return EventCode.DataWrite;
        _firstUsed += FirstBytes;
        bytes = bytes[first..];
        while (true)
        {
            int here = Math.Min(bytes.Length, SecondRoom - _secondUsed);
            if (!host.TryWrite(_fields.SecondAddress + (uint)_secondUsed, bytes[..here]))
                return EventCode.DataWrite;
            _secondUsed += (here + 3) & ~3;
            bytes = bytes[here..];
            bool isDone = _firstUsed + FirstBytes > FirstRoom || _secondUsed >= SecondRoom;
            if (!host.TryWrite32(_at + 12, ((uint)(FirstRoom - _firstUsed) << 16) | (uint)Math.Max(0, SecondRoom - _secondUsed)))
                return EventCode.DataWrite;
            if (!isDone)
                return EventCode.None;
            hasInterrupt |= ((_fields.Control >> 20) & 3) == 3;
            IsOpen = false;
            if (!host.TryRead32(_at + 8, out uint branch))
                return EventCode.DescriptorRead;
            if ((branch & 0xF) == 0)
                return EventCode.None;
            EventCode error = Open(branch);
            if (error != EventCode.None || bytes.IsEmpty)
                return error;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Fields
    {
        // Control and first size; first and second request count; branch; first and second residual count; -, two addresses, -.
        public uint Control, Requests, Branch, Residuals, Reserved0, FirstAddress, SecondAddress, Reserved1;
    }
}
