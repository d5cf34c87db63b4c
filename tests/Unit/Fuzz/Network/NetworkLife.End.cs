using System;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Tests.Fuzz.Network;

// What must be so: in the middle, when the card is good again, at the end, and for the next card.
internal sealed partial class NetworkLife
{
    private const int LongestRing = 64;

    private static readonly string[] _counterNames = Array.ConvertAll(typeof(NetworkCounters).GetFields(), field => field.Name);

    private static readonly System.Reflection.FieldInfo[] _counterFields = typeof(NetworkCounters).GetFields();

    protected override void MustRecover()
    {
        StopUsers();
        if (_ip != null)
            EmptySockets(_ip);
        // As long as drivers take to notice that it did not do what it was told.
        Advance(5 * Second);
        if (!IsRunning)
        {
            Must(!_machine.HoldsAnything || HasAbandoned, "a card neither runs nor is given up");
            _outcomes.Add("recovery: given up before");
            return;
        }
        if (!_card.HasForgotten)
        {
            // What the driver has under way may be lost, and then be noticed.
            // Once around its ring: what leads it astray may lie in wait anywhere there, and is gone after a reset.
            for (int i = 0; i < LongestRing && _machine.Pool.FreeCount != 0; i++)
            {
                SendOne();
                Advance(100);
            }
            Advance(4 * Second);
            MustSend("a good card does not send");
            _outcomes.Add("recovery: by the watchdog");
        }
        _kind.Restart(_driver!);
        Advance(Second);
        Must(IsRunning, "a good card does not survive a reset");
        MustSend("a good card does not send after a reset");
        ulong before = _inspector!.Received;
        Must(_card.Receive(_peer.Question()), "a good card has no room after a reset");
        TakeReceived();
        Must(_inspector.Received > before, "a good card does not receive after a reset");
        _outcomes.Add("recovery: by a reset");
    }

    private void StopUsers()
    {
        _tftp.Stop();
        _pinger.Stop();
        _ip?.Dhcp.Stop();
        _ip?.Clear();
    }

    private void SendOne()
    {
        if (!_machine.Pool.TryTake(out _batch[0]))
            throw new FuzzFailureException("a good card's driver keeps all frames");
        _batch[0].SetLength(60);
        _batch[0].Bytes.Clear();
        _batch[0].SetFlags(FrameFlags.None);
        Send(1);
    }

    private void MustSend(string rule)
    {
        int before = _card.Sent.Count;
        SendOne();
        Advance(10_000);
        Must(_card.Sent.Count > before, rule);
    }

    // By whoever listens, or by hand.
    private void TakeReceived()
    {
        Advance(20_000);
        if (_device!.Listener != null)
            return;
        int count = _device.Receive(_batch);
        for (int i = 0; i < count; i++)
            _batch[i].Free();
    }

    protected override void PassRemoval()
    {
        Advance(LongestNotice);
        StopUsers();
        Feed();
    }

    protected override void MustAddUp()
    {
        NetworkCounters counters = _device!.Counters;
        ulong received = _inspector!.Received, bytes = _inspector.ReceivedBytes, taken = _inspector.Taken;
        Must(counters.Received == received && counters.ReceivedBytes == bytes, "counters do not add up",
            $"{received} frames of {bytes} bytes were received, counted {counters.Received} and {counters.ReceivedBytes}");
        Must(counters.Sent <= taken && taken <= counters.Sent + counters.SendDropped, "counters do not add up",
            $"{taken} frames were taken, counted {counters.Sent} and {counters.SendDropped} dropped");
    }

    protected override void Count()
    {
        object counters = _device!.Counters;
        for (int i = 0; i < _counterNames.Length; i++)
            _outcomes.Add(_counterNames[i], (ulong)_counterFields[i].GetValue(counters)!);
        _kind.Count(_driver!, _outcomes);
        _outcomes.Add("card: writes let through", _card.Bus.Written);
        _outcomes.Add("card: writes refused", _card.Bus.Refused);
        _outcomes.Add("card: frames sent", (ulong)_card.Sent.Count);
        for (IpCounter what = 0; _ip != null && what < IpCounter.Count; what++)
            _outcomes.Add(_ipNames[(int)what], _ip.Counters[what]);
    }

    private static readonly string[] _ipNames = Array.ConvertAll(Enum.GetNames<IpCounter>(), name => "stack: " + name);

    protected override void MustWork()
    {
        Inspect();
        _ip = new IpInterface(_device!, _machine.Pool, 1);
        _ip.Configure(Peer.Ours, 24, default);
        Must(_ip.TryOpen(Peer.EchoPort, out _, isEcho: true), "a new interface has no socket");
        Advance(2_000);
        Must(_device!.Link.IsUp, "an honest card has no link");
        foreach (byte[] frame in (ReadOnlySpan<byte[]>)[_peer.Question(), _peer.Echo(60), _peer.Echo(1472)])
        {
            int before = _card.Sent.Count;
            Must(_card.Receive(frame), "an honest card has no room");
            Advance(1_000);
            Must(_card.Sent.Count == before + 1 && _card.Sent[before].Length >= frame.Length, "an honest card passes no traffic", $"{frame.Length} bytes: {_card.Sent.Count - before} answers");
        }
    }

    protected override void EndUsers() => _ip!.Clear();
}
