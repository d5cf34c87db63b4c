using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.E1000e;

// Once a second: whether the card is there, the link, whether what is to be sent goes out, whether somebody should have been told. A card
// that hangs is reset and goes on; one that does not survive that is given up.
public sealed unsafe partial class E1000e
{
    private const ulong LookMicroseconds = 1_000_000;

    private readonly Watchdog _watchdog;
    private uint _markAtLastLook, _receiveAtLastLook;
    private bool _waitedAtLastLook;

    /// <summary>Resets the card as if it hung: what was under way to the wire is lost, what was received is handed out first.</summary>
    public void Restart()
    {
        if (_phase != Phase.Running)
            return;
        _counters.Resets++;
        _canSend = false;
        BeginReset();
        _watchdog.Hurry();
    }

    private void Look()
    {
        _guard.Release(Function);
        if (IsSilent)
        {
            Fail("is gone"u8);
            return;
        }
        CollectStatistics();
        bool interrupts = Cpu.DisableInterrupts();
        LookAtLink();
        Cpu.RestoreInterrupts(interrupts);
        Reclaim();
        if (IsOutOfRange(_registers.Receive, _receiveMask) || IsOutOfRange(_registers.Transmit, TransmitMask))
        {
            _counters.BadDescriptors++;
            Restart();
            return;
        }
        LookAtReceived();
        // Without a link nothing goes out: it is dropped likewise.
        bool hangs = _markHead != _markTail && _markHead == _markAtLastLook && _waitedAtLastLook;
        _waitedAtLastLook = _markHead != _markTail;
        _markAtLastLook = _markHead;
        if (hangs)
            Restart();
    }

    private static bool IsOutOfRange(RingRegisters ring, uint last) => ring.Head.Read() > last;

    // Frames that wait since the last look, or a mask that nobody lifts as nobody listens.
    private void LookAtReceived()
    {
        bool waits = HasReceived && _receiveAtLastLook == _receiveNext;
        _receiveAtLastLook = HasReceived ? _receiveNext : uint.MaxValue;
        if (Listener == null)
        {
            if (_armed == 0)
                Unmask();
        }
        else if (waits)
        {
            LostInterrupts++;
            Listener.Mark();
        }
    }

    private void StepRestart()
    {
        Error error = StepReset();
        if (error == Error.Busy)
            return;
        if (error != Error.None)
        {
            Fail(error.Text);
            return;
        }
        Configure();
        _waitedAtLastLook = false;
        Log.Info($"e1000e: {Function.Address} was reset");
        Listener?.Mark();
    }

    private void Fail(System.ReadOnlySpan<byte> why)
    {
        _counters.FailedResets++;
        if (_link.IsUp)
            _counters.LinkChanges++;
        Log.Warn($"e1000e: {Function.Address} is given up: {why}");
        GiveUp();
        Listener?.Mark();
    }

    // Its timer only marks the work: what is to be done takes memory back, which is not for interrupts.
    private sealed class Watchdog : ITimerHandler, IWork
    {
        private readonly E1000e _card;
        private readonly Timer _timer;
        private readonly WorkItem _work;

        public Watchdog(E1000e card)
        {
            _card = card;
            _timer = new Timer(this);
            _work = new WorkItem(this);
        }

        public void Start() => _timer.Start(LookMicroseconds);

        public void Stop() => _timer.Cancel();

        /// <summary>Looks as soon as there is time.</summary>
        public void Hurry() => _work.Mark();

        public void OnTimer(Timer timer) => _work.Mark();

        public bool Work(int budget)
        {
            switch (_card._phase)
            {
                case Phase.Running:
                    _card.Look();
                    break;
                case Phase.EndingDma or Phase.Resetting:
                    _card.StepRestart();
                    break;
            }
            if (_card._phase != Phase.Stopped)
                _timer.Start(_card._phase == Phase.Running ? LookMicroseconds : StepMicroseconds);
            return false;
        }
    }
}
