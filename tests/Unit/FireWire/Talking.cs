using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>A packet of a stream, and the cycle that it was in.</summary>
internal sealed record Said(uint Header, byte[] Data, uint Time);

/// <summary>Hears all streams.</summary>
internal sealed class Ear : Model.Link
{
    private uint _now;

    public List<Said> Heard { get; } = [];

    public override bool NeedsCycles => true;

    public override void CycleStarted(uint cycleTime) => _now = cycleTime >> 12 & 0xFFFF;

    public override void ReceiveStream(Model.Packet packet) => Heard.Add(new Said(packet.Q0, packet.Data.ToArray(), _now));

    public override void ResetStarted()
    {
    }

    public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
    {
    }

    public override Model.Ack Receive(Model.Packet packet) => Model.Ack.AddressError;

    public override Model.Packet? NextPacket() => null;

    public override void Sent(Model.Packet packet, Model.Ack ack)
    {
    }
}

/// <summary>A machine that talks, and notes what it meant to say.</summary>
internal sealed class Talking : IIsoTransmitHandler, IDisposable
{
    public const int Places = 40, PlaceBytes = 1020;

    private readonly Random _random = new(5);
    private readonly Func<int, IsoSendOptions> _options;
    private readonly Ear _ear = new();
    private readonly Dictionary<IsoTransmitBuffer, bool[]> _kept = [];
    private int _left;

    public Talking(string kind, string card = "fw643", Func<int, IsoSendOptions>? options = null)
    {
        _options = options ?? (_ => IsoSendOptions.None);
        Machine = new OhciMachine(kind, card);
        Machine.Add(_ear);
        Driver = Machine.ProbeRoot();
        Assert.True(Driver.TryTakeTransmitter(this, out IsoTransmitter? transmitter));
        Transmitter = transmitter!;
    }

    public OhciMachine Machine { get; }

    public Ohci Driver { get; }

    public IsoTransmitter Transmitter { get; }

    public List<IsoTransmitBuffer> Buffers { get; } = [];

    public List<Said> Expected { get; } = [];

    public List<Said> Heard => _ear.Heard;

    public List<uint> Times { get; } = [];

    public List<bool> Kept { get; } = [];

    public int Sent { get; private set; }

    public int Unsent { get; private set; }

    public Error? Ended { get; private set; }

    /// <summary>What was told of: the buffer, how far it was, and how many packets more were heard by then.</summary>
    public List<(IsoTransmitBuffer Buffer, int Sent, int Late)> Told { get; } = [];

    public void Begin(int buffers, int rounds, int startCycle = -1)
    {
        Assert.Equal(Error.None, Transmitter.Start(startCycle));
        _left = rounds;
        for (int i = 0; i < buffers; i++)
        {
            IsoTransmitBuffer buffer = Transmitter.NewBuffer();
            Buffers.Add(buffer);
            Assert.Equal(Error.None, buffer.TryMake(Driver.Function.Dma, Places, PlaceBytes));
            _left--;
            Send(buffer);
        }
    }

    /// <summary>Packets of the places before that one, of the buffer that is sent now, and of all buffers before it.</summary>
    public int Due(IsoTransmitBuffer buffer, int place) => Kept.Concat(_kept[buffer].Take(place)).Count(one => one);

    public void Send(IsoTransmitBuffer buffer)
    {
        bool[] kept = new bool[Places];
        for (int i = 0; i < Places; i++)
        {
            // Nothing, a header alone, all of it, or some.
            int bytes = _random.Next(6) switch { 0 => -1, 1 => 0, 2 => PlaceBytes, _ => _random.Next(PlaceBytes) };
            kept[i] = bytes >= 0;
            if (bytes < 0)
            {
                buffer.SetEmpty(i, _options(i));
                continue;
            }
            _random.NextBytes(buffer[i][..bytes]);
            int channel = _random.Next(64), tag = _random.Next(4), sync = _random.Next(16);
            buffer.Set(i, bytes, channel, tag, sync, BusSpeed.S400, _options(i));
            Expected.Add(new Said((uint)bytes << 16 | (uint)tag << 14 | (uint)channel << 8 | 0xA0 | (uint)sync, buffer[i][..bytes].ToArray(), 0));
        }
        _kept[buffer] = kept;
        Transmitter.Queue(buffer);
    }

    /// <summary>Begins with a buffer of cycles without packets.</summary>
    public IsoTransmitBuffer SendNothing(int places, Func<int, IsoSendOptions> options)
    {
        Assert.Equal(Error.None, Transmitter.Start());
        IsoTransmitBuffer buffer = Transmitter.NewBuffer();
        Buffers.Add(buffer);
        Assert.Equal(Error.None, buffer.TryMake(Driver.Function.Dma, places, 4));
        for (int i = 0; i < places; i++)
            buffer.SetEmpty(i, options(i));
        _kept[buffer] = new bool[places];
        Transmitter.Queue(buffer);
        return buffer;
    }

    public void Reset(bool isLong)
    {
        Machine.Phy.InitiateReset(isLong);
        Machine.Pass(1_000);
        Driver.SetCycleMaster(true);
    }

    public void End(bool isPulled = false)
    {
        if (!isPulled && Driver.IsRunning)
            Assert.Equal(Error.None, Transmitter.Stop());
        if (isPulled)
        {
            Machine.Function.IsGone = true;
            Machine.Pass(1_100_000);
        }
        foreach (IsoTransmitBuffer buffer in Buffers)
        {
            Assert.False(buffer.IsQueued);
            buffer.Free();
        }
        Machine.CheckNothingLeaks(Driver);
    }

    public void OnSent(IsoTransmitBuffer buffer)
    {
        Sent++;
        for (int i = 0; i < _kept[buffer].Length; i++)
        {
            if (buffer.WasSent(i, out uint time))
                Times.Add(time);
            else
                Unsent++;
        }
        Kept.AddRange(_kept[buffer]);
        if (_left-- > 0)
            Send(buffer);
    }

    public void OnProgress(IsoTransmitBuffer buffer, int sent)
    {
        Assert.True(buffer.IsQueued && buffer.WasSent(sent - 1, out _));
        Told.Add((buffer, sent, Heard.Count - Due(buffer, sent)));
    }

    public void OnEnded(Error why) => Ended = why;

    public void Dispose() => Machine.Dispose();
}
