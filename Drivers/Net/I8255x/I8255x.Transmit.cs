using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.I8255x;

// Sending: a ring of command blocks in noncoherent memory, each a part that changes sides by itself. Blocks go to the device in batches.
// The last block of a batch suspends the command unit, and the next batch begins when that block is done: so no block is changed that the
// device has, not even to take its suspend bit away, and one command and one look serve a batch. Frames are sent where they lie.
//
// Batches that wait for the one before are begun by whoever sends or receives next, or by the interrupt of its last block, which is let
// through then.
public sealed partial class I8255x
{
    // Powers of two. QEMU's model leaves a list after 16 blocks, without a word; so no batch is longer.
    private const int TransmitBlocks = 64, LongestBatch = 16;

    // One block is kept for a batch whose last frame turned out to be one that cannot be sent.
    private const uint MostWaiting = TransmitBlocks - 1;

    // Threshold: all of a frame is in the device before the first byte leaves. Below it: the bytes behind the block, none.
    private const ulong PiecesWords = (ulong)0xE0 << 48;

    private const ulong OnePiece = PiecesWords | 1ul << 56, LastPiece = 1ul << 48;

    // The first piece of each block's frame, and what follows.
    private readonly DeviceFrame[] _sent, _sentRest;

    // Positions of blocks, free-running: those before _done are ours, _done to _batchEnd are under way if the unit is active, up to _next
    // they wait. A bit for each block that ends a batch.
    private uint _done, _batchEnd, _next;
    private ulong _ends;
    private bool _isActive, _mustStart;

    /// <inheritdoc/>
    [PacketPath]
    public int Transmit(Span<Frame> frames)
    {
        if (_isActive)
            Reclaim();
        if (_state != State.Running)
            return 0;
        uint next = _next, room = MostWaiting - (next - _done), inBatch = 0, bytes = 0, sent = 0;
        int count = 0;
        for (; count < frames.Length && room != 0; count++)
        {
            ref Frame frame = ref frames[count];
            int slot = (int)(next & TransmitBlocks - 1);
            uint length = frame.Length;
            ulong pieces = OnePiece;
            if (frame.HasRest || length - ShortestFrame > LongestReceived - ShortestFrame)
            {
                pieces = GivePieces(ref frame, slot, out length);
                if (pieces == 0)
                    continue;
            }
            else if (_dma.TryGiveToSend(ref frame, out _sent[slot]) != Error.None)
            {
                Drop(ref frame);
                continue;
            }
            var word = BlockWord.Transmit | BlockWord.Flexible;
            if (++inBatch == LongestBatch || room == 1 || count == frames.Length - 1)
            {
                word |= BlockWord.End;
                _ends |= 1ul << slot;
                inBatch = 0;
            }
            BufferPart<Both> part = _blocks.TakePart(slot, 0);
            ref CommandBlock block = ref part.As<CommandBlock>();
            block.Pieces = pieces | _blockAt[slot] + CommandBlock.PiecesOffset;
            if (pieces == OnePiece)
                block.List[0] = _sent[slot].Address.Value | (ulong)length << 32 | LastPiece;
            else
                WritePieces(ref block, slot, pieces);
            block.StatusAndCommand = (uint)word;
            _blocks.GivePart(ref part);
            bytes += length;
            sent++;
            next++;
            room--;
        }
        if (inBatch != 0)
            EndBatch(ref next);
        _next = next;
        _counters.Sent += sent;
        _counters.SentBytes += bytes;
        if (!_isActive && next != _done)
            Kick();
        return count;
    }

    // The frame that was to end the batch cannot be sent: a command that does nothing ends it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EndBatch(ref uint next)
    {
        int slot = (int)(next & TransmitBlocks - 1);
        BufferPart<Both> part = _blocks.TakePart(slot, 0);
        part.As<CommandBlock>().StatusAndCommand = (uint)(BlockWord.None | BlockWord.End);
        _blocks.GivePart(ref part);
        _ends |= 1ul << slot;
        next++;
    }

    // Gives a packet in parts, or one of an odd length; 0 if it cannot be sent: then it is freed and counted.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong GivePieces(ref Frame frame, int slot, out uint length)
    {
        length = frame.PacketLength;
        if (length - ShortestFrame > LongestReceived - ShortestFrame)
        {
            Drop(ref frame);
            return 0;
        }
        Frame rest = frame.TakeRest();
        Error error = frame.Length == 0 ? Error.TooLarge : _dma.TryGiveToSend(ref frame, out _sent[slot]);
        uint count = 1;
        while (error == Error.None && !rest.IsEmpty)
        {
            Frame piece = Own.Move(ref rest);
            rest = piece.TakeRest();
            if (count == CommandBlock.MostPieces || piece.Length == 0)
                error = Error.TooLarge;
            else
                error = _dma.TryGiveToSend(ref piece, out RestOf(slot, count));
            if (error == Error.None)
                count++;
            else
                piece.Free();
        }
        if (error == Error.None)
            return PiecesWords | (ulong)count << 56;
        if (!rest.IsEmpty)
            rest.Free();
        if (!frame.IsEmpty)
            frame.Free();
        FreeSent(slot);
        _counters.SendDropped++;
        return 0;
    }

    private void WritePieces(ref CommandBlock block, int slot, ulong pieces)
    {
        uint count = (uint)(pieces >> 56);
        block.List[0] = _sent[slot].Address.Value | (ulong)_sent[slot].Length << 32;
        for (uint i = 1; i < count; i++)
        {
            ref DeviceFrame piece = ref RestOf(slot, i);
            block.List[(int)i] = piece.Address.Value | (ulong)piece.Length << 32;
        }
        block.List[(int)count - 1] |= LastPiece;
    }

    private ref DeviceFrame RestOf(int slot, uint piece) => ref _sentRest[slot * (CommandBlock.MostPieces - 1) + (int)piece - 1];

    private void Drop(ref Frame frame)
    {
        frame.Free();
        _counters.SendDropped++;
    }

    // Looks whether the batch under way is done, by its last block; if so all its frames are out.
    private void Reclaim()
    {
        int last = (int)(_batchEnd - 1 & TransmitBlocks - 1);
        BufferPart<Both> part = _blocks.TakePart(last, sizeof(uint));
        var word = (BlockWord)System.Threading.Volatile.Read(ref part.As<CommandBlock>().StatusAndCommand);
        _blocks.GivePart(ref part);
        if ((word & BlockWord.Complete) == 0)
            return;
        if ((word & BlockWord.Ok) == 0)
            _faults.FailedCommands++;
        _isActive = false;
        FreeBatch();
        if (_done != _next)
            Kick();
        else if ((_mask & ScbMask.CommandDone) == 0)
            SetMask();
    }

    private void FreeBatch()
    {
        for (; _done != _batchEnd; _done++)
        {
            int slot = (int)(_done & TransmitBlocks - 1);
            ref DeviceFrame given = ref _sent[slot];
            if (given.IsEmpty)
                continue;
            Frame frame = _dma.TakeSent(ref given);
            frame.Free();
            if (!RestOf(slot, 1).IsEmpty)
                FreeRest(slot);
        }
        _ends &= ~(1ul << (int)(_batchEnd - 1));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeSent(int slot)
    {
        if (!_sent[slot].IsEmpty)
        {
            Frame frame = _dma.TakeSent(ref _sent[slot]);
            frame.Free();
        }
        FreeRest(slot);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeRest(int slot)
    {
        for (uint piece = 1; piece < CommandBlock.MostPieces && !RestOf(slot, piece).IsEmpty; piece++)
        {
            Frame frame = _dma.TakeSent(ref RestOf(slot, piece));
            frame.Free();
        }
    }

    // Begins the batches that wait, one after the other for as long as each is done at once.
    private void Kick()
    {
        while (true)
        {
            int first = (int)(_done & TransmitBlocks - 1);
            _batchEnd = _done + (uint)BitOperations.TrailingZeroCount(BitOperations.RotateRight(_ends, first)) + 1;
            if (_mustStart)
                _registers.Point(_blocks.AddressOf(first));
            if (Command(_mustStart ? ScbCommand.CommandStart : ScbCommand.CommandResume) != Error.None)
            {
                RequestReset();
                return;
            }
            _mustStart = false;
            _isActive = true;
            _hungTicks = 0;
            BufferPart<Both> part = _blocks.TakePart((int)(_batchEnd - 1 & TransmitBlocks - 1), sizeof(uint));
            var word = (BlockWord)System.Threading.Volatile.Read(ref part.As<CommandBlock>().StatusAndCommand);
            _blocks.GivePart(ref part);
            if ((word & BlockWord.Complete) == 0)
                break;
            if ((word & BlockWord.Ok) == 0)
                _faults.FailedCommands++;
            _isActive = false;
            FreeBatch();
            if (_done == _next)
                break;
        }
        // What waits is begun when this batch says that it is done.
        if ((_mask & ScbMask.CommandDone) == 0 != (_batchEnd != _next))
            SetMask();
    }
}
