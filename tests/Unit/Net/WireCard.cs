using System;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Net;

/// <summary>A card as simple as one can be: what one sends is in the other's memory at once. Its frames are handed over as a driver must.</summary>
internal sealed class WireCard : INetworkDevice
{
    private const int Slots = 16;
    private const uint Room = 2048;

    private readonly NetMachine _machine;
    private readonly DmaDevice _dma;
    private readonly DeviceFrame[] _empty = new DeviceFrame[Slots];
    private readonly int[] _lengths = new int[Slots];
    private readonly bool[] _isLast = new bool[Slots];
    private int _first, _filled;

    public WireCard(NetMachine machine, MacAddress address)
    {
        (_machine, Address, _dma) = (machine, address, machine.Dma.Device());
        for (int i = 0; i < Slots; i++)
            Refill(i);
        machine.AtEnd(Stop);
    }

    public WireCard? Peer { get; set; }

    public ReadOnlySpan<byte> Name => "wire card"u8;

    public MacAddress Address { get; }

    public ulong Guid => 0;

    public LinkState Link => new(100, true);

    public uint LongestFrame => 9014;

    public NetworkFeatures Features => NetworkFeatures.None;

    public NetworkCounters Counters => default;

    public WorkItem? Listener { get; set; }

    public int Receive(Span<Frame> frames)
    {
        int count = 0;
        Frame packet = default;
        while (count < frames.Length && _filled != 0)
        {
            Frame part = _dma.TakeFilled(ref _empty[_first], (uint)_lengths[_first], Room);
            part.SetFlags(FrameFlags.None);
            bool last = _isLast[_first];
            Refill(_first);
            _first = (_first + 1) % Slots;
            _filled--;
            if (packet.IsEmpty)
                packet = Own.Move(ref part);
            else
                packet.Append(ref part);
            if (last)
                frames[count++] = Own.Move(ref packet);
        }
        return count;
    }

    public int Transmit(Span<Frame> frames)
    {
        for (int i = 0; i < frames.Length; i++)
        {
            uint length = frames[i].PacketLength;
            if ((length + Room - 1) / Room > Slots - Peer!._filled)
                return i;
            byte[] bytes = new byte[length];
            int at = 0;
            while (!frames[i].IsEmpty)
            {
                Frame rest = frames[i].TakeRest();
                Assert.Equal(Error.None, _dma.TryGiveToSend(ref frames[i], out DeviceFrame given));
                _machine.Dma.DeviceReads(given.Address, given.Length).CopyTo(bytes, at);
                at += (int)given.Length;
                Frame sent = _dma.TakeSent(ref given);
                sent.Free();
                frames[i] = Own.Move(ref rest);
            }
            Peer.Arrive(bytes);
        }
        return frames.Length;
    }

    public bool Arm() => _filled != 0;

    public Error SetReceiveMode(ReceiveMode mode, ReadOnlySpan<MacAddress> groups) => Error.None;

    private void Arrive(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int slot = (_first + _filled++) % Slots, here = Math.Min(bytes.Length, (int)Room);
            _machine.Dma.DeviceWrites(_empty[slot].Address, bytes[..here]);
            _lengths[slot] = here;
            bytes = bytes[here..];
            _isLast[slot] = bytes.IsEmpty;
        }
        Listener?.Mark();
    }

    private void Refill(int slot)
    {
        Assert.True(_machine.Pool.TryTake(out Frame frame));
        Assert.Equal(Error.None, _dma.TryGiveToFill(ref frame, Room, out _empty[slot]));
    }

    private void Stop()
    {
        for (int i = 0; i < Slots; i++)
        {
            Frame frame = _dma.TakeFilled(ref _empty[i], 0, Room);
            frame.Free();
        }
    }
}
