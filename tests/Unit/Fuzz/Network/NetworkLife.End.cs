using System;
using Sluice.Dma;
using Sluice.Drivers;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Tests.Fuzz.Network;

// What must be so: in the middle, when the card is good again, at the end, and for the next card.
internal sealed partial class NetworkLife
{
    // Longer than a driver may take to notice that its card is gone, whatever it was doing.
    private const ulong LongestNotice = 2_500_000;

    private const int LongestRing = 64;

    private static readonly string[] _counterNames = Array.ConvertAll(typeof(NetworkCounters).GetFields(), field => field.Name);

    private static readonly System.Reflection.FieldInfo[] _counterFields = typeof(NetworkCounters).GetFields();

    // A driver that has let go of its memory must have taken the right to write it before.
    private void MustHoldWhatItNeeds()
    {
        if (_card.Function.IsBusMaster && !_card.StaysBusMaster)
            Must(_machine.HoldsAnything, "memory was given back and the card may still write it");
    }

    private void Recover()
    {
        // One that stays bus master will not let go of memory, and be given up.
        if (_card.Function.IsGone || _card.StaysBusMaster)
            return;
        _choices.Tell("the card is good from now on");
        _card.Behave();
        // Whoever waits with frames for a card that waits for frames gives up first.
        Feed();
        StopUsers();
        if (_ip != null)
            EmptySockets(_ip);
        // As long as drivers take to notice that it did not do what it was told.
        Advance(5 * Second);
        if (!_kind.IsRunning(_driver!))
        {
            Must(!_machine.HoldsAnything || _kind.HasAbandoned(_driver!), "a card neither runs nor is given up");
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
        Must(_kind.IsRunning(_driver!), "a good card does not survive a reset");
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

    // False if the machine is not to be used again.
    private bool Remove()
    {
        switch (_choices.Pick(4, 3, 3))
        {
            case 0:
                _choices.Tell("the card is pulled");
                _card.Function.IsGone = true;
                break;
            case 1:
                Quiesce();
                break;
            default:
                _choices.Tell("the card's registers answer no longer");
                _card.Bus.ForgetPlans();
                _card.Bus.PlanLie(null, int.MaxValue, _ => ulong.MaxValue);
                break;
        }
        for (int misdeeds = _choices.Pick(3, 1, 1); misdeeds > 0; misdeeds--)
            _card.Bus.Do(_card.ChooseMisdeed(_choices));
        Advance(LongestNotice);
        StopUsers();
        Feed();
        if (_kind.HasAbandoned(_driver!))
        {
            Must(_card.StaysBusMaster, "memory was abandoned without need");
            // One that was pulled after that lets go of it at last.
            return !_machine.HoldsAnything;
        }
        Must(!_kind.IsRunning(_driver!), "a card that is gone was not given up");
        return true;
    }

    private void Quiesce()
    {
        _choices.Tell("quiesce");
        Call("quiesce", () =>
        {
            _driver!.Quiesce();
            return true;
        });
        _outcomes.Add("quiesced");
        Must(!_card.Function.IsBusMaster || _card.StaysBusMaster, "a card that was made silent may still write memory");
        Must(_machine.Interrupts.Taken == 0, "a card that was made silent may still interrupt");
    }

    private void MustHaveLetGo()
    {
        Must(!_machine.HoldsAnything, "a driver that is through holds memory");
        Must(!_card.Function.IsBusMaster || _card.StaysBusMaster, "memory was given back and the card may still write it");
    }

    private void MustAddUp()
    {
        NetworkCounters counters = _device!.Counters;
        ulong received = _inspector!.Received, bytes = _inspector.ReceivedBytes, taken = _inspector.Taken;
        Must(counters.Received == received && counters.ReceivedBytes == bytes, "counters do not add up",
            $"{received} frames of {bytes} bytes were received, counted {counters.Received} and {counters.ReceivedBytes}");
        Must(counters.Sent <= taken && taken <= counters.Sent + counters.SendDropped, "counters do not add up",
            $"{taken} frames were taken, counted {counters.Sent} and {counters.SendDropped} dropped");
    }

    private void Count()
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

    // An honest card comes, is used, and goes.
    private void LiveHonestly(bool isFirst)
    {
        _machine.PowerOn(_card.Function, 0);
        ulong reports = _machine.CountReports();
        Error error = Call("probe", () => _kind.Probe(_machine.Function, out _driver));
        Must(error == Error.None && _driver != null, "an honest card is not driven", $"{error}");
        _device = _inspector = new Inspector((INetworkDevice)_driver!, _card.Bus);
        _ip = new IpInterface(_device, _machine.Pool, 1);
        _ip.Configure(Peer.Ours, 24, default);
        Must(_ip.TryOpen(Peer.EchoPort, out _, isEcho: true), "a new interface has no socket");
        Advance(2_000);
        Must(_device.Link.IsUp, "an honest card has no link");
        foreach (byte[] frame in (ReadOnlySpan<byte[]>)[_peer.Question(), _peer.Echo(60), _peer.Echo(1472)])
        {
            int before = _card.Sent.Count;
            Must(_card.Receive(frame), "an honest card has no room");
            Advance(1_000);
            Must(_card.Sent.Count == before + 1 && _card.Sent[before].Length >= frame.Length, "an honest card passes no traffic", $"{frame.Length} bytes: {_card.Sent.Count - before} answers");
        }
        Must(_card.Function.Violations.Count == 0, "an honest card is misused", string.Join("; ", _card.Function.Violations));
        _card.Function.IsGone = true;
        Advance(LongestNotice);
        Must(!_kind.IsRunning(_driver!), "a card that is gone was not given up");
        _ip.Clear();
        if (isFirst)
            return;
        _machine.MustBePristine();
        Must(_machine.Dma.Ram.Faults.Count == 0, "an honest card was sent to where no memory is");
        Must(_machine.CountReports() == reports, "the checker reports an honest card", _machine.LastReport);
    }
}
