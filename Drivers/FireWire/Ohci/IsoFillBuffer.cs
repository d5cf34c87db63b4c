using System;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>A buffer in buffer-fill mode: one packet behind the other, in whatever buffer there is room. Source: OHCI 1.1, sections 10.1.1 and 10.2.1.</summary>
internal sealed class IsoFillBuffer(IsoReceiveMode mode) : IsoReceiveBuffer(mode), IIsoProgram
{
    // A descriptor has 16 bits for its bytes.
    private const uint MostBytes = 32768;

    private Coherent<Descriptor> _descriptors;
    private int _count;

    /// <inheritdoc/>
    public uint Begin { get; private set; }

    /// <inheritdoc/>
    public bool IsDone
    {
        get
        {
            uint status = _descriptors[_count - 1].Status.Read();
            return status != 0 && (status & 0xFFFF) == 0;
        }
    }

    /// <inheritdoc/>
    public override IsoPacket this[int place] => default;

    /// <inheritdoc/>
    public void Give()
    {
        GiveAll();
        for (int i = 0; i < _count; i++)
            _descriptors[i].Status.Write(0);
        Link(0, inFirst: false);
    }

    /// <summary>Takes it back, full.</summary>
    public void Take()
    {
        Whole = Packets;
        TakeBack((uint)Packets * (uint)PacketBytes);
    }

    /// <inheritdoc/>
    public void TakeUnused()
    {
        Whole = 0;
        TakeBack(0);
    }

    /// <inheritdoc/>
    public void Lose()
    {
        Abandon();
        Own.KeepForGood(ref _descriptors);
    }

    /// <inheritdoc/>
    public void Link(uint block, bool inFirst) => _descriptors.Publish(ref _descriptors[_count - 1].Branch, block);

    /// <inheritdoc/>
    protected override Error TryMakeProgram(DmaDevice dma, ReadOnlySpan<DmaSegment> segments, bool waits)
    {
        _count = 0;
        foreach (DmaSegment segment in segments)
            _count += (int)((segment.Length + MostBytes - 1) / MostBytes);
        // One that nobody uses behind the last, for who reads too much.
        Error error = dma.TryAllocateCoherent(_count + 1, out _descriptors);
        if (error != Error.None)
            return error;
        Begin = BlockAt(0);
        int place = 0;
        foreach (DmaSegment segment in segments)
        {
            for (uint used = 0; used < segment.Length; used += MostBytes, place++)
            {
                ref Descriptor descriptor = ref _descriptors[place];
                bool isLast = place == _count - 1;
                descriptor.Control.Write(DescriptorControl.Buffer | (isLast ? DescriptorControl.Interrupt : 0) | Math.Min(MostBytes, segment.Length - used));
                descriptor.Address.Write((uint)segment.Address.Value + used);
                descriptor.Branch.Write(isLast ? 0 : BlockAt(place + 1));
            }
        }
        return Error.None;
    }

    /// <inheritdoc/>
    protected override void FreeProgram()
    {
        if (!_descriptors.IsEmpty)
            DmaDevice.Free(ref _descriptors);
    }

    private uint BlockAt(int place) => (uint)_descriptors.AddressOf(place).Value | 1;
}
