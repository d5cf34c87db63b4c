using System;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

/// <summary>A DUALBUFFER descriptor. Source: OHCI 1.1, section 10.1.2.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DualDescriptor
{
    /// <summary>Descriptors of 16 bytes that it counts as.</summary>
    public const uint Count = 2;

    /// <summary>As of other descriptors; in 15:0 the first bytes of each packet.</summary>
    public Shared<uint> Control;

    /// <summary>Bytes of both memories, the first 31:16; and what is left of them, written by the controller.</summary>
    public Shared<uint> Requests, Branch, Residuals, Reserved, FirstAddress, SecondAddress, Unused;
}

/// <summary>What the first memory has of a packet.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DualFront
{
    public const uint Bytes = 16;

    /// <summary>When: the lower half. Then the header, as on the bus.</summary>
    public Shared<uint> Time, Header;

    /// <summary>The first bytes of its data.</summary>
    public Shared<ulong> Data;
}

/// <summary>
/// A buffer in dual-buffer mode: header, time and first bytes of each packet are in one memory, the other bytes one behind the other in another, which must
/// lie in one piece, as what is a little smaller than a power of two does. It is full when either is. No status is told of a packet, so damaged ones cannot be told from others. Source: OHCI 1.1, sections
/// 10.1.2 and 10.2.3.
/// </summary>
internal sealed class IsoDualBuffer(IsoReceive receiver) : IsoReceiveBuffer(IsoReceiveMode.Divided), IIsoProgram
{
    // A descriptor has 16 bits for the bytes of each memory.
    private const uint MostBytes = 0xFFFC;

    private IsoPrograms<DualDescriptor> _programs;
    private Coherent<DualFront> _fronts;

    /// <inheritdoc/>
    public uint Begin => (uint)_programs.Now.AddressOf(0).Value | DualDescriptor.Count;

    /// <inheritdoc/>
    public bool IsDone => _programs.Now[0].Residuals.Read() is var left && ((left & 0xFFFF) == 0 || left >> 16 < DualFront.Bytes);

    /// <inheritdoc/>
    public override IsoPacket this[int place]
    {
        get
        {
            ref DualFront front = ref _fronts[place];
            return new IsoPacket(front.Header.Read(), front.Time.Read() & 0xFFFF, place < Whole);
        }
    }

    private uint FrontBytesOfAll => (uint)Packets * DualFront.Bytes;

    private uint RestBytesOfAll => (uint)Packets * ((uint)PacketBytes - FrontBytes);

    /// <inheritdoc/>
    public override ulong FrontOf(int place) => _fronts[place].Data.Read();

    /// <inheritdoc/>
    public void Give()
    {
        GiveAll();
        _programs.Turn();
        _programs.Now[0].Residuals.Write(FrontBytesOfAll << 16 | RestBytesOfAll);
        Link(0, inFirst: false);
    }

    /// <summary>What is believed are packets whose bytes are exactly what was written.</summary>
    public void Done()
    {
        uint cut = receiver.Cut;
        uint left = _programs.Now[0].Residuals.Read(), frontsLeft = left >> 16, restLeft = left & 0xFFFF;
        int came = frontsLeft > FrontBytesOfAll ? 0 : Packets - (int)(frontsLeft / DualFront.Bytes), whole = 0;
        uint used = restLeft > RestBytesOfAll ? 0 : RestBytesOfAll - restLeft, sum = cut, rest = 0;
        for (; whole < came && sum <= used; whole++)
        {
            uint data = _fronts[whole].Header.Read() >> 16;
            rest = data > FrontBytes ? data - FrontBytes + 3 & ~3u : 0;
            if (rest > used - sum)
                break;
            sum += rest;
        }
        // All is there; or the last one goes on in the next buffer.
        bool isCut = whole == came - 1 && restLeft == 0 && sum <= used;
        bool fits = isCut || (whole == came && sum == used);
        Whole = fits ? whole : 0;
        FirstRest = fits ? (int)cut : 0;
        TakeBack(fits ? sum : 0);
        receiver.Cut = isCut ? rest - (used - sum) : 0;
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
        Own.KeepForGood(ref _fronts);
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
        if (PacketBytes <= FrontBytes || RestBytesOfAll > MostBytes || FrontBytesOfAll > MostBytes || segments[0].Length < RestBytesOfAll)
            return Error.TooLarge;
        Error error = _programs.TryMake(dma, 1);
        if (error == Error.None)
            error = dma.TryAllocateCoherent(Packets, out _fronts);
        for (int i = 0; i < IsoPrograms<DualDescriptor>.Count && error == Error.None; i++)
        {
            _programs.Turn();
            ref DualDescriptor descriptor = ref _programs.Now[0];
            descriptor.Control.Write(DescriptorControl.Dual | (waits ? DescriptorControl.Wait : 0) | DualFront.Bytes);
            descriptor.Requests.Write(FrontBytesOfAll << 16 | RestBytesOfAll);
            descriptor.FirstAddress.Write((uint)_fronts.AddressOf(0).Value);
            descriptor.SecondAddress.Write((uint)segments[0].Address.Value);
        }
        return error;
    }

    /// <inheritdoc/>
    protected override void FreeProgram()
    {
        _programs.Free();
        if (!_fronts.IsEmpty)
            DmaDevice.Free(ref _fronts);
    }

    private static void LinkEnd(ref Coherent<DualDescriptor> program, uint block) => program.Publish(ref program[0].Branch, block);
}
