using System;
using Sluice.Block;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Drivers.Sbp2;

// What a disk is: asked step by step after each login, and again when it was stopped or has another medium, with one command at a time and a page
// for the answers. And what its sense means.
public sealed unsafe partial class Sbp2Disk
{
    // A disk that starts to turn takes up to half a minute.
    private const int MostProbes = 80;
    private const ulong InquiryDelay = 12_000_000, RegisterPause = 1000;

    // Between looks for a medium.
    private const ulong MediumPause = 2_000_000;

    private const uint MostBytes = 512 << 10, FewBytes = 128 << 10, MostCount = ushort.MaxValue;

    // SCSI's status bytes (SAM-2, table 22), and additional sense (SPC-2, table 108).
    private const byte CheckCondition = 0x02, Busy = 0x08, ReservationConflict = 0x18, TaskSetFull = 0x28;
    private const ushort WantsStart = 0x0402, OutOfRange = 0x2100, UnknownCommand = 0x2000;

    // Of these codes all qualifiers.
    private const int NoMediumCode = 0x3A, ChangedCode = 0x28;

    private readonly BlockRequest _probe;
    private CpuBuffer<Both> _scratch;
    private DeviceBuffer<Both> _scratchGiven;
    private ProbeStep _step;
    private int _probeTries;
    private ulong _newBlocks;
    private uint _newBlockBytes;
    private bool _isStarted, _isDelayed, _isRemovable, _hasCache = true;

    private enum ProbeStep : byte
    {
        Inquiry,
        Ready,
        Start,
        Capacity,
        LongCapacity,
        CachingPage,
        AnyPage,
        Done,
    }

    private enum Verdict : byte
    {
        Good,
        Again,
        Later,

        /// <summary>There is no medium; there is another one.</summary>
        Empty,
        Changed,
        Failed,
    }

    // The disk's own request ends otherwise.
    void IBlockHandler.OnDone(BlockRequest request) => Bug.Stop("a disk's own request was finished as another's"u8);

    private bool TryTakeMemory()
    {
        if (!_blocks.IsEmpty)
            return true;
        if (Dma.TryAllocateCoherent(Orbs, out _blocks) == Error.None && Dma.TryAllocateCoherent(Orbs * Elements, out _tables) == Error.None
            && Dma.TryAllocatePages((uint)PhysAddr.PageSize, out _scratch) == Error.None)
            return true;
        FreeMemory();
        return false;
    }

    // The door is shut.
    private void FreeMemory()
    {
        if (!_blocks.IsEmpty)
            DmaDevice.Free(ref _blocks);
        if (!_tables.IsEmpty)
            DmaDevice.Free(ref _tables);
        if (!_scratch.IsEmpty)
            _scratch.Free();
    }

    private void TakeScratchBack(uint written)
    {
        if (!_scratchGiven.IsEmpty)
            _scratch = _scratchGiven.TakeBack(written);
    }

    private void Probe()
    {
        if (UnderWay != 0)
            return;
        if (!CanLink)
        {
            // The last write of a register has not ended yet; or another disk has the door shut, and will have it opened.
            _due = IsDoorOpen ? Clock.Microseconds + RegisterPause : ulong.MaxValue;
            return;
        }
        if (_step == ProbeStep.Inquiry && (Workarounds & Workarounds.DelayInquiry) != 0 && !_isDelayed)
        {
            _isDelayed = true;
            _due = Clock.Microseconds + InquiryDelay;
            return;
        }
        ScsiCommand command = _step switch
        {
            ProbeStep.Inquiry => ScsiCommand.Inquiry,
            ProbeStep.Ready => ScsiCommand.TestUnitReady,
            ProbeStep.Start => ScsiCommand.Start((Workarounds & Workarounds.PowerCondition) != 0),
            ProbeStep.Capacity => ScsiCommand.ReadCapacity,
            ProbeStep.LongCapacity => ScsiCommand.ReadLongCapacity,
            ProbeStep.CachingPage => ScsiCommand.ModeSense(ScsiCommand.CachingPage),
            _ => ScsiCommand.ModeSense(ScsiCommand.AllPages),
        };
        uint bytes = ProbeBytes;
        if (bytes == 0)
        {
            Link(_probe, command, 0, 0);
            return;
        }
        _scratch.Bytes[..(int)ScsiCommand.ModeBytes].Clear();
        _scratchGiven = _scratch.GiveToDevice();
        Link(_probe, command, (ulong)_bus.NodeId << 48 | _scratchGiven.Address.Value, bytes | CommandBlock.ToInitiator);
    }

    private uint ProbeBytes => _step switch
    {
        ProbeStep.Inquiry => ScsiCommand.InquiryBytes,
        ProbeStep.Ready or ProbeStep.Start => 0,
        ProbeStep.Capacity => ScsiCommand.CapacityBytes,
        ProbeStep.LongCapacity => ScsiCommand.LongCapacityBytes,
        _ => ScsiCommand.ModeBytes,
    };

    private void ProbeEnded(in StatusBlock status)
    {
        _work.Mark();
        Verdict verdict = Judge(status, out _);
        TakeScratchBack(verdict == Verdict.Good ? ProbeBytes : 0);
        if (++_probeTries == MostProbes)
        {
            GiveUpProbing();
            return;
        }
        if (verdict is Verdict.Again or Verdict.Changed)
        {
            _due = 0;
            return;
        }
        if (verdict == Verdict.Empty)
        {
            _probeTries = 0;
            _step = ProbeStep.Ready;
            _due = Clock.Microseconds + MediumPause;
            return;
        }
        if (verdict == Verdict.Later && _step != ProbeStep.Start)
        {
            // One that is not told to start does not become ready.
            bool starts = status.Code == WantsStart && !_isStarted && _step == ProbeStep.Ready;
            _step = starts ? ProbeStep.Start : _step;
            _due = starts ? 0 : Clock.Microseconds + BusyPause;
            return;
        }
        _due = 0;
        bool isGood = verdict == Verdict.Good;
        ReadOnlySpan<byte> data = _scratch.Bytes[..(int)ScsiCommand.ModeBytes];
        switch (_step)
        {
            case ProbeStep.Inquiry:
                _isStarted = false;
                _step = ProbeStep.Ready;
                isGood = isGood && ScsiData.IsDisk(data);
                _isRemovable = ScsiData.IsRemovable(data);
                break;
            case ProbeStep.Ready:
                _step = ProbeStep.Capacity;
                break;
            case ProbeStep.Start:
                // Whatever it says: what counts is whether it becomes ready.
                _isStarted = isGood = true;
                _step = ProbeStep.Ready;
                break;
            case ProbeStep.Capacity:
                isGood = isGood && ScsiData.TryReadCapacity(data, (Workarounds & Workarounds.FixCapacity) != 0, out _newBlocks, out _newBlockBytes);
                if (_newBlocks == ScsiData.MostShortBlocks && _unit.HasLongCommands)
                    _step = ProbeStep.LongCapacity;
                else if (isGood)
                    TakeCapacity();
                break;
            case ProbeStep.LongCapacity:
                // A disk that does not know the command has just what it said before.
                isGood = !isGood || ScsiData.TryReadLongCapacity(data, out _newBlocks, out _newBlockBytes);
                if (isGood)
                    TakeCapacity();
                break;
            case ProbeStep.CachingPage when !isGood:
                isGood = true;
                _step = ProbeStep.AnyPage;
                break;
            default:
                // A disk that has no mode pages is written to; it says if it does not like that.
                bool isProtected = false;
                _hasCache = true;
                if (isGood)
                    ScsiData.ReadMode(data, out isProtected, out _hasCache);
                IsReadOnly = isProtected;
                isGood = true;
                _step = ProbeStep.Done;
                break;
        }
        if (!isGood)
            GiveUpProbing();
        else if (_step == ProbeStep.Done)
            BeReady();
    }

    // A disk in use is asked from some step on, as soon as what it has is over.
    private void AskAnew(ProbeStep step)
    {
        if (State == DiskState.Ready)
            State = DiskState.Starting;
        else if (State == DiskState.Recovering)
            _resume = DiskState.Starting;
        _step = step;
        _isStarted = false;
        _probeTries = 0;
    }

    // Who asked meant another medium; who asks from now on may see first what this one is.
    private void MediumChanged()
    {
        _wasReady = false;
        EndWaiting(BlockResult.Removed);
        AskAnew(ProbeStep.Ready);
    }

    // All at once: requests may be waiting.
    private void TakeCapacity()
    {
        (Blocks, BlockBytes) = (_newBlocks, _newBlockBytes);
        MostBlocks = Math.Min(((Workarounds & Workarounds.Most128K) != 0 ? FewBytes : MostBytes) / BlockBytes, MostCount);
        _step = (Workarounds & Workarounds.NoCachingPage) != 0 ? ProbeStep.AnyPage : ProbeStep.CachingPage;
    }

    private void BeReady()
    {
        _due = ulong.MaxValue;
        State = DiskState.Ready;
        if (_wasReady)
            return;
        // What came back since the medium changed.
        EndWaiting(BlockResult.Removed);
        Log.Info($"sbp2: {Guid:x} unit {LogicalUnit}: {Blocks} blocks of {BlockBytes} bytes");
        _wasReady = true;
    }

    private void GiveUpProbing()
    {
        Counters.Failed++;
        EndAll(BlockResult.Removed);
        _due = ulong.MaxValue;
        _wasReady = false;
        State = DiskState.LoggingOut;
        Manage(ManagementFunction.Logout, _login, 0);
    }

    // What a status means for the command. Sources: SBP-2, annex B; SPC-2, section 7.20 for sense keys.
    private Verdict Judge(in StatusBlock status, out BlockResult result)
    {
        result = BlockResult.Failed;
        if (status.Response == TargetResponse.TransportFailure || status.Status is StatusBlock.DummyCompleted or StatusBlock.RequestAborted)
            return Verdict.Again;
        if (!status.IsGood || status.Format > 1)
            return Verdict.Failed;
        if (status.Scsi is Busy or ReservationConflict or TaskSetFull)
            return Verdict.Later;
        if (status.Scsi != CheckCondition)
            return status.Scsi == 0 ? Verdict.Good : Verdict.Failed;
        // A deferred error is an earlier command's, and this one was not begun.
        if (status.Format == 1)
            return Verdict.Again;
        switch (status.Key)
        {
            case SenseKey.None or SenseKey.Recovered:
                return Verdict.Good;
            case SenseKey.UnitAttention:
                Counters.UnitAttentions++;
                // Also disks that started say so; what cannot be taken out is the same.
                return _isRemovable && status.Code >> 8 == ChangedCode ? Verdict.Changed : Verdict.Again;
            case SenseKey.Aborted:
                return Verdict.Again;
            case SenseKey.NotReady:
                Counters.NotReady++;
                return status.Code >> 8 == NoMediumCode ? Verdict.Empty : Verdict.Later;
            case SenseKey.MediumError or SenseKey.BlankCheck:
                result = BlockResult.MediumError;
                break;
            case SenseKey.DataProtect:
                result = BlockResult.ReadOnly;
                break;
            case SenseKey.IllegalRequest when status.Code == OutOfRange:
                result = BlockResult.OutOfRange;
                break;
        }
        return Verdict.Failed;
    }
}
