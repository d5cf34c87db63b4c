using System;
using System.Buffers.Binary;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>Why no response came.</summary>
public enum FcpFailure : byte
{
    /// <summary>The node did not take the command; <see cref="FcpExchange.Result"/> says how that ended.</summary>
    NotTaken,

    /// <summary>No response in time.</summary>
    TimedOut,

    /// <summary>A bus reset came; whether the command was carried out is not known.</summary>
    BusReset,
}

/// <summary>Who gives commands to other nodes.</summary>
public interface IFcpHandler
{
    /// <summary>A response came; valid in this call.</summary>
    /// <returns>True to wait for another, for as long again: this one was interim.</returns>
    [PacketPath]
    bool OnResponse(FcpExchange exchange, ReadOnlySpan<byte> response);

    /// <summary>None will come. The exchange may be used again at once, as after a response that was the last.</summary>
    [PacketPath]
    void OnFailure(FcpExchange exchange, FcpFailure failure);
}

/// <summary>Who takes commands of other nodes, and writes its responses to their <see cref="AddressHandler.FcpResponse"/>.</summary>
public interface IFcpTarget
{
    /// <summary>A command; valid in this call.</summary>
    [PacketPath]
    void OnCommand(in IncomingRequest request, ReadOnlySpan<byte> command);
}

/// <summary>
/// Commands to other nodes as writes, their responses as writes to us, one command at a time for each node. Source: IEC 61883-1, section 6
/// (function control protocol).
/// </summary>
public sealed class Fcp : IBusClient, ITimerHandler, IWork
{
    /// <summary>The longest frame, either way.</summary>
    public const int MostBytes = (int)AddressHandler.FcpBytes;

    private readonly FcpExchange?[] _waiting = new FcpExchange?[Topology.MostNodes];
    private readonly Timer _timer;
    private readonly WorkItem _work;

    /// <summary>Listens for responses and commands on a bus, once. Only while the kernel starts.</summary>
    public Fcp(FireWireBus bus)
    {
        Bus = bus;
        _timer = new Timer(this);
        _work = new WorkItem(this);
        bus.AddClient(this).Ignore("one of the first clients of a bus"u8);
        bus.Addresses.Add(new Register(this, AddressHandler.FcpCommand)).Ignore("nobody else has these"u8);
        bus.Addresses.Add(new Register(this, AddressHandler.FcpResponse)).Ignore("nobody else has these"u8);
    }

    /// <summary>Takes commands of others; without one they are refused.</summary>
    public IFcpTarget? Target { get; set; }

    /// <summary>Responses to nothing; frames that are none; commands and responses delivered; time-outs.</summary>
    public ulong Unexpected, BadFrames, Commands, ResponsesTaken, TimeOuts;

    internal FireWireBus Bus { get; }

    /// <inheritdoc/>
    public void BusChanged()
    {
        // Commands under way end by themselves.
        for (int i = 0; i < _waiting.Length; i++)
        {
            if (_waiting[i] is { IsSending: false } exchange)
                exchange.Fail(FcpFailure.BusReset);
        }
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();

    /// <inheritdoc/>
    public bool Work(int budget)
    {
        ulong now = Clock.Microseconds, due = ulong.MaxValue;
        for (int i = 0; i < _waiting.Length; i++)
        {
            if (_waiting[i] is { IsSending: false } exchange && exchange.Due <= now)
            {
                TimeOuts++;
                exchange.Fail(FcpFailure.TimedOut);
            }
            // Whoever is there now, perhaps with another command.
            if (_waiting[i] is { IsSending: false } waiting)
                due = Math.Min(due, waiting.Due);
        }
        if (due != ulong.MaxValue)
            Arm(due);
        return false;
    }

    internal bool TryEnter(FcpExchange exchange, int node)
    {
        if ((uint)node >= Topology.MostNodes || _waiting[node] != null)
            return false;
        _waiting[node] = exchange;
        return true;
    }

    internal void Leave(int node) => _waiting[node] = null;

    internal void Arm(ulong due)
    {
        if (!_timer.IsRunning || due < _timer.Due)
            _timer.StartAt(due);
    }

    private ResponseCode Take(in IncomingRequest request, bool isCommand, ulong within, ReadOnlySpan<byte> frame)
    {
        if (request.IsBroadcast || within != 0)
        {
            BadFrames++;
            return ResponseCode.AddressError;
        }
        if (isCommand)
        {
            if (Target == null)
                return ResponseCode.AddressError;
            Commands++;
            Target.OnCommand(request, frame);
        }
        else if (_waiting[request.Node] is { } exchange && exchange.TryTake(frame))
        {
            ResponsesTaken++;
        }
        else
        {
            Unexpected++;
        }
        return ResponseCode.Complete;
    }

    private sealed class Register(Fcp fcp, ulong start) : AddressHandler(start, FcpBytes)
    {
        public override ResponseCode Write(in IncomingRequest request, ulong offset, ReadOnlySpan<byte> data) =>
            fcp.Take(request, Start == FcpCommand, offset - Start, data);
    }
}

/// <summary>A command and what comes back. Made while starting, used again and again.</summary>
public sealed unsafe class FcpExchange : ITransactionHandler
{
    private readonly Fcp _fcp;
    private readonly IFcpHandler _handler;
    private readonly Transaction _transaction;

    // A response that came before the command was reported as written.
    private readonly byte[] _early = new byte[Fcp.MostBytes];
    private int _earlyBytes;
    private ulong _timeOut;
    private byte _generation;
    private bool _isUnderWay;

    /// <summary>For one who waits. Only while the kernel starts.</summary>
    public FcpExchange(Fcp fcp, IFcpHandler handler)
    {
        _fcp = fcp;
        _handler = handler;
        _transaction = new Transaction(this);
    }

    /// <summary>Which node it is with.</summary>
    public int Node { get; private set; }

    /// <summary>How the writing of the command ended.</summary>
    public TransactionResult Result => _transaction.Result;

    internal bool IsSending { get; private set; }

    internal ulong Due { get; private set; }

    /// <summary>
    /// Writes a command and waits for responses. <see cref="Error.Busy"/>: this one, or another with this node, is under way;
    /// <see cref="Error.TooLarge"/>: no frame has such a length, or there is no such node.
    /// </summary>
    /// <param name="command">What it is now is written.</param>
    /// <param name="timeOut">From the command or an interim response to the next, in microseconds.</param>
    public Error Begin(int node, byte generation, byte* command, int bytes, ulong timeOut)
    {
        if (bytes is < 1 or > Fcp.MostBytes || (uint)node >= Topology.MostNodes)
            return Error.TooLarge;
        if (_isUnderWay || !_fcp.TryEnter(this, node))
            return Error.Busy;
        Node = node;
        _isUnderWay = IsSending = true;
        _earlyBytes = 0;
        _timeOut = timeOut;
        _generation = generation;
        _fcp.Bus.Submit(bytes == 4
            ? _transaction.WriteQuadlet(node, generation, AddressHandler.FcpCommand, BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(command, 4)))
            : _transaction.WriteBlock(node, generation, AddressHandler.FcpCommand, command, bytes));
        return Error.None;
    }

    /// <inheritdoc/>
    public void OnDone(Transaction transaction)
    {
        IsSending = false;
        if (_earlyBytes != 0)
            Deliver(new ReadOnlySpan<byte>(_early, 0, _earlyBytes));
        else if (transaction.Result == TransactionResult.Complete)
            WaitOn();
        else
            Fail(transaction.Result is TransactionResult.BusReset or TransactionResult.OldGeneration ? FcpFailure.BusReset : FcpFailure.NotTaken);
    }

    internal bool TryTake(ReadOnlySpan<byte> response)
    {
        if (!IsSending)
        {
            Deliver(response);
            return true;
        }
        if (_earlyBytes != 0)
            return false;
        response.CopyTo(_early);
        _earlyBytes = response.Length;
        return true;
    }

    internal void Fail(FcpFailure failure)
    {
        End();
        _handler.OnFailure(this, failure);
    }

    private void Deliver(ReadOnlySpan<byte> response)
    {
        // The handler may begin another command here, unless it waits on.
        End();
        bool waits = _handler.OnResponse(this, response);
        if (!waits || _isUnderWay)
            return;
        if (!_fcp.TryEnter(this, Node))
            return;
        _isUnderWay = true;
        WaitOn();
    }

    private void WaitOn()
    {
        if (_fcp.Bus.Generation != _generation)
        {
            // The reset was before the command was reported.
            Fail(FcpFailure.BusReset);
            return;
        }
        Due = Clock.Microseconds + _timeOut;
        _fcp.Arm(Due);
    }

    private void End()
    {
        _isUnderWay = false;
        _fcp.Leave(Node);
    }
}
