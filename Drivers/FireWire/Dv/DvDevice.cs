using System;
using Sluice.Dma;
using Sluice.Drivers.Video;
using Sluice.FireWire.Core;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Drivers.Dv;

/// <summary>
/// A device that sends DV: a packet in each cycle, with six blocks of a frame or none. Packets are received one behind the other, so many in a
/// buffer as a frame has, and their blocks are put together in a frame's memory (<see cref="FrameAssembler"/>). What is done step by step to start
/// it is in <c>DvDevice.Steps.cs</c>. Source: IEC 61883-1 and -2; IEC 61834-2 and SMPTE 314M for the frames.
/// </summary>
public sealed unsafe partial class DvDevice : VideoSource, IFrameOwner
{
    // A frame's packets with data, of 625/50; each with what a stream has around it, and those without data are short.
    private const int BufferPackets = 300, BufferPacketBytes = 496;

    // 256 KiB for a frame.
    private const int FrameOrder = 6;

    private readonly PageAllocator _pages;
    private readonly FrameAssembler _assembler;
    private readonly IsoStreamReader _reader;
    private readonly FrameMemory[] _frames = new FrameMemory[Frames];
    private readonly DvPicture _picture;

    // Where the next frame goes, and places that nobody has, a bit each.
    private int _filling;
    private uint _free;

    /// <summary>A place for one. Only while the kernel starts.</summary>
    /// <param name="dma">The controller's, for what it receives.</param>
    /// <param name="pages">For frames and pictures.</param>
    public DvDevice(FireWireBus bus, Fcp fcp, DmaDevice dma, PageAllocator pages) : base(bus, dma)
    {
        _pages = pages;
        _picture = new DvPicture(pages);
        _assembler = new FrameAssembler(this);
        _reader = new IsoStreamReader(_assembler);
        _exchange = new FcpExchange(fcp, this);
        _pause = new Timer(this);
    }

    /// <summary>What happened to the stream, since it was started.</summary>
    public DvCounters Drops => _assembler.Counters;

    /// <inheritdoc/>
    public override int Channel => State == VideoState.Running ? _channel : -1;

    private protected override IsoReceiveMode Mode => IsoReceiveMode.Stream;

    // Packets with a CIP header (IEC 61883-1, section 6.1).
    private protected override byte Tags => 1 << 1;

    /// <summary>Begins to start it: <see cref="VideoSource.State"/> tells how that goes on. A tape that stands still is played. False if it is not idle.</summary>
    public bool TryStart()
    {
        if (State != VideoState.Idle)
            return false;
        _assembler.Counters = default;
        _tries = 0;
        _isAsked = _hasPlayed = _isBorrowed = false;
        Begin();
        return true;
    }

    /// <inheritdoc/>
    public override VideoPicture PictureOf(in VideoFrame frame) => _picture.Decode(frame.Bytes);

    /// <inheritdoc/>
    [PacketPath]
    byte* IFrameOwner.OnFrame(int bytes)
    {
        _frames[_filling].Length = bytes;
        Ready(_filling);
        if (_free == 0)
            Skip();
        _filling = System.Numerics.BitOperations.TrailingZeroCount(_free);
        _free &= _free - 1;
        return _frames[_filling].Pages.Address;
    }

    internal override bool IsMine(RomImage rom, out ulong registers)
    {
        registers = 0;
        return DvUnit.IsIn(rom);
    }

    [PacketPath]
    private protected override void Take(int place, IsoReceiveBuffer buffer)
    {
        _reader.Read(buffer.Bytes);
        Queue(buffer);
        // Nobody knows any more where packets begin; or it is seen now that it sends.
        if (_reader.IsLost || (StartStep)Step == StartStep.Watch)
            Mark();
    }

    [PacketPath]
    private protected override ReadOnlySpan<byte> BytesOf(int place) => _frames[place].Pages.Memory.Slice(0, _frames[place].Length);

    [PacketPath]
    private protected override void Reuse(int place) => _free |= 1u << place;

    private protected override bool TryMakeFrames()
    {
        if (_frames[0].Pages.IsEmpty)
        {
            _filling = 0;
            _free = (1u << Frames) - 2;
        }
        for (int i = 0; i < Frames; i++)
        {
            if (_frames[i].Pages.IsEmpty && !_pages.TryTake(FrameOrder, Zone.Any, OwnerTag.None, out _frames[i].Pages))
                return false;
        }
        return _picture.TryMake();
    }

    private protected override void FreeFrames()
    {
        foreach (ref FrameMemory frame in new Span<FrameMemory>(_frames))
        {
            if (!frame.Pages.IsEmpty)
                _pages.Give(ref frame.Pages);
        }
        _picture.Free();
    }

    // All frames' memory is free, but that of those that are ready or with somebody.
    private protected override void Listening()
    {
        _reader.Restart();
        _assembler.Begin(_frames[_filling].Pages.Address);
    }

    [NonCopyable]
    private struct FrameMemory
    {
        public PageRun Pages;
        public int Length;
    }
}
