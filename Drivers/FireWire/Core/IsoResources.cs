using System;
using System.Numerics;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>How an allocation or a release ended.</summary>
public enum ResourceResult : byte
{
    Complete,

    /// <summary>No node of this bus keeps resources.</summary>
    NoManager,

    /// <summary>Not so much is left.</summary>
    NoBandwidth,

    /// <summary>None of the channels is free.</summary>
    NoChannel,

    /// <summary>A bus reset came before it was done: nothing is allocated.</summary>
    BusReset,

    /// <summary>The manager answered with an error, or with what cannot be, or others were faster too often.</summary>
    Failed,

    /// <summary>What was allocated before a bus reset was not to be had again after it: nothing is allocated, the stream must end.</summary>
    Lost,
}

/// <summary>Who waits for resources.</summary>
public interface IResourceHandler
{
    /// <summary>It has ended, or what it had is lost; it may be used again at once. Work in the CPU's loop.</summary>
    [PacketPath]
    void OnResources(IsoResources resources, ResourceResult result);
}

/// <summary>
/// A channel and bandwidth for one isochronous stream, from the registers of the isochronous resource manager, which may be ourselves. Each
/// register is read, then changed by compare-swap, again with what it is by then if somebody was faster. Bandwidth comes first; if no
/// channel is left it goes back. A bus reset takes everything from everybody: who had something asks for the same at once, who wants
/// something new waits for a second. Source: IEEE 1394-1995, sections 8.3.2.3.7, 8.3.2.3.8 and 8.4.3.
/// </summary>
public sealed class IsoResources : ITransactionHandler, ITimerHandler, IWork
{
    /// <summary>After a bus reset, those who had resources come first. Source: IEEE 1394-1995, section 8.4.3.2.</summary>
    public const ulong NewcomersWait = 1_000_000;

    /// <summary>Bandwidth is counted in the time of 32 bits at S1600; all of a cycle's 100 us is this much.</summary>
    public const uint AllBandwidth = 4915;

    // Of a change; waits that bus resets begin anew; times that a register is read.
    private const int MostTries = 16, MostWaits = 8, MostAsks = 4;
    private const ulong Register = BusRegisters.Base;

    private enum Step : byte
    {
        Idle,

        /// <summary>For those who had something before the reset.</summary>
        Waiting,
        Bandwidth,
        ChannelsHi,
        ChannelsLo,

        /// <summary>No channel: what was taken goes back.</summary>
        Undo,
    }

    private readonly FireWireBus _bus;
    private readonly IResourceHandler _handler;
    private readonly Transaction _transaction;
    private readonly Timer _timer;
    private readonly WorkItem _work;
    private ulong _wanted;
    private uint _expected, _value;
    private int _tries, _asks, _waits, _channel, _locking;
    private byte _generation;
    private bool _isRelease, _isRenewal, _isReleaseNext;
    private Step _step;
    private ResourceResult _result;

    /// <summary>For one stream. Only while the kernel starts.</summary>
    public IsoResources(FireWireBus bus, IResourceHandler handler)
    {
        _bus = bus;
        _handler = handler;
        // Who keeps resources is asked at once after a reset, when nobody knows how fast its link is.
        _transaction = new Transaction(this) { Most = BusSpeed.S100 };
        _timer = new Timer(this);
        _work = new WorkItem(this);
        bus.Add(this);
    }

    /// <summary>What is allocated: 0 to 63, or -1.</summary>
    public int Channel { get; private set; } = -1;

    /// <summary>What is allocated, in <see cref="AllBandwidth"/>'s units.</summary>
    public uint Bandwidth { get; private set; }

    /// <summary>Between a call and its handler's.</summary>
    public bool IsBusy => _step != Step.Idle && (!_isRenewal || _isReleaseNext);

    internal IsoResources? NextOfBus { get; set; }

    /// <summary>
    /// Takes bandwidth and one of some channels, the lowest that is free, and keeps them over bus resets. <see cref="Error.Busy"/>: it has
    /// some already, or is under way.
    /// </summary>
    /// <param name="channels">A bit for each that is wanted, channel 0 lowest; 0 for bandwidth alone.</param>
    public Error Allocate(ulong channels, uint bandwidth) => Allocate(channels, bandwidth, waits: true);

    internal Error Allocate(ulong channels, uint bandwidth, bool waits)
    {
        if (IsBusy || Channel >= 0 || Bandwidth != 0)
            return Error.Busy;
        if (bandwidth > AllBandwidth)
            return Error.TooLarge;
        _isRelease = _isRenewal = false;
        _wanted = channels;
        Bandwidth = bandwidth;
        _waits = 0;
        if (waits && Clock.Microseconds < _bus.LastReset + NewcomersWait)
            Wait(_bus.LastReset + NewcomersWait);
        else
            Begin();
        return Error.None;
    }

    /// <summary>Gives all back. <see cref="Error.Busy"/>: something is under way.</summary>
    public Error Release()
    {
        if (IsBusy)
            return Error.Busy;
        // What is being asked for again is released when that is done.
        _isReleaseNext = _step != Step.Idle;
        if (!_isReleaseNext)
            BeginRelease();
        return Error.None;
    }

    /// <summary>It is not ours any more: neither given back nor asked for again after a bus reset. Not while something is under way.</summary>
    public void Forget()
    {
        if (_step != Step.Idle)
            return;
        Channel = -1;
        Bandwidth = 0;
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();

    /// <inheritdoc/>
    public bool Work(int budget)
    {
        if (_step != Step.Waiting || _timer.IsRunning)
            return false;
        if (_bus.IsUp)
            Begin();
        else
            WaitAgain();
        return false;
    }

    /// <inheritdoc/>
    public void OnDone(Transaction transaction)
    {
        // Also what was done before the reset and is heard of after it is not true any more.
        if (!_bus.IsUp || _bus.Generation != _generation || transaction.Result is TransactionResult.BusReset or TransactionResult.OldGeneration)
            Interrupted();
        // Right after a reset a manager may be busy with that; a change that is not answered may have been made.
        else if (transaction.Result != TransactionResult.Complete && _locking == 0 && _bus.Topology.ResourceManager != Topology.Nobody && ++_asks < MostAsks)
            Ask();
        else if (transaction.Result != TransactionResult.Complete)
            Fail(_bus.Topology.ResourceManager == Topology.Nobody ? ResourceResult.NoManager : ResourceResult.Failed);
        else if (_locking != 0 && transaction.Quadlet == _expected)
            Next();
        else if (++_tries > MostTries)
            Fail(ResourceResult.Failed);
        else
            Change(transaction.Quadlet);
    }

    /// <summary>A bus reset is over.</summary>
    internal void BusChanged()
    {
        if (_step == Step.Waiting)
            WaitAgain();
        else if (_step == Step.Idle && (Channel >= 0 || Bandwidth != 0))
            Renew();
    }

    // What is under way ends by itself, and is heard of after a reset: only then what was held is asked for again.
    private void Interrupted()
    {
        if (!_isRenewal || _isReleaseNext)
        {
            End(ResourceResult.BusReset);
            return;
        }
        _step = Step.Idle;
        if (_bus.IsUp)
            Renew();
    }

    private void Renew()
    {
        _isRelease = _isReleaseNext = false;
        _isRenewal = true;
        _wanted = Channel >= 0 ? 1ul << Channel : 0;
        Begin();
    }

    private void BeginRelease()
    {
        _isRelease = true;
        _isRenewal = _isReleaseNext = false;
        _wanted = Channel >= 0 ? 1ul << Channel : 0;
        Begin();
    }

    private void Wait(ulong until)
    {
        _step = Step.Waiting;
        _timer.StartAt(until);
    }

    private void WaitAgain()
    {
        if (++_waits > MostWaits)
            End(ResourceResult.BusReset);
        else
            Wait(Clock.Microseconds + NewcomersWait);
    }

    private void Begin()
    {
        _channel = -1;
        _result = ResourceResult.Complete;
        // All of it on one bus: after a reset nothing of it is true any more.
        _generation = _bus.Generation;
        _step = Step.Bandwidth;
        Read();
    }

    private void Read()
    {
        _locking = 0;
        _tries = _asks = 0;
        Ask();
    }

    private void Ask() =>
        _bus.Submit(_transaction.ReadQuadlet(_bus.Topology.ResourceManager, _generation, Register + (ulong)Offset));

    private int Offset => _step switch
    {
        Step.ChannelsHi => BusRegisters.ChannelsHi,
        Step.ChannelsLo => BusRegisters.ChannelsLo,
        _ => BusRegisters.BandwidthAvailable,
    };

    // Changes a register that was read.
    private void Change(uint old)
    {
        bool gives = _isRelease || _step == Step.Undo;
        if (_step is Step.Bandwidth or Step.Undo)
        {
            _value = gives ? old + Bandwidth : old - Bandwidth;
            if (old > AllBandwidth || (gives && _value > AllBandwidth))
            {
                Fail(ResourceResult.Failed);
                return;
            }
            if (!gives && old < Bandwidth)
            {
                End(ResourceResult.NoBandwidth);
                return;
            }
        }
        else
        {
            // Channel 0 is the first bit, which is the highest.
            uint wanted = Reverse(_step == Step.ChannelsHi ? (uint)_wanted : (uint)(_wanted >> 32));
            uint free = wanted & (_isRelease ? ~old : old);
            if (free == 0)
            {
                // Also if there was one when it was read.
                _locking = 0;
                _channel = -1;
                Next();
                return;
            }
            int first = BitOperations.LeadingZeroCount(free);
            _channel = first + (_step == Step.ChannelsHi ? 0 : 32);
            _value = old ^ 0x8000_0000u >> first;
        }
        _expected = old;
        _locking = 1;
        _bus.Submit(_transaction.Lock(_bus.Topology.ResourceManager, _generation, Register + (ulong)Offset, LockOperation.CompareSwap, old, _value));
    }

    // A step is done: without a channel that was changed, or with.
    private void Next()
    {
        bool hasChannel = _locking != 0 && _channel >= 0;
        switch (_step)
        {
            case Step.Bandwidth when _wanted != 0:
                _step = Step.ChannelsHi;
                Read();
                break;
            case Step.ChannelsHi when !hasChannel:
                _step = Step.ChannelsLo;
                Read();
                break;
            case Step.ChannelsLo when !hasChannel && !_isRelease:
                Fail(ResourceResult.NoChannel);
                break;
            default:
                End(_result);
                break;
        }
    }

    // Bandwidth that was taken goes back, and a channel also if bandwidth does not: the bus reset that would do it may be far.
    private void Fail(ResourceResult result)
    {
        if (_isRelease && _step == Step.Bandwidth)
        {
            _result = result;
            _locking = 0;
            Next();
            return;
        }
        if (_isRelease || _step is not (Step.ChannelsHi or Step.ChannelsLo) || Bandwidth == 0)
        {
            End(_step == Step.Undo ? _result : result);
            return;
        }
        _result = result;
        _step = Step.Undo;
        Read();
    }

    private void End(ResourceResult result)
    {
        _step = Step.Idle;
        _timer.Cancel();
        bool has = result == ResourceResult.Complete && !_isRelease;
        Channel = has ? _channel : -1;
        Bandwidth = has ? Bandwidth : 0;
        if (_isReleaseNext && has)
        {
            BeginRelease();
            return;
        }
        // What is lost is released as well.
        if (_isReleaseNext && result != ResourceResult.BusReset)
            result = ResourceResult.Complete;
        bool isRenewal = _isRenewal && !_isReleaseNext;
        _isRenewal = _isReleaseNext = false;
        if (!isRenewal)
            _handler.OnResources(this, result);
        else if (!has)
            _handler.OnResources(this, ResourceResult.Lost);
    }

    private static uint Reverse(uint value)
    {
        uint reversed = 0;
        for (int i = 0; i < 32; i++, value >>= 1)
            reversed = reversed << 1 | value & 1;
        return reversed;
    }
}
