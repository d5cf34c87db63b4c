using System;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Iidc;

// How a camera is started and stopped: one transaction or wish for resources at a time; its end, a bus reset or a second that passed say what
// is known by then, and Go does what comes next.
public sealed partial class Camera
{
    // Channels that its register has bits for (IIDC 1.31, section 3.2: ISO_CHANNEL).
    private const ulong Channels = 0xFFFF;

    // Of a packet besides its data: header and two CRCs; and what arbitration and gaps may take, in units of bandwidth. Source: IEC 61883-1, 7.4.
    private const uint PacketQuadlets = 3, ArbitrationUnits = 512;

    private int _modeNumber, _node = -1;
    private ulong _registers;
    private BusSpeed _speed;

    // What comes next of what starts it. It is all done again after a bus reset, as nobody knows what the camera made of that.
    private Step _step;
    private byte _generation;

    // Of what stops it: whether it is being told, has been, and whether its resources were given back.
    private bool _isTelling, _isTold, _isReleased;

    private enum Step : byte
    {
        ReadFormats,
        ReadModes,
        ReadRates,
        Allocate,
        WriteRate,
        WriteMode,
        WriteFormat,
        WriteChannel,
        Enable,
        Done,
    }

    /// <summary>It is on the bus.</summary>
    internal void Found(int node, ulong guid, ulong registers)
    {
        Guid = guid;
        _node = node;
        _registers = registers;
        if (State == CameraState.Absent)
            State = CameraState.Idle;
        Go();
    }

    /// <summary>Who is where is not known any more.</summary>
    internal void BusChanged()
    {
        _node = -1;
        _step = Step.ReadFormats;
        if (State == CameraState.Idle)
            State = CameraState.Absent;
        else if (State != CameraState.Absent)
            Counters.Resets++;
    }

    /// <inheritdoc/>
    public bool Work(int budget)
    {
        if (State is CameraState.Absent or CameraState.Idle || _timer.IsRunning)
            return false;
        bool isAlive = State == CameraState.Running && _buffersSeen != _buffersBefore;
        _buffersBefore = _buffersSeen;
        _silentLooks = isAlive ? 0 : _silentLooks + 1;
        if (_silentLooks > MostSilentLooks)
        {
            _silentLooks = 0;
            // Who stops is waited for as long, and then nobody is there to be told.
            _isTold |= State == CameraState.Stopping;
            Fail(CameraEnd.Silent);
        }
        Go();
        if (State is not (CameraState.Absent or CameraState.Idle))
            _timer.Start(Look);
        return false;
    }

    /// <inheritdoc/>
    public void OnDone(Transaction transaction)
    {
        bool isOld = _generation != _bus.Generation || transaction.Result is TransactionResult.BusReset or TransactionResult.OldGeneration;
        if (_isTelling)
            _isTold |= !isOld;
        else if (!isOld && transaction.Result != TransactionResult.Complete)
            Fail(CameraEnd.Refused);
        else if (!isOld && !IsPossible(transaction.Quadlet))
            Fail(CameraEnd.NoSuchMode);
        else if (!isOld)
            _step++;
        _isTelling = false;
        if (_step == Step.Done && State == CameraState.Starting)
            State = CameraState.Running;
        Go();
    }

    /// <inheritdoc/>
    public void OnResources(IsoResources resources, ResourceResult result)
    {
        if (State is CameraState.Starting or CameraState.Running && result is not (ResourceResult.Complete or ResourceResult.BusReset))
        {
            Counters.Lost += result == ResourceResult.Lost ? 1u : 0;
            Fail(CameraEnd.NoResources);
        }
        Go();
    }

    private void Go()
    {
        if (_transaction.IsUnderWay || _resources.IsBusy)
            return;
        if (State == CameraState.Stopping)
            GoToEnd();
        else if (State is CameraState.Starting or CameraState.Running && _node >= 0)
            Do();
    }

    private void Do()
    {
        switch (_step)
        {
            case Step.ReadFormats:
                Read(CameraUnit.FormatInquiry);
                break;
            case Step.ReadModes:
                Read(CameraUnit.ModeInquiry);
                break;
            case Step.ReadRates:
                Read(CameraUnit.RateInquiry + 4 * (uint)_modeNumber);
                break;
            case Step.Allocate:
                Allocate();
                break;
            case Step.WriteRate:
                Write(CameraUnit.CurrentRate, (uint)Rate << 29);
                break;
            case Step.WriteMode:
                Write(CameraUnit.CurrentMode, (uint)_modeNumber << 29);
                break;
            case Step.WriteFormat:
                Write(CameraUnit.CurrentFormat, 0);
                break;
            case Step.WriteChannel:
                // Ready before the camera sends.
                if (TryListen())
                    Write(CameraUnit.Channel, (uint)_resources.Channel << 28 | (uint)_speed << 24);
                else
                    Fail(CameraEnd.NoMemory);
                break;
            case Step.Enable:
                Write(CameraUnit.Enable, 1u << 31);
                break;
        }
    }

    // What was allocated before a bus reset is asked for again by itself.
    private void Allocate()
    {
        if (_resources.Channel >= 0)
        {
            _step = Step.WriteRate;
            Do();
            return;
        }
        uint quadlets = (uint)Mode.PacketBytes(Rate) / 4 + PacketQuadlets;
        // A quadlet takes 16 units at S100.
        if (_resources.Allocate(Channels, (quadlets << 4 - (int)_speed) + ArbitrationUnits) != Error.None)
            Fail(CameraEnd.NoResources);
    }

    private void GoToEnd()
    {
        if (!_isTold)
        {
            // One that is looked for after a bus reset is told when it is found.
            _isTelling = _node >= 0;
            if (_isTelling)
                Write(CameraUnit.Enable, 0);
        }
        else if (!_isReleased && (_resources.Channel >= 0 || _resources.Bandwidth != 0))
        {
            _isReleased = true;
            _resources.Release().Ignore("nothing is under way"u8);
        }
        else
        {
            _resources.Forget();
            _timer.Cancel();
            State = _node >= 0 ? CameraState.Idle : CameraState.Absent;
        }
    }

    // Each register's first bits: Format_0, the mode, the rate; what is written is not answered by anything.
    private bool IsPossible(uint value)
    {
        BusSpeed way = _bus.SpeedTo(_node);
        _speed = way < BusSpeed.S400 ? way : BusSpeed.S400;
        int bytes = Mode.PacketBytes(Rate);
        return _step switch
        {
            Step.ReadFormats => value >> 31 != 0,
            Step.ReadModes => (value << _modeNumber) >> 31 != 0,
            // Twice as much as asynchronous packets (IEEE 1394-1995, table 6-4).
            Step.ReadRates => (value << Rate) >> 31 != 0 && bytes != 0 && bytes <= 2 * _speed.MostBytes,
            _ => true,
        };
    }

    private void Fail(CameraEnd end)
    {
        if (State is not (CameraState.Starting or CameraState.Running))
            return;
        End = end;
        State = CameraState.Stopping;
        _isTold = _isReleased = false;
        if (_receiver.Stop() == Error.None)
            FreeBuffers();
        Go();
    }

    private void Read(uint register) => _bus.Submit(_transaction.ReadQuadlet(_node, _generation = _bus.Generation, _registers + register));

    private void Write(uint register, uint value) => _bus.Submit(_transaction.WriteQuadlet(_node, _generation = _bus.Generation, _registers + register, value));
}
