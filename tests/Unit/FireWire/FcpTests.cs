using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Commands and responses of the function control protocol, between two nodes that are ours.</summary>
public sealed unsafe class FcpTests : IDisposable, IFcpHandler, IFcpTarget
{
    private const ulong TimeOut = 100_000;

    private readonly CoreMachine _machine = new();
    private readonly CoreNode _node = new(1), _other = new(2);
    private readonly MemoryNode _peer = new(new BusInformation(3));
    private readonly Fcp _fcp, _target;
    private readonly List<(FcpExchange Exchange, string What)> _ended = [];
    private readonly List<byte[]> _commands = [];
    private readonly Transaction[] _answers;
    private readonly byte[][] _responses = [[9, 1, 2, 3], [.. Enumerable.Range(0, 512).Select(i => (byte)i)]];
    private Action<byte[]>? _onCommand;
    private Action<FcpExchange>? _onEnd;

    public FcpTests()
    {
        _fcp = new Fcp(_node.Core);
        _target = new Fcp(_other.Core) { Target = this };
        _answers = [.. Enumerable.Range(0, 8).Select(_ => new Transaction(_machine))];
    }

    public void Dispose() => _machine.Dispose();

    bool IFcpHandler.OnResponse(FcpExchange exchange, ReadOnlySpan<byte> response)
    {
        _ended.Add((exchange, Convert.ToHexString(response)));
        // 0xF: interim.
        bool waits = (response[0] & 0xF) == 0xF;
        if (!waits)
            _onEnd?.Invoke(exchange);
        return waits;
    }

    void IFcpHandler.OnFailure(FcpExchange exchange, FcpFailure failure)
    {
        _ended.Add((exchange, failure.ToString()));
        _onEnd?.Invoke(exchange);
    }

    void IFcpTarget.OnCommand(in IncomingRequest request, ReadOnlySpan<byte> command)
    {
        Assert.Equal(_node.Phy.PhysicalId, request.Node);
        _commands.Add(command.ToArray());
        _onCommand?.Invoke(command.ToArray());
    }

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(512)]
    public void A_command_is_answered(int bytes)
    {
        Plug();
        new Random(bytes).NextBytes(_machine.Bytes(0, 512));
        // At once: before the command is reported as written.
        _onCommand = _ => Answer(0, _responses[0]);
        FcpExchange exchange = New();
        Assert.Equal(Error.None, Begin(exchange, bytes));
        Assert.Empty(_ended);
        _machine.Settle();
        Assert.Equal(_machine.Bytes(0, bytes).ToArray(), Assert.Single(_commands));
        Assert.Equal((exchange, "09010203"), Assert.Single(_ended));
        // Later, and as long as can be.
        _onCommand = null;
        Assert.Equal(Error.None, Begin(exchange, bytes));
        _machine.Settle();
        Answer(0, _responses[1]);
        _machine.Settle();
        Assert.Equal((exchange, Convert.ToHexString(_responses[1])), _ended[^1]);
        Assert.Equal((2ul, 0ul, 2ul), (_fcp.ResponsesTaken, _fcp.Unexpected, _target.Commands));
        _machine.Pass(200_000, 1000);
        Assert.Equal(2, _ended.Count);
    }

    [Fact]
    public void An_interim_response_is_waited_on_after()
    {
        Plug();
        FcpExchange exchange = New();
        Assert.Equal(Error.None, Begin(exchange, 8));
        for (int i = 0; i < 3; i++)
        {
            _machine.Pass(80_000, 1000);
            Answer(0, [0x0F, (byte)i, 0, 0]);
            _machine.Settle();
        }
        Assert.Equal(["0F000000", "0F010000", "0F020000"], _ended.Select(end => end.What));
        Assert.Equal(Error.Busy, Begin(exchange, 8));
        _machine.Pass(80_000, 1000);
        Answer(0, _responses[0]);
        _machine.Settle();
        Assert.Equal("09010203", _ended[^1].What);
        // Interim and final before the command is reported: the second is one too many.
        _onCommand = _ =>
        {
            Answer(0, [0x0F, 7, 7, 7]);
            Answer(1, _responses[0]);
        };
        Assert.Equal(Error.None, Begin(exchange, 8));
        _machine.Settle();
        Assert.Equal(("0F070707", 1ul), (_ended[^1].What, _fcp.Unexpected));
        _machine.Pass(110_000, 1000);
        Assert.Equal((nameof(FcpFailure.TimedOut), 1ul, 6), (_ended[^1].What, _fcp.TimeOuts, _ended.Count));
    }

    [Fact]
    public void One_at_a_time_with_each_node_and_as_many_as_nodes()
    {
        Plug();
        FcpExchange[] all = [New(), New(), New()];
        Assert.Equal(Error.None, Begin(all[0], 8));
        Assert.Equal(Error.Busy, Begin(all[1], 8));
        // Who has no such register refuses; we may ask ourselves as well.
        Assert.Equal(Error.None, all[1].Begin(_peer.Phy.PhysicalId, _node.Core.Generation, _machine.Memory, 8, TimeOut));
        Assert.Equal(Error.None, all[2].Begin(_node.Phy.PhysicalId, _node.Core.Generation, _machine.Memory, 8, TimeOut));
        _machine.Settle();
        Assert.Equal([nameof(FcpFailure.NotTaken), nameof(FcpFailure.NotTaken)], _ended.Select(end => end.What));
        Assert.Equal((TransactionResult.TypeError, TransactionResult.AddressError), (all[1].Result, all[2].Result));
        Assert.Equal(Error.TooLarge, all[1].Begin(1, _node.Core.Generation, _machine.Memory, 513, TimeOut));
        Assert.Equal(Error.TooLarge, all[1].Begin(1, _node.Core.Generation, _machine.Memory, 0, TimeOut));
        Assert.Equal(Error.TooLarge, all[1].Begin(63, _node.Core.Generation, _machine.Memory, 8, TimeOut));
        // A response of another node than asked is none.
        Assert.True(_peer.TryWrite(_node.Core.NodeId, AddressHandler.FcpResponse, [9, 9, 9, 9], (_, _) => { }));
        _machine.Settle();
        Assert.Equal((2, 1ul), (_ended.Count, _fcp.Unexpected));
        // The next one begins in the handler of the first.
        _onEnd = _ =>
        {
            _onEnd = null;
            Assert.Equal(Error.None, Begin(all[0], 4));
        };
        Answer(0, _responses[0]);
        _machine.Settle();
        Answer(1, _responses[0]);
        _machine.Settle();
        Assert.Equal(4, _ended.Count);
        Assert.Equal([8, 4], _commands.Select(command => command.Length));
    }

    [Fact]
    public void Frames_that_are_none_are_refused()
    {
        Plug();
        FcpExchange exchange = New();
        Assert.Equal(Error.None, Begin(exchange, 8));
        _machine.Settle();
        var outcomes = new List<Outcome>();
        foreach (ulong offset in (ulong[])[AddressHandler.FcpResponse + 4, AddressHandler.FcpResponse + 0x1FC, AddressHandler.FcpCommand + 8])
            Assert.True(_peer.TryWrite(_node.Core.NodeId, offset, [9, 9, 9, 9], (outcome, _) => outcomes.Add(outcome)));
        Assert.True(_peer.TryRead(_node.Core.NodeId, AddressHandler.FcpResponse, 4, (outcome, _) => outcomes.Add(outcome)));
        _machine.Settle();
        Assert.Equal([Outcome.AddressError, Outcome.AddressError, Outcome.AddressError, Outcome.TypeError], outcomes);
        Assert.Empty(_ended);
        Assert.Equal(3ul, _fcp.BadFrames);
    }

    [Fact]
    public void A_reset_at_any_time_ends_it_once()
    {
        Plug();
        _onCommand = command => Answer(command[0] & 7, [0x0F, 0, 0, 0]);
        FcpExchange exchange = New();
        int resets = 0;
        for (int step = 0; resets < 40; step++)
        {
            _ended.Clear();
            Assert.Equal(Error.None, Begin(exchange, 8));
            for (int i = 0; i < step % 20 && !_machine.Simulator.RunActivity(1); i++)
                Sluice.Platform.Machine.Work.Run(64);
            if (step >= 20)
                _machine.Settle();
            (step % 2 == 0 ? _node : _other).Phy.InitiateReset(isLong: false);
            resets++;
            _machine.Pass(1000);
            Assert.Equal(nameof(FcpFailure.BusReset), Assert.Single(_ended, end => end.What != "0F000000").What);
            Assert.Equal(nameof(FcpFailure.BusReset), _ended[^1].What);
            Assert.InRange(_ended.Count, 1, 2);
        }
        _onCommand = _ => Answer(0, _responses[0]);
        Assert.Equal(Error.None, Begin(exchange, 8));
        _machine.Settle();
        Assert.Equal("09010203", _ended[^1].What);
    }

    private FcpExchange New() => new(_fcp, this);

    private Error Begin(FcpExchange exchange, int bytes) => exchange.Begin(_other.Phy.PhysicalId, _node.Core.Generation, _machine.Memory, bytes, TimeOut);

    private void Answer(int which, byte[] response)
    {
        if (_answers[which].IsUnderWay)
            return;
        int at = 8192 + 1024 * which;
        response.CopyTo(_machine.Bytes(at, response.Length));
        _other.Core.Submit(_answers[which].WriteBlock(_node.Phy.PhysicalId, _other.Core.Generation, AddressHandler.FcpResponse, _machine.Memory + at, response.Length));
    }

    private void Plug()
    {
        _machine.Add(_node);
        _machine.Add(_other);
        _machine.Add(_peer);
        _machine.Pass(1000);
        Assert.True(_node.Core.IsUp && _other.Core.IsUp);
    }
}
