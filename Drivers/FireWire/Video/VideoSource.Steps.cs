using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Video;

// How a source is started and stopped: one transaction, command or wish for resources at a time; its end, a bus reset or a second that passed
// say what is known by then, and Go does what comes next.
public abstract partial class VideoSource
{
    private const ulong Look = 1_000_000;
    private const int MostSilentLooks = 10;

    // Times that a node is asked again, a look later, that is busy with what it was told before.
    private const int MostRefusals = 3;

    // Of a packet besides its data: header and two CRCs.
    private const uint PacketQuadlets = 3;

    private int _silentLooks, _refusals;
    private byte _generation;
    private bool _isPausing;

    // Of what stops it: whether it is being told, has been, and whether its resources were given back.
    private bool _isTelling, _isTold, _isReleased;

    /// <summary>What comes next of what starts it, or of what stops it: from 0, and from 0 again after a bus reset, as nobody knows what the node made of that.</summary>
    private protected int Step { get; set; }

    /// <summary>Something is under way that says when it has ended.</summary>
    private protected virtual bool IsBusy => Transaction.IsUnderWay || Resources.IsBusy;

    private bool IsActive => State is VideoState.Starting or VideoState.Running;

    /// <summary>Ends it, and takes its frames away: none may be with anybody. It is idle once it was told, or could not be.</summary>
    public void Stop() => Fail(VideoEnd.Stopped);

    /// <summary>It is on the bus.</summary>
    internal void Found(int node, ulong guid, ulong registers)
    {
        Guid = guid;
        Node = node;
        Registers = registers;
        if (State == VideoState.Absent)
            State = VideoState.Idle;
        Go();
    }

    /// <summary>Who is where is not known any more.</summary>
    internal virtual void BusChanged()
    {
        Node = -1;
        Step = 0;
        Resume();
        if (State == VideoState.Idle)
            State = VideoState.Absent;
        else if (State != VideoState.Absent)
            Counters.Resets++;
    }

    /// <inheritdoc/>
    public virtual bool Work(int budget)
    {
        if (State is VideoState.Absent or VideoState.Idle)
            return false;
        bool isLook = !_timer.IsRunning;
        if (isLook)
        {
            _isPausing = false;
            LookAfter();
        }
        Go();
        if (isLook && State is not (VideoState.Absent or VideoState.Idle))
            _timer.Start(Look);
        return false;
    }

    /// <inheritdoc/>
    public void OnDone(Transaction transaction)
    {
        bool isOld = IsOld || transaction.Result is TransactionResult.BusReset or TransactionResult.OldGeneration;
        bool isComplete = transaction.Result == TransactionResult.Complete;
        if (isOld)
        {
            _isTelling = false;
        }
        else if (IsPassing(transaction) && ++_refusals <= MostRefusals)
        {
            _isTelling = false;
            _isPausing = true;
        }
        else if (TakeTelling())
        {
            Told(isComplete, transaction.Quadlet);
        }
        else if (!isComplete && !IsOptional)
        {
            Fail(VideoEnd.Refused);
        }
        else if (IsActive)
        {
            _refusals = 0;
            Answered(isComplete ? transaction.Quadlet : 0);
        }
        Go();
    }

    /// <inheritdoc/>
    public void OnResources(IsoResources resources, ResourceResult result)
    {
        if (IsActive && result is not (ResourceResult.Complete or ResourceResult.BusReset))
        {
            Counters.Lost += result == ResourceResult.Lost ? 1u : 0;
            Fail(VideoEnd.NoResources);
        }
        Go();
    }

    /// <summary>Whether a node may refuse what <see cref="Step"/> says of starting; the answer is 0 then.</summary>
    private protected virtual bool IsOptional => false;

    /// <summary>Begins what <see cref="Step"/> says of starting; nothing is under way, and the node is there.</summary>
    private protected abstract void Do();

    /// <summary>A step of starting was answered.</summary>
    private protected abstract void Answered(uint quadlet);

    /// <summary>Begins what <see cref="Step"/> says of stopping; false: there is nothing more to tell.</summary>
    private protected abstract bool TryTell();

    /// <summary>A step of stopping was answered, or refused.</summary>
    private protected abstract void Told(bool isComplete, uint quadlet);

    /// <summary>Begins to start it.</summary>
    private protected void Begin()
    {
        Counters = default;
        End = VideoEnd.Stopped;
        State = VideoState.Starting;
        _silentLooks = 0;
        Step = 0;
        Resume();
        _timer.Start(Look);
        Go();
    }

    /// <summary>It has been started, perhaps again.</summary>
    private protected void Started()
    {
        if (State == VideoState.Starting)
            State = VideoState.Running;
    }

    private protected void Go()
    {
        if (IsBusy || _isPausing)
            return;
        if (State == VideoState.Stopping)
            GoToEnd();
        else if (IsActive && Node >= 0)
            Do();
    }

    private protected void Fail(VideoEnd end)
    {
        if (!IsActive)
            return;
        End = end;
        State = VideoState.Stopping;
        Step = 0;
        _isTold = _isReleased = false;
        Resume();
        StopListening();
        Go();
    }

    /// <summary>Asks for a channel, one of some, and the bandwidth of its packets.</summary>
    /// <param name="overhead">What arbitration and gaps may take, in units of bandwidth.</param>
    private protected void Allocate(ulong channels, uint packetBytes, BusSpeed speed, uint overhead)
    {
        // A quadlet takes 16 units at S100.
        if (Resources.Allocate(channels, (packetBytes / 4 + PacketQuadlets << 4 - (int)speed) + overhead) != Error.None)
            Fail(VideoEnd.NoResources);
    }

    /// <summary>Begins a step that is a transaction.</summary>
    private protected void Submit(Transaction transaction) => Bus.Submit(transaction);

    /// <summary>The generation of what is begun now.</summary>
    private protected byte NewGeneration() => _generation = Bus.Generation;

    /// <summary>What was begun was begun before a bus reset.</summary>
    private protected bool IsOld => _generation != Bus.Generation;

    /// <summary>Whether what ended was telling it to stop.</summary>
    private protected bool TakeTelling()
    {
        bool isTelling = _isTelling;
        _isTelling = false;
        return isTelling;
    }

    // What may be otherwise a second later. A lock may have been done without an answer: doing it again is not the same.
    private static bool IsPassing(Transaction transaction) => transaction.Code != TransactionCode.Lock && transaction.Result
        is TransactionResult.Busy or TransactionResult.ConflictError or TransactionResult.DataError or TransactionResult.TimedOut or TransactionResult.NoAck;

    private void Resume()
    {
        _refusals = 0;
        _isPausing = false;
    }

    private void LookAfter()
    {
        bool isAlive = State == VideoState.Running && _buffersSeen != _buffersBefore;
        _buffersBefore = _buffersSeen;
        _silentLooks = isAlive ? 0 : _silentLooks + 1;
        if (_silentLooks <= MostSilentLooks)
            return;
        _silentLooks = 0;
        // Who stops is waited for as long, and then nobody is there to be told.
        _isTold |= State == VideoState.Stopping;
        Fail(VideoEnd.Silent);
    }

    private void GoToEnd()
    {
        if (!_isTold)
        {
            // One that is looked for after a bus reset is told when it is found.
            if (Node < 0)
                return;
            _isTelling = true;
            if (TryTell())
                return;
            _isTelling = false;
            _isTold = true;
        }
        if (!_isReleased && (Resources.Channel >= 0 || Resources.Bandwidth != 0))
        {
            _isReleased = true;
            Resources.Release().Ignore("nothing is under way"u8);
        }
        else
        {
            Resources.Forget();
            _timer.Cancel();
            State = Node >= 0 ? VideoState.Idle : VideoState.Absent;
        }
    }
}
