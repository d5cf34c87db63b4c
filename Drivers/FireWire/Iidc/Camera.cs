using System;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Iidc;

/// <summary>What a camera is doing.</summary>
public enum CameraState : byte
{
    /// <summary>There is none.</summary>
    Absent,
    Idle,

    /// <summary>It is asked what it can, and told what to send.</summary>
    Starting,
    Running,

    /// <summary>It is told to stop.</summary>
    Stopping,
}

/// <summary>Why a camera does not send.</summary>
public enum CameraEnd : byte
{
    /// <summary>It was told to stop.</summary>
    Stopped,

    /// <summary>It has no such mode or rate, or the way to it is too slow.</summary>
    NoSuchMode,

    /// <summary>No channel or no bandwidth is left, nobody keeps them, or they were lost after a bus reset.</summary>
    NoResources,
    NoMemory,

    /// <summary>It answered with an error, or not at all.</summary>
    Refused,

    /// <summary>Nothing came for ten seconds, or it was not found again after a bus reset.</summary>
    Silent,

    /// <summary>The controller does not receive any more.</summary>
    ControllerFailed,
}

/// <summary>
/// A camera that sends frames of Format_0, a packet in each cycle, the first of a frame with synchronization code 1. A frame lies where its
/// packets were received, and is taken, looked at and given back as a whole. What is done step by step to start it is in <c>Camera.Steps.cs</c>.
/// Nothing is allocated after it was made but memory for frames, while it runs. Any context of the CPU but interrupt handlers.
/// Source: IIDC 1.31 (1394 Trade Association, TS 2003017).
/// </summary>
public sealed partial class Camera : IIsoReceiveHandler, ITransactionHandler, IResourceHandler, ITimerHandler, IWork
{
    /// <summary>Frames that are under way or wait.</summary>
    public const int Buffers = 4;

    // While so many are the controller's, none is lost by waiting.
    private const int LeastQueued = 2;
    private const ulong Look = 1_000_000;
    private const int MostSilentLooks = 10;
    private const byte FirstSync = 1;

    private readonly FireWireBus _bus;
    private readonly DmaDevice _dma;
    private readonly IsoResources _resources;
    private readonly Transaction _transaction;
    private readonly Timer _timer;
    private readonly WorkItem _work;
    private IsoReceiver _receiver = null!;
    private readonly Place[] _buffers = new Place[Buffers], _ready = new Place[Buffers];
    private uint _readyHead, _readyTail;
    private int _queued, _silentLooks;
    private ulong _buffersSeen, _buffersBefore;

    internal Camera(FireWireBus bus, DmaDevice dma)
    {
        _bus = bus;
        _dma = dma;
        _resources = new IsoResources(bus, this);
        _transaction = new Transaction(this);
        _timer = new Timer(this);
        _work = new WorkItem(this);
    }

    /// <summary>What happened since it was started.</summary>
    public CameraCounters Counters;

    /// <summary>Whose place this is; 0 if no camera has been here.</summary>
    public ulong Guid { get; private set; }

    public CameraState State { get; private set; }

    /// <summary>Why it does not send.</summary>
    public CameraEnd End { get; private set; }

    /// <summary>What it sends.</summary>
    public VideoMode Mode { get; private set; }

    /// <summary>1.875 times 2^n frames a second.</summary>
    public int Rate { get; private set; }

    /// <summary>The channel that it sends on; -1 if it has none.</summary>
    public int Channel => _resources.Channel;

    /// <summary>Says what it receives with. Once, while the kernel starts.</summary>
    internal void Use(IsoReceiver receiver)
    {
        _receiver = receiver;
        for (int i = 0; i < Buffers; i++)
            _buffers[i].Buffer = receiver.NewBuffer();
    }

    /// <summary>Begins to start it: <see cref="State"/> tells how that goes on. False if it is not idle.</summary>
    /// <param name="mode">Of Format_0: 0 to 6.</param>
    /// <param name="rate">0 to 7.</param>
    public bool TryStart(int mode, int rate)
    {
        if (State != CameraState.Idle || (uint)mode >= VideoMode.Modes || (uint)rate >= VideoMode.Rates)
            return false;
        Counters = default;
        _modeNumber = mode;
        Mode = VideoMode.Of(mode);
        Rate = rate;
        End = CameraEnd.Stopped;
        State = CameraState.Starting;
        _silentLooks = 0;
        _step = Step.ReadFormats;
        _timer.Start(Look);
        Go();
        return true;
    }

    /// <summary>Ends it, and takes its frames away: none may be with anybody. It is idle once it was told, or could not be.</summary>
    public void Stop()
    {
        if (State is CameraState.Starting or CameraState.Running)
            Fail(CameraEnd.Stopped);
    }

    /// <summary>The oldest frame that nobody has seen, until <see cref="GiveBack"/>, which comes before the work loop's next turn.</summary>
    [PacketPath]
    public bool TryTake(out IsoReceiveBuffer? frame)
    {
        frame = null;
        if (_readyHead == _readyTail)
            return false;
        frame = _ready[_readyHead++ % Buffers].Buffer;
        return true;
    }

    /// <summary>A frame was looked at.</summary>
    [PacketPath]
    public void GiveBack(IsoReceiveBuffer frame)
    {
        if (State is CameraState.Starting or CameraState.Running)
            Queue(frame);
    }

    /// <inheritdoc/>
    [PacketPath]
    public void OnFilled(IsoReceiveBuffer buffer)
    {
        _queued--;
        _buffersSeen++;
        if (buffer.Whole != buffer.Packets)
        {
            CountBad(buffer[buffer.Whole]);
            Queue(buffer);
            return;
        }
        int cycles = IsoPacket.Cycles(buffer[0].Time, buffer[buffer.Packets - 1].Time) - (buffer.Packets - 1);
        if (cycles < 0)
        {
            Counters.Crowded++;
            Queue(buffer);
            return;
        }
        Counters.Gaps += (ulong)cycles;
        Counters.Frames++;
        _ready[_readyTail++ % Buffers].Buffer = buffer;
        if (_queued >= LeastQueued)
            return;
        Counters.Skipped++;
        Queue(_ready[_readyHead++ % Buffers].Buffer);
    }

    /// <inheritdoc/>
    public void OnEnded(Error why)
    {
        _queued = 0;
        Fail(CameraEnd.ControllerFailed);
        FreeBuffers();
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();

    [PacketPath]
    private void Queue(IsoReceiveBuffer buffer)
    {
        _queued++;
        _receiver.Queue(buffer);
    }

    private void CountBad(in IsoPacket packet)
    {
        if (packet.DataBytes > Mode.PacketBytes(Rate))
            Counters.Long++;
        else if (!packet.IsWhole)
            Counters.Damaged++;
        else if (packet.DataBytes < Mode.PacketBytes(Rate))
            Counters.Short++;
        else
            Counters.Cut++;
    }

    private bool TryListen()
    {
        // After a bus reset it does still.
        if (_receiver.IsStarted)
            return true;
        for (int i = 0; i < Buffers; i++)
        {
            // Of a receiver that could not be stopped some may be the controller's still.
            if (!_buffers[i].Buffer.IsMade && _buffers[i].Buffer.TryMake(_dma, VideoMode.Packets(Rate), Mode.PacketBytes(Rate), waits: true) == Error.None)
                continue;
            FreeBuffers();
            return false;
        }
        if (_receiver.Start(new IsoReceiveOptions(1ul << _resources.Channel, tags: 1, FirstSync)) != Error.None)
        {
            FreeBuffers();
            return false;
        }
        _queued = 0;
        for (int i = 0; i < Buffers; i++)
            Queue(_buffers[i].Buffer);
        return true;
    }

    // Those that the controller still has come back with its end.
    private void FreeBuffers()
    {
        _readyHead = _readyTail = 0;
        for (int i = 0; i < Buffers; i++)
        {
            IsoReceiveBuffer buffer = _buffers[i].Buffer;
            if (buffer.IsMade && !buffer.IsQueued)
                buffer.Free();
        }
    }

    // In a structure, as storing into an array of objects asks what they are.
    private struct Place
    {
        public IsoReceiveBuffer Buffer;
    }
}
