using System;
using Sluice.Drivers.Video;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Dv;

// How a device is connected to and made to send. Its plug counts who listens: the first allocates channel and bandwidth and sets the plug, others
// only count themselves. A bus reset ends all connections; a node goes on for a second, in which those that were are made again.
// Source: IEC 61883-1, sections 7.8 to 7.10 (connection management procedures).
public sealed unsafe partial class DvDevice : IFcpHandler
{
    // 63 is where nodes send to everybody without being asked.
    private const ulong Channels = ~(1ul << 63);

    // Who allocated it connects first after a bus reset; until then the plug is looked at now and then.
    private const ulong OthersFirst = 1_000_000, LookAtPlug = 100_000;

    // So long after the connection it would have sent, if it did by itself; answers to commands come within 100 ms, or an interim one.
    private const ulong Settle = 500_000, Patience = 500_000;

    // Compare-swaps that somebody else was faster at; responses that are not the last.
    private const int MostTries = 16, MostInterim = 8;

    private readonly FcpExchange _exchange;
    private readonly Timer _pause;
    private OutputPlug _plug, _wanted;
    private BusSpeed _rate;
    private int _channel, _tries, _interim;
    private byte _subunit, _operation, _page;

    // A command is under way; the format was asked for; the tape was made to play; we are counted by the plug; others were before us.
    private bool _isAsking, _isAsked, _hasPlayed, _isConnected, _isBorrowed;

    private enum StartStep
    {
        AskFormat,
        ReadMaster,
        ReadPlug,
        Judge,
        Connect,
        Watch,
        AskSubunits,
        AskTransport,
        Play,
        Done,
    }

    private enum EndStep
    {
        StopTape,
        Disconnect,
        Done,
    }

    private protected override bool IsBusy => _isAsking || base.IsBusy;

    /// <inheritdoc/>
    public override bool Work(int budget)
    {
        if (_reader.IsLost && State is VideoState.Starting or VideoState.Running)
        {
            _assembler.Counters.Restarts++;
            Listen(anew: true);
        }
        return base.Work(budget);
    }

    /// <inheritdoc/>
    [PacketPath]
    public bool OnResponse(FcpExchange exchange, ReadOnlySpan<byte> response)
    {
        // One that is late may answer what was asked before.
        bool isAnswer = response.Length >= 4 && response[1] == _subunit && AvcCommand.IsOf(response, _operation) && AvcCommand.KindOf(response) != AvcCommand.Interim;
        if (!isAnswer && ++_interim <= MostInterim)
            return true;
        Replied(isAnswer ? response : default);
        return false;
    }

    /// <inheritdoc/>
    [PacketPath]
    public void OnFailure(FcpExchange exchange, FcpFailure failure)
    {
        if (failure == FcpFailure.BusReset)
        {
            // All begins anew when it is found again.
            _isAsking = false;
            TakeTelling();
            Go();
        }
        else
        {
            Replied(default);
        }
    }

    internal override void BusChanged()
    {
        // All connections have ended.
        _isConnected = false;
        _tries = 0;
        base.BusChanged();
    }

    private protected override void Do()
    {
        switch ((StartStep)Step)
        {
            case StartStep.AskFormat:
                _assembler.SetSender(Node);
                if (!_isAsked && TryAsk(AvcCommand.AskFormat))
                    break;
                Step = (int)StartStep.ReadMaster;
                goto case StartStep.ReadMaster;
            case StartStep.ReadMaster:
                Submit(Transaction.ReadQuadlet(Node, NewGeneration(), OutputPlug.Master));
                break;
            case StartStep.ReadPlug:
                if (!_pause.IsRunning)
                    Submit(Transaction.ReadQuadlet(Node, NewGeneration(), OutputPlug.First));
                break;
            case StartStep.Judge:
                Judge();
                break;
            case StartStep.Connect:
                Connect();
                break;
            case StartStep.Watch:
                if (_assembler.Counters.Packets == 0 && _pause.IsRunning)
                    break;
                Step = (int)StartStep.AskSubunits;
                _page = 0;
                if (_assembler.Counters.Packets != 0 || !TryAskSubunits())
                    GoOn();
                break;
            case StartStep.AskSubunits:
                if (!TryAskSubunits())
                    GoOn();
                break;
            case StartStep.AskTransport:
                if (!TryAsk(AvcCommand.AskTransport))
                    GoOn();
                break;
            case StartStep.Play:
                if (!TryAsk(AvcCommand.Play))
                    GoOn();
                break;
        }
    }

    private protected override void Answered(uint quadlet)
    {
        switch ((StartStep)Step)
        {
            case StartStep.ReadMaster:
                // Its plugs, and how fast it may send: not faster than the way to us.
                _rate = Bus.SpeedTo(Node) < BusSpeed.S400 ? Bus.SpeedTo(Node) : BusSpeed.S400;
                _rate = (BusSpeed)Math.Min((uint)_rate, quadlet >> 30);
                Step = (int)StartStep.ReadPlug;
                if ((quadlet & 0x1F) == 0)
                    Fail(VideoEnd.NoSuchMode);
                break;
            case StartStep.ReadPlug:
                Look(quadlet);
                break;
            case StartStep.Connect:
                if (quadlet != _plug.Value)
                {
                    Look(quadlet);
                    break;
                }
                _isConnected = true;
                _plug = _wanted;
                Connected();
                break;
        }
    }

    private protected override bool TryTell()
    {
        _pause.Cancel();
        if ((EndStep)Step == EndStep.StopTape && (!_hasPlayed || !TryAsk(AvcCommand.Stop)))
            Step = (int)EndStep.Disconnect;
        if ((EndStep)Step == EndStep.Disconnect && _isConnected)
            Submit(Transaction.Lock(Node, NewGeneration(), OutputPlug.First, LockOperation.CompareSwap, _plug.Value, _plug.WithOneLess().Value));
        else if ((EndStep)Step == EndStep.Disconnect)
            Step = (int)EndStep.Done;
        return (EndStep)Step != EndStep.Done;
    }

    private protected override void Told(bool isComplete, uint quadlet)
    {
        bool isChanged = isComplete && quadlet != _plug.Value && ++_tries <= MostTries;
        _plug = new OutputPlug(quadlet);
        // One that refuses, or says that nobody listens, is not asked again.
        _isConnected = isChanged && _plug.HasConnections;
    }

    // What the plug says: it must be one that sends DV.
    private void Look(uint plug)
    {
        _plug = new OutputPlug(plug);
        Step = (int)StartStep.Judge;
        if (!_plug.IsOnline || ++_tries > MostTries)
            Fail(VideoEnd.Refused);
        else if (_plug.PacketBytes < FrameAssembler.PacketBytes)
            Fail(VideoEnd.NoSuchMode);
    }

    // On whose channel: that of others, if somebody is connected; or ours. What was allocated before a bus reset is asked for again by itself.
    private void Judge()
    {
        if (_plug.IsConnected && Resources.Channel >= 0 && Resources.Channel != _plug.Channel)
        {
            Resources.Release().Ignore("nothing is under way"u8);
        }
        else if (_plug.IsConnected || Resources.Channel >= 0)
        {
            _isBorrowed = Resources.Channel < 0;
            _channel = _plug.IsConnected ? _plug.Channel : Resources.Channel;
            Step = (int)StartStep.Connect;
            Connect();
        }
        else if (_isBorrowed && Clock.Microseconds < Bus.LastReset + OthersFirst)
        {
            Step = (int)StartStep.ReadPlug;
            _tries = 0;
            _pause.Start(LookAtPlug);
        }
        else
        {
            Allocate(Channels, _plug.PacketBytes, _rate, _plug.Overhead);
        }
    }

    private void Connect()
    {
        if (!Listen(anew: false))
            return;
        if (_plug.HasRoom)
        {
            _wanted = _plug.IsConnected ? _plug.WithOneMore() : _plug.WithFirst(_channel, _rate);
            Submit(Transaction.Lock(Node, NewGeneration(), OutputPlug.First, LockOperation.CompareSwap, _plug.Value, _wanted.Value));
            return;
        }
        // It cannot count us: it sends as long as others listen.
        Connected();
        Do();
    }

    private void Connected()
    {
        Step = (int)StartStep.Watch;
        _tries = 0;
        _pause.Start(Settle);
    }

    private bool Listen(bool anew)
    {
        bool isListening = TryListen(_channel, BufferPackets, BufferPacketBytes, anew: anew);
        if (!isListening)
            Fail(VideoEnd.NoMemory);
        return isListening;
    }

    private void GoOn()
    {
        Step = (int)StartStep.Done;
        Started();
    }

    private bool TryAsk(ReadOnlySpan<byte> command)
    {
        _interim = 0;
        _subunit = command[1];
        _operation = command[2];
        fixed (byte* bytes = command)
            _isAsking = _exchange.Begin(Node, NewGeneration(), bytes, command.Length, Patience) == Error.None;
        return _isAsking;
    }

    private bool TryAskSubunits()
    {
        Span<byte> command = stackalloc byte[AvcCommand.AskSubunits.Length];
        AvcCommand.AskSubunits.CopyTo(command);
        command[3] = AvcCommand.PageOf(_page);
        return TryAsk(command);
    }

    // A command was answered; or not, or refused to be taken: then there is nothing.
    private void Replied(ReadOnlySpan<byte> response)
    {
        _isAsking = false;
        _assembler.Counters.Unanswered += response.IsEmpty ? 1u : 0;
        if (IsOld)
            TakeTelling();
        else if (TakeTelling())
            Step = (int)EndStep.Disconnect;
        else if (State is VideoState.Starting or VideoState.Running)
            Take(response);
        Go();
    }

    private void Take(ReadOnlySpan<byte> response)
    {
        switch ((StartStep)Step)
        {
            case StartStep.AskFormat:
                _isAsked = true;
                Step = (int)StartStep.ReadMaster;
                if (!response.IsEmpty && AvcCommand.IsOtherFormat(response))
                    Fail(VideoEnd.NoSuchMode);
                break;
            case StartStep.AskSubunits when !response.IsEmpty:
                bool hasTape = AvcCommand.HasTape(response, out bool isLast);
                if (hasTape)
                    Step = (int)StartStep.AskTransport;
                else if (isLast || ++_page == AvcCommand.SubunitPages)
                    GoOn();
                break;
            case StartStep.AskTransport when !response.IsEmpty && AvcCommand.IsStopped(response):
                Step = (int)StartStep.Play;
                break;
            case StartStep.Play:
                _hasPlayed = !response.IsEmpty && AvcCommand.KindOf(response) == AvcCommand.Accepted;
                _assembler.Counters.Refused += _hasPlayed ? 0 : 1u;
                GoOn();
                break;
            default:
                GoOn();
                break;
        }
    }
}
