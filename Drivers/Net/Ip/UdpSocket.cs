using System;
using System.Runtime.CompilerServices;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

/// <summary>Where a datagram came from.</summary>
public struct UdpSender
{
    public Ipv4Address Address;
    public ushort Port;
}

/// <summary>
/// A UDP port of one interface: a queue of received datagrams, and a way to send. Opened by <see cref="IpInterface.TryOpen"/>. One CPU at a
/// time; any context but interrupt handlers.
/// </summary>
public sealed class UdpSocket
{
    /// <summary>Datagrams that wait at most; those that come then are dropped.</summary>
    public const int QueueCapacity = 32;

    private readonly FrameQueue _queue = new(QueueCapacity);
    private readonly UdpSender[] _senders = new UdpSender[QueueCapacity];

    internal UdpSocket(IpInterface owner) => Interface = owner;

    /// <summary>Whose it is.</summary>
    public IpInterface Interface { get; }

    /// <summary>Its port; 0 while it is closed.</summary>
    public ushort Port { get; private set; }

    /// <summary>Whether it sends each datagram back to where it came from, at once.</summary>
    public bool IsEcho { [MethodImpl(MethodImplOptions.AggressiveInlining)] get; private set; }

    /// <summary>Datagrams that wait.</summary>
    public int Waiting => _queue.Count;

    /// <summary>Datagrams that came; sent ones; dropped ones for want of room.</summary>
    public ulong Received, Sent, Dropped;

    /// <summary>The port as it lies in packets; 0 while it is closed.</summary>
    internal ushort RawPort { [MethodImpl(MethodImplOptions.AggressiveInlining)] get; private set; }

    /// <summary>Takes the oldest datagram; false if there is none.</summary>
    /// <param name="payload">Its data alone; may go on in further frames.</param>
    /// <param name="sender">Who sent it.</param>
    public bool TryTake(out Frame payload, out UdpSender sender)
    {
        int place = _queue.FirstPlace;
        if (!_queue.TryPop(out payload))
        {
            sender = default;
            return false;
        }
        sender = _senders[place];
        return true;
    }

    /// <summary>Sends a datagram.</summary>
    /// <param name="payload">Its data, in a frame of <see cref="IpInterface.TryTakeFrame"/>; taken in any case.</param>
    /// <returns>False, and counted, if it was dropped; true is no promise that it arrives.</returns>
    public bool TrySend(ref Frame payload, Ipv4Address destination, ushort port)
    {
        Sent++;
        return Interface.TrySendUdp(ref payload, Port, destination, port);
    }

    /// <summary>Gives the port back; datagrams that wait are freed.</summary>
    public void Close()
    {
        _queue.Clear();
        Port = RawPort = 0;
        IsEcho = false;
    }

    internal void Open(ushort port, bool isEcho)
    {
        Port = port;
        RawPort = Big16.RawOf(port);
        IsEcho = isEcho;
        Received = Sent = Dropped = 0;
    }

    // False if the queue is full.
    internal bool TryDeliver(ref Frame payload, Ipv4Address source, ushort port)
    {
        if (_queue.IsFull)
        {
            Dropped++;
            return false;
        }
        Received++;
        _senders[_queue.NextPlace] = new UdpSender { Address = source, Port = port };
        _queue.Push(ref payload);
        return true;
    }
}
