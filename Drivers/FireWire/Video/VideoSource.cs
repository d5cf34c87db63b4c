using System;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Video;

/// <summary>
/// A node that sends video on a channel. This is what all kinds have in common: how they are started and stopped, one step at a time
/// (<c>VideoSource.Steps.cs</c>), the buffers that packets are received in, and the frames that are ready. A frame is taken, looked at and given
/// back as a whole. Nothing is allocated after it was made but memory for frames, while it runs. Any context of the CPU but interrupt handlers.
/// </summary>
public abstract partial class VideoSource : IIsoReceiveHandler, ITransactionHandler, IResourceHandler, ITimerHandler, IWork
{
    /// <summary>Frames that are under way or wait.</summary>
    public const int Frames = 4;

    private readonly DmaDevice _dma;
    private readonly Timer _timer;
    private readonly WorkItem _work;
    private readonly Place[] _buffers = new Place[Frames];
    private readonly byte[] _ready = new byte[Frames];
    private IsoReceiver _receiver = null!;
    private int _channel;
    private uint _readyHead, _readyTail;
    private ulong _buffersSeen, _buffersBefore;

    private protected VideoSource(FireWireBus bus, DmaDevice dma)
    {
        _dma = dma;
        Bus = bus;
        Resources = new IsoResources(bus, this);
        Transaction = new Transaction(this);
        _timer = new Timer(this);
        _work = new WorkItem(this);
    }

    /// <summary>What happened since it was started.</summary>
    public VideoCounters Counters;

    /// <summary>Whose place this is; 0 if nobody has been here.</summary>
    public ulong Guid { get; private set; }

    /// <summary>Its number on the bus of now; below 0 if that is not known.</summary>
    public int Node { get; private set; } = -1;

    public VideoState State { get; private set; }

    /// <summary>Why it does not send.</summary>
    public VideoEnd End { get; private set; }

    /// <summary>The channel that it sends on; -1 if it has none.</summary>
    public virtual int Channel => Resources.Channel;

    private protected FireWireBus Bus { get; }

    private protected IsoResources Resources { get; }

    private protected Transaction Transaction { get; }

    /// <summary>Where its registers are, if its ROM says so.</summary>
    private protected ulong Registers { get; private set; }

    /// <summary>Buffers that the controller has.</summary>
    private protected int Queued { get; private set; }

    /// <summary>How packets lie in its buffers.</summary>
    private protected abstract IsoReceiveMode Mode { get; }

    /// <summary>Tags of its packets, a bit each.</summary>
    private protected abstract byte Tags { get; }

    /// <summary>The oldest frame that nobody has seen, until <see cref="GiveBack"/>, which comes before the work loop's next turn.</summary>
    [PacketPath]
    public bool TryTake(out VideoFrame frame)
    {
        frame = default;
        if (_readyHead == _readyTail)
            return false;
        int place = _ready[_readyHead++ % Frames];
        frame = new VideoFrame(place, BytesOf(place));
        return true;
    }

    /// <summary>A frame was looked at.</summary>
    [PacketPath]
    public void GiveBack(in VideoFrame frame)
    {
        if (State is VideoState.Starting or VideoState.Running)
            Reuse(frame.Place);
    }

    /// <summary>The picture in a frame; valid until the frame is given back.</summary>
    public abstract VideoPicture PictureOf(in VideoFrame frame);

    /// <summary>Whether a node is of this kind, and where its registers are.</summary>
    internal abstract bool IsMine(RomImage rom, out ulong registers);

    /// <summary>Says what it receives with. Once, while the kernel starts.</summary>
    internal void Use(IsoReceiver receiver)
    {
        _receiver = receiver;
        for (int i = 0; i < Frames; i++)
            _buffers[i].Buffer = receiver.NewBuffer(Mode);
    }

    /// <inheritdoc/>
    [PacketPath]
    public void OnFilled(IsoReceiveBuffer buffer)
    {
        Queued--;
        _buffersSeen++;
        int place = 0;
        while (_buffers[place].Buffer != buffer)
            place++;
        Take(place, buffer);
    }

    /// <inheritdoc/>
    public void OnEnded(Error why)
    {
        Queued = 0;
        Fail(VideoEnd.ControllerFailed);
        FreeMemory();
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();

    /// <summary>A buffer is full: it is queued again, now or later.</summary>
    [PacketPath]
    private protected abstract void Take(int place, IsoReceiveBuffer buffer);

    /// <summary>What a frame consists of.</summary>
    [PacketPath]
    private protected abstract ReadOnlySpan<byte> BytesOf(int place);

    /// <summary>A frame's memory is needed no more.</summary>
    [PacketPath]
    private protected abstract void Reuse(int place);

    /// <summary>Memory for frames besides the buffers; it may be there already.</summary>
    private protected virtual bool TryMakeFrames() => true;

    private protected virtual void FreeFrames()
    {
    }

    /// <summary>It begins to listen, perhaps again: what was received before ends here.</summary>
    private protected virtual void Listening()
    {
    }

    private protected IsoReceiveBuffer BufferAt(int place) => _buffers[place].Buffer;

    [PacketPath]
    private protected void Queue(IsoReceiveBuffer buffer)
    {
        Queued++;
        _receiver.Queue(buffer);
    }

    /// <summary>A frame is whole.</summary>
    [PacketPath]
    private protected void Ready(int place)
    {
        Counters.Frames++;
        _ready[_readyTail++ % Frames] = (byte)place;
    }

    /// <summary>The oldest frame that nobody has seen goes. There must be one.</summary>
    [PacketPath]
    private protected void Skip()
    {
        Counters.Skipped++;
        Reuse(_ready[_readyHead++ % Frames]);
    }

    /// <summary>Something is to be looked at outside of interrupts and packets: <see cref="Work"/>.</summary>
    private protected void Mark() => _work.Mark();

    /// <summary>Receives from a channel from now on, in buffers of so many packets. It may do so already, after a bus reset.</summary>
    /// <param name="anew">Whether it then begins again all the same, without what was in buffers.</param>
    private protected bool TryListen(int channel, int packets, int packetBytes, byte sync = 0, bool anew = false)
    {
        if (_receiver.IsStarted && _channel == channel && !anew)
            return true;
        if (_receiver.IsStarted && _receiver.Stop() != Error.None)
            return false;
        bool isMade = TryMakeFrames();
        for (int i = 0; i < Frames && isMade; i++)
        {
            // Of a receiver that could not be stopped some may be the controller's still.
            isMade = _buffers[i].Buffer.IsMade || _buffers[i].Buffer.TryMake(_dma, packets, packetBytes, waits: sync != 0) == Error.None;
        }
        _channel = channel;
        if (!isMade || _receiver.Start(new IsoReceiveOptions(1ul << channel, Tags, sync, mode: Mode)) != Error.None)
        {
            FreeMemory();
            return false;
        }
        Queued = 0;
        Listening();
        for (int i = 0; i < Frames; i++)
            Queue(_buffers[i].Buffer);
        return true;
    }

    /// <summary>Does not receive any more, and has no memory.</summary>
    private void StopListening()
    {
        if (_receiver.Stop() == Error.None)
            FreeMemory();
    }

    // Those that the controller still has come back with its end.
    private void FreeMemory()
    {
        _readyHead = _readyTail = 0;
        for (int i = 0; i < Frames; i++)
        {
            IsoReceiveBuffer buffer = _buffers[i].Buffer;
            if (buffer.IsMade && !buffer.IsQueued)
                buffer.Free();
        }
        FreeFrames();
    }

    // In a structure, as storing into an array of objects asks what they are.
    private struct Place
    {
        public IsoReceiveBuffer Buffer;
    }
}
