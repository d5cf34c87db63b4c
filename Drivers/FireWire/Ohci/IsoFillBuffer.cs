using System;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>A buffer in buffer-fill mode: one packet behind the other, in whatever buffer there is room. Source: OHCI 1.1, sections 10.1.1 and 10.2.1.</summary>
internal sealed class IsoFillBuffer(IsoReceive receiver, IsoReceiveMode mode) : IsoReceiveBuffer(mode), IIsoProgram
{
    // A descriptor has 16 bits for its bytes.
    private const uint MostBytes = 32768;

    private IsoPrograms<Descriptor> _programs;
    private int _count;

    /// <inheritdoc/>
    public uint Begin => BlockAt(0);

    /// <inheritdoc/>
    public bool IsDone
    {
        get
        {
            uint status = _programs.Now[_count - 1].Status.Read();
            return status != 0 && (status & 0xFFFF) == 0;
        }
    }

    /// <inheritdoc/>
    public override IsoPacket this[int place] => default;

    /// <inheritdoc/>
    public void Give()
    {
        GiveAll();
        _programs.Turn();
        for (int i = 0; i < _count; i++)
            _programs.Now[i].Status.Write(0);
        Link(0, inFirst: false);
    }

    /// <inheritdoc/>
    public void Done()
    {
        Whole = Packets;
        TakeBack((uint)Packets * (uint)PacketBytes);
        receiver.Filled(this);
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
        _programs.Lose();
    }

    /// <inheritdoc/>
    public void Link(uint block, bool inFirst) => LinkEnd(ref _programs.Now, block);

    /// <inheritdoc/>
    public void LinkToItself(bool inFirst) => LinkEnd(ref _programs.Before, Begin);

    /// <inheritdoc/>
    protected internal override void Enqueue() => receiver.Buffers.Queue(this);

    /// <inheritdoc/>
    protected override Error TryMakeProgram(DmaDevice dma, ReadOnlySpan<DmaSegment> segments, bool waits)
    {
        _count = 0;
        foreach (DmaSegment segment in segments)
            _count += (int)((segment.Length + MostBytes - 1) / MostBytes);
        // One that nobody uses behind the last, for who reads too much.
        Error error = _programs.TryMake(dma, _count + 1);
        for (int i = 0; i < IsoPrograms<Descriptor>.Count && error == Error.None; i++)
        {
            _programs.Turn();
            Write(segments);
        }
        return error;
    }

    /// <inheritdoc/>
    protected override void FreeProgram() => _programs.Free();

    private void Write(ReadOnlySpan<DmaSegment> segments)
    {
        int place = 0;
        foreach (DmaSegment segment in segments)
        {
            for (uint used = 0; used < segment.Length; used += MostBytes, place++)
            {
                ref Descriptor descriptor = ref _programs.Now[place];
                bool isLast = place == _count - 1;
                descriptor.Control.Write(DescriptorControl.Buffer | (isLast ? DescriptorControl.Interrupt : 0) | Math.Min(MostBytes, segment.Length - used));
                descriptor.Address.Write((uint)segment.Address.Value + used);
                descriptor.Branch.Write(isLast ? 0 : BlockAt(place + 1));
            }
        }
    }

    private void LinkEnd(ref Coherent<Descriptor> program, uint block) => program.Publish(ref program[_count - 1].Branch, block);

    private uint BlockAt(int place) => (uint)_programs.Now.AddressOf(place).Value | 1;
}
