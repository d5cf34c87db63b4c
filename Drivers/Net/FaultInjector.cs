using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

/// <summary>How often each fault befalls a packet, out of 1,000 each.</summary>
public struct FaultRates
{
    /// <summary>It is gone.</summary>
    public uint Drop;

    /// <summary>One of its bits, anywhere, is the other way round.</summary>
    public uint Corrupt;

    /// <summary>It comes twice.</summary>
    public uint Duplicate;

    /// <summary>It comes after those that follow, or after <see cref="DelayMicroseconds"/>.</summary>
    public uint Reorder;

    /// <summary>It comes after <see cref="DelayMicroseconds"/>, and those that follow are not held up.</summary>
    public uint Delay;

    /// <summary>How long a packet is kept back.</summary>
    public ulong DelayMicroseconds;
}

/// <summary>
/// Stands before a network device and does to some of its packets what bad networks do. The same seed and packets give the same faults.
/// A packet that nothing befalls goes by without a copy. Made while starting.
/// </summary>
public sealed unsafe class FaultInjector : INetworkDevice, ITimerHandler
{
    private const int MostHeld = 16;

    private readonly INetworkDevice _device;
    private readonly FramePool _pool;
    private readonly Held _fromDevice = new(), _toDevice = new();
    private readonly Timer _timer;
    private SeededRandom _random;

    /// <param name="device">Whose packets pass through here.</param>
    /// <param name="pool">For duplicates.</param>
    /// <param name="seed">Of the faults.</param>
    public FaultInjector(INetworkDevice device, FramePool pool, ulong seed)
    {
        _device = device;
        _pool = pool;
        _random = new SeededRandom(seed);
        _timer = new Timer(this);
    }

    /// <summary>What befalls packets that come in.</summary>
    public FaultRates Receiving;

    /// <summary>What befalls packets that go out.</summary>
    public FaultRates Sending;

    /// <summary>Packets that something befell, so far.</summary>
    public ulong Dropped { get; private set; }

    /// <inheritdoc cref="Dropped"/>
    public ulong Corrupted { get; private set; }

    /// <inheritdoc cref="Dropped"/>
    public ulong Duplicated { get; private set; }

    /// <inheritdoc cref="Dropped"/>
    public ulong KeptBack { get; private set; }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Name => _device.Name;

    /// <inheritdoc/>
    public MacAddress Address => _device.Address;

    /// <inheritdoc/>
    public ulong Guid => _device.Guid;

    /// <inheritdoc/>
    public LinkState Link => _device.Link;

    /// <inheritdoc/>
    public uint LongestFrame => _device.LongestFrame;

    /// <inheritdoc/>
    public NetworkFeatures Features => _device.Features;

    /// <inheritdoc/>
    public NetworkCounters Counters => _device.Counters;

    /// <inheritdoc/>
    public WorkItem? Listener
    {
        get => _device.Listener;
        set => _device.Listener = value;
    }

    /// <inheritdoc/>
    public int Receive(Span<Frame> frames)
    {
        int count = _fromDevice.Release(frames, Clock.Microseconds);
        int asked = frames.Length;
        while (count < asked)
        {
            int came = _device.Receive(frames.Slice(count));
            if (came == 0)
                break;
            int end = count + came;
            for (int i = count; i < end; i++)
            {
                if (!Passes(ref frames[i], in Receiving, _fromDevice))
                    continue;
                if (i != count)
                    frames[count] = Own.Move(ref frames[i]);
                count++;
            }
        }
        SetTimer();
        return count;
    }

    /// <inheritdoc/>
    public int Transmit(Span<Frame> frames)
    {
        SendHeld();
        int taken = 0;
        for (; taken < frames.Length; taken++)
        {
            // What the device may refuse is decided about when it has room.
            if (!Passes(ref frames[taken], in Sending, _toDevice))
                continue;
            if (_device.Transmit(frames.Slice(taken, 1)) == 0)
                break;
        }
        SendHeld();
        SetTimer();
        return taken;
    }

    /// <inheritdoc/>
    public bool Arm() => _device.Arm() || _fromDevice.IsDue(Clock.Microseconds);

    /// <inheritdoc/>
    public Error SetReceiveMode(ReceiveMode mode, ReadOnlySpan<MacAddress> groups) => _device.SetReceiveMode(mode, groups);

    /// <summary>Frees what is kept back.</summary>
    public void Clear()
    {
        _fromDevice.Clear();
        _toDevice.Clear();
        _timer.Cancel();
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _device.Listener?.Mark();

    private void SendHeld()
    {
        while (_toDevice.TryTake(Clock.Microseconds, out Frame packet))
        {
            if (_device.Transmit(new Span<Frame>(ref packet)) != 0)
                continue;
            packet.Free();
            Dropped++;
        }
    }

    private void SetTimer()
    {
        ulong due = Math.Min(_fromDevice.Due, _toDevice.Due);
        if (due != ulong.MaxValue)
            _timer.StartAt(due);
    }

    // Whether a packet goes on now; if not, it is gone or kept back.
    private bool Passes(ref Frame packet, ref readonly FaultRates rates, Held held)
    {
        if (Happens(rates.Drop))
        {
            packet.Free();
            Dropped++;
            return false;
        }
        if (Happens(rates.Corrupt) && packet.Length != 0)
        {
            packet.Bytes[(int)_random.Below(packet.Length)] ^= (byte)(1 << (int)_random.Below(8));
            // No card would call it good now.
            packet.SetFlags(packet.Flags & FrameFlags.Vlan, packet.VlanTag);
            Corrupted++;
        }
        if (Happens(rates.Duplicate) && !held.IsFull && TryCopy(ref packet, out Frame copy))
        {
            held.Keep(ref copy, 0);
            Duplicated++;
        }
        bool later = Happens(rates.Reorder);
        if ((!later && !Happens(rates.Delay)) || held.IsFull)
        {
            held.NotePassed();
            return true;
        }
        held.Keep(ref packet, Clock.Microseconds + rates.DelayMicroseconds, later ? 1 + (int)_random.Below(4) : int.MaxValue);
        KeptBack++;
        return false;
    }

    private bool Happens(uint rate) => rate != 0 && _random.Below(1000) < rate;

    // Of a packet in one frame.
    private bool TryCopy(ref Frame packet, out Frame copy)
    {
        copy = default;
        if (packet.HasRest || !_pool.TryTake(out copy))
            return false;
        copy.Reserve(Frame.PageBytes - packet.Room);
        copy.SetLength(packet.Length);
        packet.Bytes.CopyTo(copy.Bytes);
        copy.SetFlags(packet.Flags, packet.VlanTag);
        if ((packet.Flags & FrameFlags.InsertChecksum) != 0)
            copy.AskForChecksum(packet.ChecksumStart, packet.ChecksumAt);
        return true;
    }

    // Packets that are kept back, each until a time, or until some others have passed.
    private sealed class Held
    {
        private readonly Frame[] _packets = new Frame[MostHeld];
        private readonly ulong[] _due = new ulong[MostHeld];
        private readonly int[] _passes = new int[MostHeld];
        private int _count;

        public bool IsFull => _count == MostHeld;

        public ulong Due
        {
            get
            {
                ulong due = ulong.MaxValue;
                for (int i = 0; i < _count; i++)
                    due = Math.Min(due, _due[i]);
                return due;
            }
        }

        public bool IsDue(ulong now) => Due <= now;

        public void Keep(ref Frame packet, ulong due, int passes = 0)
        {
            _packets[_count] = Own.Move(ref packet);
            _due[_count] = due;
            _passes[_count++] = passes;
        }

        public void NotePassed()
        {
            for (int i = 0; i < _count; i++)
            {
                if (_passes[i] != int.MaxValue && --_passes[i] <= 0)
                    _due[i] = 0;
            }
        }

        public int Release(Span<Frame> frames, ulong now)
        {
            int count = 0;
            while (count < frames.Length && TryTake(now, out frames[count]))
                count++;
            return count;
        }

        public bool TryTake(ulong now, out Frame packet)
        {
            for (int i = 0; i < _count; i++)
            {
                if (_due[i] > now)
                    continue;
                packet = Own.Move(ref _packets[i]);
                _count--;
                for (; i < _count; i++)
                {
                    _packets[i] = Own.Move(ref _packets[i + 1]);
                    (_due[i], _passes[i]) = (_due[i + 1], _passes[i + 1]);
                }
                return true;
            }
            packet = default;
            return false;
        }

        public void Clear()
        {
            while (TryTake(ulong.MaxValue, out Frame packet))
                packet.Free();
        }
    }
}
