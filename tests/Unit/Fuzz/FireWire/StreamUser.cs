using System;
using Sluice.Dma;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Tests.Fuzz.FireWire;

/// <summary>Somebody who receives a stream, in one of its modes, and sends another. What comes is looked at as its sender would like it to be.</summary>
internal sealed class StreamUser : IBusUser
{
    // Where both are.
    private const int Channel = 5;

    private const int Buffers = 3, Places = 8, PlaceBytes = 256;

    private static readonly IsoReceiveMode[] _modes = Enum.GetValues<IsoReceiveMode>();

    private readonly Surroundings _around;
    private readonly Choices _choices;
    private readonly Outcomes _outcomes;
    private readonly IsoReceiver _receiver;
    private readonly IsoTransmitter _transmitter;
    private readonly IsoReceiveMode _mode;
    private readonly IsoReceiveBuffer[] _in = new IsoReceiveBuffer[Buffers];
    private readonly IsoTransmitBuffer[] _out = new IsoTransmitBuffer[Buffers];
    private ulong _receiveEnds, _sendEnds, _filled, _sent, _packets, _progress;
    private bool _hasData;

    private StreamUser(IsoReceiver receiver, IsoTransmitter transmitter, Surroundings around)
    {
        (_around, _choices, _outcomes, _receiver, _transmitter) = (around, around.Choices, around.Outcomes, receiver, transmitter);
        IsoReceiveMode wanted = _modes[_choices.Below(_modes.Length)];
        _mode = _receiver.HasMode(wanted) ? wanted : IsoReceiveMode.Stream;
        bool waits = _mode == IsoReceiveMode.Packets && _choices.OneIn(2);
        _choices.Tell($"somebody has streams, received as {_mode}");
        for (int i = 0; i < Buffers; i++)
        {
            _in[i] = _receiver.NewBuffer(_mode);
            _out[i] = _transmitter.NewBuffer();
            _outcomes.Add($"streams: memory {_in[i].TryMake(around.Dma, Places, PlaceBytes, waits)}");
            _outcomes.Add($"streams: memory {_out[i].TryMake(around.Dma, Places, PlaceBytes)}");
        }
    }

    /// <summary>Null if the controller has nothing for streams, as it says; then whatever he has is his.</summary>
    public static StreamUser? TryMake(Surroundings around)
    {
        var ends = new Ends();
        Ohci driver = around.Driver;
        if (!driver.TryTakeReceiver(ends, out IsoReceiver? receiver) || !driver.TryTakeTransmitter(ends, out IsoTransmitter? transmitter))
            return null;
        // Streams go on in cycles, which somebody has to begin.
        driver.Bus.Registers.SetCycleMaster(true);
        return ends.User = new StreamUser(receiver!, transmitter!, around);
    }

    /// <summary>He starts, feeds or stops one of the two.</summary>
    public void Use()
    {
        foreach (IsoTransmitBuffer buffer in _out)
            Surroundings.Must(buffer.Progress is >= 0 and < Places, "a buffer of a stream is further than it has places");
        switch (_choices.Pick(4, 1, 4, 1, 2, 2))
        {
            case 0:
                var options = new IsoReceiveOptions(_choices.OneIn(4) ? 0xFF : 1ul << Channel, 0xF, 1, _choices.OneIn(4) ? _choices.Below(1 << 15) : -1, _mode);
                _outcomes.Add($"streams: receiver starts, {_receiver.Start(options)}");
                QueueIn();
                break;
            case 1:
                _outcomes.Add($"streams: receiver stops, {_receiver.Stop()}");
                break;
            case 2:
                _outcomes.Add($"streams: transmitter starts, {_transmitter.Start(_choices.OneIn(4) ? _choices.Below(1 << 15) : -1)}");
                QueueOut();
                break;
            case 3:
                _outcomes.Add($"streams: transmitter stops, {_transmitter.Stop()}");
                break;
            case 4:
                QueueIn();
                break;
            default:
                QueueOut();
                break;
        }
    }

    /// <summary>Packets come, which are received or not.</summary>
    public void Disturb()
    {
        int times = 8 * (1 + _choices.Small(16)), bytes = _choices.OneIn(2) ? PlaceBytes : _choices.Small(1025);
        uint header = (uint)bytes << 16 | (uint)_choices.Below(4) << 14 | Channel << 8 | 0xA0 | (_choices.OneIn(4) ? 1u : 0);
        byte[] data = new byte[bytes];
        _choices.Fill(data);
        _choices.Tell($"{times} packets of a stream come, {bytes} bytes each");
        for (int i = 0; i < times; i++)
        {
            _around.Card.ReceiveStream(header, data);
            if (i % 8 == 7)
                _around.Advance(1_000);
        }
    }

    /// <summary>Without cycles nothing comes of streams.</summary>
    public void MustWork()
    {
    }

    /// <inheritdoc/>
    public void End()
    {
        Surroundings.Must(!_receiver.IsStarted && !_transmitter.IsStarted, "streams go on without a controller");
        foreach (IsoReceiveBuffer buffer in _in)
        {
            Surroundings.Must(!buffer.IsQueued, "a buffer of a stream did not come back");
            buffer.Free();
        }
        foreach (IsoTransmitBuffer buffer in _out)
        {
            Surroundings.Must(!buffer.IsQueued, "a buffer of a stream did not come back");
            buffer.Free();
        }
        _outcomes.Add("streams: receivers that ended", _receiveEnds);
        _outcomes.Add("streams: transmitters that ended", _sendEnds);
        _outcomes.Add("streams: buffers filled", _filled);
        _outcomes.Add("streams: received data", _hasData ? 1u : 0);
        _outcomes.Add("streams: buffers sent", _sent);
        _outcomes.Add("streams: packets sent", _packets);
        _outcomes.Add("streams: progress told", _progress);
    }

    private void OnFilled(IsoReceiveBuffer buffer)
    {
        Surroundings.Must(!buffer.IsQueued && Array.IndexOf(_in, buffer) >= 0, "a buffer of a stream is told of that is not ours");
        Surroundings.Must(buffer.Whole is >= 0 and <= Places * PlaceBytes && buffer.Bytes.Length <= Places * PlaceBytes, "a buffer of a stream has more than it has room for");
        _filled++;
        int at = buffer.FirstRest;
        for (int place = 0; place < Places && _mode is IsoReceiveMode.Packets or IsoReceiveMode.PacketsAlone or IsoReceiveMode.Divided; place++)
        {
            if (_mode == IsoReceiveMode.Divided && place >= buffer.Whole)
                break;
            IsoPacket packet = buffer[place];
            if (_mode == IsoReceiveMode.Divided)
                _ = buffer.RestOf(packet, ref at);
        }
        ulong sum = 0;
        foreach (byte value in buffer.Bytes)
            sum += value;
        _hasData |= sum != 0;
        if (_receiver.IsStarted)
            _receiver.Queue(buffer);
    }

    private void OnSent(IsoTransmitBuffer buffer)
    {
        Surroundings.Must(!buffer.IsQueued && Array.IndexOf(_out, buffer) >= 0, "a buffer of a stream is told of that is not ours");
        _sent++;
        for (int place = 0; place < Places; place++)
            _packets += buffer.WasSent(place, out _) ? 1u : 0;
        if (_transmitter.IsStarted && buffer != _out[0])
            _transmitter.Queue(buffer);
    }

    private void OnProgress(IsoTransmitBuffer buffer, int sent)
    {
        Surroundings.Must(buffer.IsQueued && Array.IndexOf(_out, buffer) >= 0, "a buffer of a stream is told of that is not ours");
        Surroundings.Must(sent is > 0 and < Places, "a buffer of a stream is further than it has places");
        _progress++;
    }

    private void QueueIn()
    {
        foreach (IsoReceiveBuffer buffer in _in)
        {
            if (_receiver.IsStarted && buffer.IsMade && !buffer.IsQueued)
                _receiver.Queue(buffer);
        }
    }

    private void QueueOut()
    {
        foreach (IsoTransmitBuffer buffer in _out)
        {
            if (!_transmitter.IsStarted || !buffer.IsMade || buffer.IsQueued)
                continue;
            for (int place = 0; place < Places; place++)
            {
                var options = (IsoSendOptions)_choices.Below(8);
                if (_choices.OneIn(4))
                    buffer.SetEmpty(place, options);
                else
                    buffer.Set(place, _choices.Below(PlaceBytes / 4 + 1) * 4, Channel, 1, 0, BusSpeed.S400, options);
            }
            _transmitter.Queue(buffer);
        }
    }

    // Who is called, made before what calls him.
    private sealed class Ends : IIsoReceiveHandler, IIsoTransmitHandler
    {
        public StreamUser? User { get; set; }

        public void OnFilled(IsoReceiveBuffer buffer) => User!.OnFilled(buffer);

        public void OnSent(IsoTransmitBuffer buffer) => User!.OnSent(buffer);

        public void OnProgress(IsoTransmitBuffer buffer, int sent) => User!.OnProgress(buffer, sent);

        void IIsoReceiveHandler.OnEnded(Error why) => User!._receiveEnds++;

        void IIsoTransmitHandler.OnEnded(Error why) => User!._sendEnds++;
    }
}
