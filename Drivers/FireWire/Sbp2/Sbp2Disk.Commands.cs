using System;
using System.Buffers.Binary;
using Sluice.Block;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Sbp2;

// Commands on their way: ORBs in a ring, each linked behind the last while the target follows the list. The target may look at an ORB's
// link again after that ORB is over, until it has gone on: so a place is used again when its own command and a later one are over. Commands
// may end in any order; which one a status is of, its ORB's address says. Source: SBP-2, sections 5.1.2 and 6.4.
public sealed unsafe partial class Sbp2Disk
{
    /// <summary>Commands that a disk has at most, and pieces of memory of each.</summary>
    public const int Orbs = 16, Elements = 256;

    /// <summary>How long a command may take; times that one is sent.</summary>
    public const ulong CommandTime = 20_000_000;
    public const int MostTries = 6;

    // After a disk that was busy or not ready.
    private const ulong BusyPause = 500_000;

    private readonly BlockRequest?[] _orbs = new BlockRequest?[Orbs];
    private RequestQueue _waiting, _finished;
    private Coherent<CommandBlock> _blocks;
    private Coherent<TableElement> _tables;

    // Commands so far: how many were linked, and the last that is over, counted from 1. A reset of the agent ends all; places go on, so that
    // a late status meets none that is used again soon.
    private ulong _linked, _over;
    private ulong _notBefore;

    /// <inheritdoc/>
    public void Submit(BlockRequest request)
    {
        if (request.IsUnderWay)
            Bug.Stop("a block request is submitted while it is under way"u8);
        request.IsUnderWay = true;
        request.Tries = 0;
        request.Since = Clock.Microseconds;
        BlockResult result = IsReady ? Check(request) : BlockResult.Removed;
        if (result != BlockResult.Complete)
            Finish(request, result);
        else
            _waiting.Push(request);
        _work.Mark();
    }

    private BlockResult Check(BlockRequest request)
    {
        if (request.Operation == BlockOperation.Flush)
            return BlockResult.Complete;
        if (request.Count - 1 >= MostBlocks)
            return BlockResult.TooLarge;
        if (request.First >= Blocks || request.Count > Blocks - request.First)
            return BlockResult.OutOfRange;
        if (request.Operation == BlockOperation.Write && IsReadOnly)
            return BlockResult.ReadOnly;
        uint bytes = !request.Into.IsEmpty ? request.Into.Bytes : !request.From.IsEmpty ? request.From.Bytes : request.Data.IsEmpty ? 0 : request.Data.Bytes;
        return bytes == request.Count * BlockBytes ? BlockResult.Complete : BlockResult.BadLength;
    }

    private bool CanLink => IsDoorOpen && UnderWay < _most && _orbs[_linked % Orbs] == null && _linked < _over + Orbs - 1
        && (_agent is AgentPhase.Starting or AgentPhase.Running || (_agent == AgentPhase.Reset && !_pointerWrite.IsUnderWay));

    private void StartCommands(ulong now)
    {
        if (State != DiskState.Ready || now < _notBefore)
            return;
        while (CanLink && _waiting.TryTake(out BlockRequest? next))
        {
            BlockRequest request = next!;
            BlockResult result = Check(request);
            if (request.Operation == BlockOperation.Flush && !_hasCache && result == BlockResult.Complete)
                Finish(request, BlockResult.Complete);
            else if (result != BlockResult.Complete || !TryMap(request, out result) || !TryLink(request))
                Finish(request, result == BlockResult.Complete ? BlockResult.TooLarge : result);
        }
    }

    private bool TryMap(BlockRequest request, out BlockResult result)
    {
        Error error = Error.None;
        result = BlockResult.Complete;
        if (request.IsMapped || request.Operation == BlockOperation.Flush)
            return true;
        if (request.Operation == BlockOperation.Read)
        {
            error = Dma.TryMap(ref request.Data, out CpuScatter<FromDevice> into);
            if (error == Error.None)
                request.Into = into.GiveToDevice();
        }
        else
        {
            error = Dma.TryMap(ref request.Data, out CpuScatter<ToDevice> from);
            if (error == Error.None)
                request.From = from.GiveToDevice();
        }
        Counters.NoMemory += error == Error.NoResources ? 1u : 0;
        result = error switch
        {
            Error.None => BlockResult.Complete,
            Error.NoResources => BlockResult.NoResources,
            _ => BlockResult.TooLarge,
        };
        return error == Error.None;
    }

    // False if its memory is in too many pieces.
    private bool TryLink(BlockRequest request)
    {
        if (request.Operation == BlockOperation.Flush)
        {
            Link(request, ScsiCommand.SynchronizeCache, 0, 0);
            return true;
        }
        bool isRead = request.Operation == BlockOperation.Read;
        if (!TryDescribe(isRead ? request.Into.Segments : request.From.Segments, out ulong descriptor, out uint size))
            return false;
        if (isRead)
            Link(request, ScsiCommand.Read(request.First, request.Count), descriptor, size | CommandBlock.ToInitiator);
        else
            Link(request, ScsiCommand.Write(request.First, request.Count), descriptor, size);
        return true;
    }

    // Where the data of the next ORB is: itself, or a table of its pieces.
    private bool TryDescribe(ReadOnlySpan<DmaSegment> segments, out ulong descriptor, out uint size)
    {
        descriptor = (ulong)_bus.NodeId << 48;
        size = segments[0].Length;
        if (segments.Length == 1 && size <= TableElement.MostBytes)
        {
            descriptor |= segments[0].Address.Value;
            return true;
        }
        int table = (int)(_linked % Orbs) * Elements, used = 0;
        foreach (DmaSegment segment in segments)
        {
            for (uint at = 0; at < segment.Length;)
            {
                if (used == Elements)
                    return false;
                uint bytes = segment.Length - at <= TableElement.MostBytes ? segment.Length - at : TableElement.WholeBytes;
                _tables[table + used++].Write(segment.Address, at, bytes);
                at += bytes;
            }
        }
        descriptor |= _tables.AddressOf(table).Value;
        size = (uint)used | CommandBlock.HasTable;
        return true;
    }

    // Fills the next ORB and shows it to the target, as the first of a list or by the link of the last.
    private void Link(BlockRequest request, in ScsiCommand command, ulong descriptor, uint what)
    {
        int place = (int)(_linked % Orbs);
        BusSpeed speed = _bus.SpeedTo(_node);
        // Longer writes we need not take (max_rec: IEEE 1394a-2000, section 8.3.2.5.4), but for those that fit into packets of S100.
        int payload = Math.Clamp(_bus.Controller.Options.MostBytes, BusSpeed.S100.MostBytes, speed.MostBytes);
        ref CommandBlock orb = ref _blocks[place];
        orb.NextOrb.Write(Big(CommandBlock.Null));
        orb.Descriptor.Write(Big(descriptor));
        orb.What.Write(Big(what | CommandBlock.Notify | CommandBlock.Speed((int)speed) | CommandBlock.Payload(payload)));
        orb.Command0.Write(Big(command.First));
        orb.Command1.Write(Big(command.Second));
        orb.Command2.Write(Big(command.Third));
        orb.Command3.Write(Big(command.Fourth));
        _orbs[place] = request;
        UnderWay++;
        request.Due = Clock.Microseconds + CommandTime;
        ulong address = _blocks.AddressOf(place).Value;
        if (_agent == AgentPhase.Reset)
        {
            _agent = AgentPhase.Starting;
            ulong pointer = Big(address);
            _bus.Submit(_pointerWrite.WriteBlock(_node, _generation, _agentAt + AgentRegister.OrbPointer, (byte*)&pointer, sizeof(ulong)));
        }
        else
        {
            _blocks.Publish(ref _blocks[(int)((_linked - 1) % Orbs)].NextOrb, Big(address));
            _wantsRing = true;
        }
        _linked++;
        _work.Mark();
    }

    /// <summary>The target writes a status block.</summary>
    [PacketPath]
    internal void TakeStatus(ReadOnlySpan<byte> data)
    {
        if (!StatusBlock.TryRead(data, out StatusBlock status))
        {
            Counters.BadStatus++;
            return;
        }
        if (status.IsUnsolicited)
        {
            Counters.Unsolicited++;
            return;
        }
        if (status.Orb == Window.Start + Window.OrbAt)
        {
            TakeManagementStatus(status);
            return;
        }
        ulong at = _blocks.IsEmpty ? ulong.MaxValue : status.Orb - _blocks.Address.Value;
        int place = (int)(at / CommandBlock.Bytes);
        if (at < Orbs * CommandBlock.Bytes && at % CommandBlock.Bytes == 0 && _orbs[place] is { } request)
        {
            Release(place);
            _over = Math.Max(_over, _linked - (_linked - 1 - (ulong)place) % Orbs);
            if (request == _probe)
                ProbeEnded(status);
            else
                Ended(request, status);
            if (State == DiskState.Recovering)
                RecoveryMayEnd();
        }
        else
        {
            Counters.UnknownOrbs++;
        }
        if (status.IsDead)
            AgentDied();
    }

    private void Ended(BlockRequest request, in StatusBlock status)
    {
        switch (Judge(status, out BlockResult result))
        {
            case Verdict.Good:
                Counters.Commands++;
                _recoveries = 0;
                Finish(request, BlockResult.Complete);
                break;
            case Verdict.Later:
                _notBefore = Clock.Microseconds + BusyPause;
                Counters.Retries++;
                _waiting.PushFirst(request);
                // It stopped by itself, or somebody stopped it: it does not start by itself.
                if (status.Code == WantsStart)
                    AskAnew(ProbeStep.Start);
                break;
            case Verdict.Again:
                TryAgain(request);
                break;
            case Verdict.Changed:
                Counters.Failed++;
                Finish(request, BlockResult.Removed);
                MediumChanged();
                break;
            // The command is optional (SBC, section 6.1): who does not know it has nothing to write out.
            case Verdict.Failed when request.Operation == BlockOperation.Flush && status.Key == SenseKey.IllegalRequest && status.Code == UnknownCommand:
                _hasCache = false;
                Finish(request, BlockResult.Complete);
                break;
            default:
                Counters.Failed++;
                Finish(request, result);
                break;
        }
        if (State == DiskState.Starting && UnderWay == 0)
            _due = 0;
        _work.Mark();
    }

    private void TryAgain(BlockRequest request)
    {
        Counters.Retries++;
        if (++request.Tries < MostTries)
            _waiting.PushFirst(request);
        else
            Finish(request, BlockResult.TimedOut);
    }

    private BlockRequest Release(int place)
    {
        BlockRequest request = _orbs[place]!;
        _orbs[place] = null;
        UnderWay--;
        return request;
    }

    // The door is shut: what the target had goes back to the front, the oldest first.
    private void TakeAllBack(bool counts)
    {
        for (ulong i = 0; i < Orbs; i++)
        {
            int place = (int)((_linked - 1 - i) % Orbs);
            if (_orbs[place] == null)
                continue;
            BlockRequest request = Release(place);
            if (request == _probe)
                TakeScratchBack(0);
            else if (counts)
                TryAgain(request);
            else
                _waiting.PushFirst(request);
        }
    }

    private void EndAll(BlockResult result)
    {
        Shut(counts: false);
        EndWaiting(result);
    }

    private void EndWaiting(BlockResult result)
    {
        while (_waiting.TryTake(out BlockRequest? request))
            Finish(request!, result);
    }

    // Its memory is its maker's again; its handler is called from work.
    private void Finish(BlockRequest request, BlockResult result)
    {
        if (!request.Into.IsEmpty)
        {
            CpuScatter<FromDevice> into = request.Into.TakeBack(result == BlockResult.Complete ? request.Into.Bytes : 0);
            request.Data = into.Unmap();
        }
        if (!request.From.IsEmpty)
        {
            CpuScatter<ToDevice> from = request.From.TakeBack();
            request.Data = from.Unmap();
        }
        request.Result = result;
        _finished.Push(request);
        _work.Mark();
    }

    private void CheckCommands(ulong now)
    {
        while (_waiting.First is { } oldest && now >= oldest.Since + RequestTime)
        {
            _waiting.TryTake(out _);
            Finish(oldest, BlockResult.TimedOut);
        }
        if (State is not (DiskState.Ready or DiskState.Starting))
            return;
        for (int i = 0; i < Orbs; i++)
        {
            if (_orbs[i] is not { } request || now < request.Due)
                continue;
            Counters.TimeOuts++;
            TimedOut(i);
            return;
        }
    }

    private ulong NextCommandDue()
    {
        ulong due = _waiting.First is { } oldest ? oldest.Since + RequestTime : ulong.MaxValue;
        if (State is not (DiskState.Ready or DiskState.Starting))
            return due;
        if (!_waiting.IsEmpty && UnderWay == 0 && _notBefore > Clock.Microseconds)
            due = Math.Min(due, _notBefore);
        for (int i = 0; i < Orbs; i++)
            due = _orbs[i] is { } request ? Math.Min(due, request.Due) : due;
        return due;
    }

    private static ulong Big(ulong value) => BinaryPrimitives.ReverseEndianness(value);

    private static uint Big(uint value) => BinaryPrimitives.ReverseEndianness(value);
}
