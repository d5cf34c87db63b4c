using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

/// <summary>Where a DHCP client is. Source: RFC 2131, figure 5.</summary>
public enum DhcpState : byte
{
    /// <summary>Not started, or stopped.</summary>
    Off,

    /// <summary>Waits before it begins, or begins again.</summary>
    Init,

    /// <summary>Asked for offers.</summary>
    Selecting,

    /// <summary>Asked for the address of an offer.</summary>
    Requesting,

    /// <summary>Asks the net whether somebody has the address already.</summary>
    Checking,

    /// <summary>Has a lease.</summary>
    Bound,

    /// <summary>Asks its server for more time.</summary>
    Renewing,

    /// <summary>Asks any server for more time.</summary>
    Rebinding,

    /// <summary>The link was down: asks whether the lease is still good.</summary>
    Rebooting,
}

/// <summary>
/// Gets an interface its address from a server and keeps it. Retransmissions come after about 4, 8, 16, 32 and then 64 seconds, each up to a
/// second earlier or later. Times are microseconds. Source: RFC 2131, RFC 2132; section numbers below are RFC 2131's.
/// </summary>
public sealed class DhcpClient
{
    private const ushort ServerPort = 67, ClientPort = 68;
    private const ulong Second = 1_000_000, FirstRetry = 4 * Second, LongestRetry = 64 * Second, ShortestRenewal = 60 * Second;
    private const ulong CheckMicroseconds = 300_000, AfterConflict = 10 * Second, StartSpread = 200_000;
    private const int RequestTries = 4, RebootTries = 2, MostBytes = 1024;
    private const uint Forever = uint.MaxValue;

    private readonly IpInterface _interface;
    private DhcpMessage _offer;
    private uint _transaction;
    private ulong _retry, _began, _asked, _leaseFrom;
    private int _tries;

    internal DhcpClient(IpInterface owner) => _interface = owner;

    /// <summary>Where it is.</summary>
    public DhcpState State { get; private set; }

    /// <summary>When it has something to do; the far end of time if never.</summary>
    public ulong Due { get; private set; } = ulong.MaxValue;

    /// <summary>The server that gave the lease.</summary>
    public Ipv4Address Server => _offer.Server;

    /// <summary>When the lease ends; the far end of time if never. Valid while there is one.</summary>
    public ulong LeaseEnds { get; private set; }

    /// <summary>When it is to be renewed, and when any server is to be asked.</summary>
    public ulong RenewAt { get; private set; }

    /// <inheritdoc cref="RenewAt"/>
    public ulong RebindAt { get; private set; }

    /// <summary>Leases got anew; leases made longer.</summary>
    public ulong Leases { get; private set; }

    /// <inheritdoc cref="Leases"/>
    public ulong Renewals { get; private set; }

    /// <summary>Whether there is a lease.</summary>
    public bool HasLease => State is DhcpState.Bound or DhcpState.Renewing or DhcpState.Rebinding or DhcpState.Rebooting;

    internal UdpSocket? Socket { get; private set; }

    internal bool IsWaiting => State is DhcpState.Selecting or DhcpState.Requesting;

    /// <summary>Begins, in the background; false if the interface has no socket left.</summary>
    public bool TryStart()
    {
        if (State != DhcpState.Off)
            return true;
        if (!_interface.TryOpen(ClientPort, out UdpSocket? socket))
            return false;
        Socket = socket;
        BeginAgain(Clock.Microseconds, _interface.Random.Below((uint)StartSpread));
        _interface.Wake();
        return true;
    }

    /// <summary>Gives the lease back, if there is one, and stops; the interface has no address then.</summary>
    public void Stop()
    {
        if (State == DhcpState.Off)
            return;
        if (HasLease)
        {
            // The server is told, and does not answer (4.4.6).
            Send(DhcpKind.Release, _interface.Address, default, _offer.Server, _offer.Server);
            _interface.Unconfigure();
        }
        if (State == DhcpState.Checking)
            _interface.EndProbe();
        Socket?.Close();
        Socket = null;
        State = DhcpState.Off;
        Due = ulong.MaxValue;
    }

    internal void LinkCameUp(ulong now)
    {
        if (State is DhcpState.Init or DhcpState.Selecting or DhcpState.Requesting)
            BeginAgain(now, 0);
        else if (HasLease)
            Enter(DhcpState.Rebooting, now);
    }

    // Looks at what came.
    internal void Receive()
    {
        while (Socket is { } socket && socket.TryTake(out Frame frame, out UdpSender sender))
        {
            IpCounter why = Take(frame.Bytes, sender.Port, Clock.Microseconds);
            if (why != IpCounter.Count)
                _interface.Counters.Add(why);
            frame.Free();
        }
    }

    // Does what is due.
    internal void Tick(ulong now)
    {
        if (now < Due)
            return;
        switch (State)
        {
            case DhcpState.Init:
                _transaction = (uint)_interface.Random.Next();
                _began = now;
                Enter(DhcpState.Selecting, now);
                break;
            case DhcpState.Checking:
                FinishCheck(now);
                break;
            case DhcpState.Bound:
                Enter(now < RebindAt ? DhcpState.Renewing : DhcpState.Rebinding, now);
                break;
            case DhcpState.Requesting or DhcpState.Rebooting when _tries >= (State == DhcpState.Requesting ? RequestTries : RebootTries):
                _interface.Counters.Add(IpCounter.DhcpTimeout);
                // The lease is good until it ends, whoever does not answer (3.2, 4).
                if (State == DhcpState.Rebooting && now < RebindAt)
                    Rest();
                else
                    LoseAddress(now);
                break;
            case DhcpState.Renewing or DhcpState.Rebinding or DhcpState.Rebooting when now >= LeaseEnds:
                _interface.Counters.Add(IpCounter.DhcpTimeout);
                LoseAddress(now);
                break;
            case DhcpState.Renewing when now >= RebindAt:
                Enter(DhcpState.Rebinding, now);
                break;
            default:
                Ask(now);
                break;
        }
    }

    private void BeginAgain(ulong now, ulong wait)
    {
        State = DhcpState.Init;
        Due = now + wait;
    }

    private void LoseAddress(ulong now)
    {
        _interface.Unconfigure();
        BeginAgain(now, 0);
    }

    private void Enter(DhcpState state, ulong now)
    {
        State = state;
        _tries = 0;
        _retry = FirstRetry;
        if (state is DhcpState.Renewing or DhcpState.Rebinding or DhcpState.Rebooting)
        {
            _transaction = (uint)_interface.Random.Next();
            _began = now;
        }
        Ask(now);
    }

    // Sends what the state sends, and says when again.
    private void Ask(ulong now)
    {
        _tries++;
        Ipv4Address own = _interface.Address, all = Ipv4Address.Broadcast;
        // A lease counts from when it was asked for (4.4.1).
        _asked = now;
        switch (State)
        {
            case DhcpState.Selecting:
                Send(DhcpKind.Discover, default, default, default, all);
                break;
            case DhcpState.Requesting:
                Send(DhcpKind.Request, default, _offer.Yours, _offer.Server, all);
                break;
            case DhcpState.Renewing:
                Send(DhcpKind.Request, own, default, default, _offer.Server);
                break;
            case DhcpState.Rebinding:
                Send(DhcpKind.Request, own, default, default, all);
                break;
            case DhcpState.Rebooting:
                Send(DhcpKind.Request, default, own, default, all);
                break;
        }
        ulong spread = _interface.Random.Below(2 * (uint)Second);
        if (State is DhcpState.Renewing or DhcpState.Rebinding)
        {
            // Half of the time that is left, and not more than once a minute (4.4.5).
            ulong end = State == DhcpState.Renewing ? RebindAt : LeaseEnds;
            ulong half = end > now ? (end - now) / 2 : 0;
            Due = Math.Min(now + Math.Max(half, ShortestRenewal), Math.Max(end, now + Second));
            return;
        }
        Due = now + _retry - Second + spread;
        _retry = Math.Min(_retry * 2, LongestRetry);
    }

    // What a message means; the counter of what is wrong with it, or Count.
    private IpCounter Take(ReadOnlySpan<byte> data, ushort port, ulong now)
    {
        if (port != ServerPort || !DhcpMessage.TryParse(data, _interface.Device.Guid != 0, out DhcpMessage message))
            return IpCounter.DhcpMalformed;
        if (message.Transaction != _transaction || (message.Hardware != _interface.Device.Address && _interface.Device.Guid == 0))
            return IpCounter.DhcpForeign;
        bool isAnswer = State is DhcpState.Requesting or DhcpState.Renewing or DhcpState.Rebinding or DhcpState.Rebooting;
        if (message.Kind == DhcpKind.Offer && State == DhcpState.Selecting)
        {
            if (!IsUsable(in message))
                return IpCounter.DhcpMalformed;
            _offer = message;
            Enter(DhcpState.Requesting, now);
            return IpCounter.Count;
        }
        if (message.Kind == DhcpKind.Nak && isAnswer)
        {
            if (State is DhcpState.Requesting or DhcpState.Renewing && message.Server != _offer.Server)
                return IpCounter.DhcpForeign;
            _interface.Unconfigure();
            BeginAgain(now, Second);
            return IpCounter.DhcpRefused;
        }
        if (message.Kind != DhcpKind.Ack || !isAnswer)
            return IpCounter.DhcpUnexpected;
        if (!IsUsable(in message) || message.Lease == 0)
            return IpCounter.DhcpMalformed;
        if (State == DhcpState.Requesting)
        {
            if (message.Server != _offer.Server || message.Yours != _offer.Yours)
                return IpCounter.DhcpForeign;
            TakeLease(in message);
            State = DhcpState.Checking;
            _interface.Probe(message.Yours);
            Due = now + CheckMicroseconds;
            return IpCounter.Count;
        }
        if (message.Yours != _interface.Address)
            return IpCounter.DhcpForeign;
        TakeLease(in message);
        Renewals++;
        Rest();
        return IpCounter.Count;
    }

    private static bool IsUsable(ref readonly DhcpMessage message) =>
        message.Yours.IsHost && message.Server.IsHost && message.Lease != 0 && (message.Router.IsNone || message.Router.IsHost);

    private void TakeLease(ref readonly DhcpMessage message)
    {
        _offer = message;
        _leaseFrom = _asked;
        uint lease = message.Lease, renew = message.Renew, rebind = message.Rebind;
        // Times that are no order are replaced by the usual ones (4.4.5).
        if (rebind == 0 || rebind >= lease)
            rebind = (uint)(lease * 7UL / 8);
        if (renew == 0 || renew >= rebind)
            renew = Math.Min(lease / 2, rebind);
        // However short it is, the server is not asked all the time.
        renew = Math.Max(renew, 1);
        LeaseEnds = lease == Forever ? ulong.MaxValue : _leaseFrom + lease * Second;
        RenewAt = lease == Forever ? ulong.MaxValue : _leaseFrom + renew * Second;
        RebindAt = lease == Forever ? ulong.MaxValue : _leaseFrom + rebind * Second;
    }

    private void FinishCheck(ulong now)
    {
        if (_interface.EndProbe())
        {
            Send(DhcpKind.Decline, default, _offer.Yours, _offer.Server, Ipv4Address.Broadcast);
            _interface.Counters.Add(IpCounter.DhcpConflict);
            BeginAgain(now, AfterConflict);
            return;
        }
        _offer.Mask.TryGetPrefix(out int prefix).Ignore("the message was refused if it has none"u8);
        _interface.Configure(_offer.Yours, prefix, _offer.Router);
        _interface.Announce();
        Leases++;
        Rest();
        Log.Info($"{_interface.Device.Name}: {_interface.Address}/{prefix}, gateway {_interface.Gateway}, by DHCP from {Server}");
    }

    // Has its lease, and nothing to do until it is to be renewed.
    private void Rest()
    {
        State = DhcpState.Bound;
        Due = RenewAt;
    }

    private void Send(DhcpKind kind, Ipv4Address client, Ipv4Address wanted, Ipv4Address server, Ipv4Address to)
    {
        if (!_interface.TryTakeFrame(out Frame frame))
            return;
        frame.SetLength(MostBytes);
        ulong seconds = (_asked - _began) / Second;
        int bytes = DhcpMessage.Write(frame.Bytes, kind, _transaction, (ushort)Math.Min(seconds, ushort.MaxValue), _interface.Device.Address, _interface.Device.Guid, client, wanted, server);
        frame.SetLength((uint)bytes);
        Socket!.TrySend(ref frame, to, ServerPort).Ignore("it is asked again, and what was dropped is counted"u8);
    }
}
