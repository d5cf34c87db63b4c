using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
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

    // Threshold: all of a frame is in the device before the first byte leaves. Below it: the bytes behind the block, none.
    private const uint PieceCounts = 0xE0 << 16, OnePiece = PieceCounts | 1 << 24;
    private const uint LastPiece = 1 << 16;

    // The first piece of each block's frame, and what follows.
    private readonly DeviceFrame[] _sent, _sentRest;

    // Positions of blocks, free-running: those before _done are ours, _done to _batchEnd are under way if the unit is active, up to _next
    // they wait. A bit for each block that ends a batch, and one for those whose frame has several pieces.
    private uint _done, _batchEnd, _next;
    private ulong _ends, _odd;
    private bool _isActive, _mustStart;

    // The short way of frames; set when the masks are.
    private FramePass _pass;

    /// <inheritdoc/>
    [PacketPath]
    public int Transmit(Span<Frame> frames)
    {
        if (_isActive)
            Reclaim();
        if (_state != State.Running)
            return 0;
        int taken = 0;
        while (taken < frames.Length)
        {
            // Blocks in a row, so no batch goes over the ring's end.
            uint slot = _next & TransmitBlocks - 1, free = TransmitBlocks - (_next - _done);
            int row = (int)Math.Min((uint)(frames.Length - taken), Math.Min(free, TransmitBlocks - slot));
            if (row == 0)
                break;
            SendRow(frames.Slice(taken, row), (int)slot);
            taken += row;
        }
        if (!_isActive && _next != _done)
            Kick();
        return taken;
    }

    // Takes all the frames; those that can be sent get a block each.
    private void SendRow(Span<Frame> frames, int slot)
    {
        BufferParts<Both> blocks = _blocks.TakeParts(slot, frames.Length);
        int used = 0;
        ulong bytes = 0;
        for (int i = 0; i < frames.Length;)
        {
            ref CommandBlock block = ref blocks.As<CommandBlock>(used);
            ulong plain = SendPlain(ref frames[i], frames.Length - i, ref _sent[slot + used], ref block, blocks.Stride);
            i += (int)plain;
            used += (int)plain;
            bytes += plain >> 32;
            if (i == frames.Length)
                break;
            uint length = SendOdd(ref frames[i++], slot + used, ref blocks.As<CommandBlock>(used));
            used += length != 0 ? 1 : 0;
            bytes += length;
        }
        for (int last = 0; last < used;)
        {
            last = Math.Min(last + LongestBatch, used);
            blocks.As<CommandBlock>(last - 1).StatusAndCommand |= (uint)BlockWord.End;
            _ends |= 1ul << (slot + last - 1);
        }
        _blocks.GiveParts(ref blocks);
        _next += (uint)used;
        _counters.Sent += (uint)used;
        _counters.SentBytes += bytes;
    }

    // Packets that are whole in one frame, with nothing to do at its hand-over, up to the first that is not. It calls nothing, so all it
    // needs is in registers. Returns how many, and above 32 bits their bytes.
    private ulong SendPlain(ref Frame frame, int most, ref DeviceFrame sent, ref CommandBlock block, nint stride)
    {
        FramePass pass = _pass;
        ref Frame at = ref frame, end = ref Unsafe.Add(ref frame, most);
        uint bytes = 0;
        while (Unsafe.IsAddressLessThan(ref at, ref end))
        {
            uint length = at.Length;
            if (at.HasRest || length - ShortestFrame > LongestReceived - ShortestFrame || !pass.TryGive(ref at, out DeviceFrame given))
                break;
            block.Counts = OnePiece;
            block.List[0] = given.Address.Value + ((ulong)(length + LastPiece) << 32);
            block.StatusAndCommand = (uint)(BlockWord.Transmit | BlockWord.Flexible);
            bytes += length;
            sent = Own.Move(ref given);
            sent = ref Unsafe.Add(ref sent, 1);
            at = ref Unsafe.Add(ref at, 1);
            block = ref Unsafe.AddByteOffset(ref block, stride);
        }
        nint count = Unsafe.ByteOffset(ref frame, ref at) / Unsafe.SizeOf<Frame>();
        return (ulong)bytes << 32 | (uint)count;
    }

    // Any packet: gives all its parts, and writes their list; 0 if it cannot be sent: then it is freed and counted.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint SendOdd(ref Frame frame, int slot, ref CommandBlock block)
    {
        uint length = frame.PacketLength;
        if (length - ShortestFrame > LongestReceived - ShortestFrame)
        {
            frame.Free();
            _counters.SendDropped++;
            return 0;
        }
        uint count = 0;
        Error error = Error.None;
        Frame piece = Own.Move(ref frame);
        while (error == Error.None && !piece.IsEmpty)
        {
            Frame rest = piece.TakeRest();
            if (count == CommandBlock.MostPieces || piece.Length == 0)
                error = Error.TooLarge;
            else
                error = _dma.TryGiveToSend(ref piece, out PieceOf(slot, count));
            if (error == Error.None)
            {
                ref DeviceFrame given = ref PieceOf(slot, count);
                block.List[(int)count++] = given.Address.Value + ((ulong)(given.Length + (rest.IsEmpty ? LastPiece : 0)) << 32);
                piece = Own.Move(ref rest);
            }
            else if (!rest.IsEmpty)
            {
                piece.Append(ref rest);
            }
        }
        if (count > 1)
            _odd |= 1ul << slot;
        if (error == Error.None)
        {
            block.Counts = PieceCounts | count << 24;
            block.StatusAndCommand = (uint)(BlockWord.Transmit | BlockWord.Flexible);
            return length;
        }
        piece.Free();
        FreeRest(slot);
        if (!_sent[slot].IsEmpty)
            _dma.FreeSent(_sent.AsSpan(slot, 1));
        _counters.SendDropped++;
        return 0;
    }

    private ref DeviceFrame PieceOf(int slot, uint piece) => ref piece == 0 ? ref _sent[slot] : ref RestOf(slot, piece);

    private ref DeviceFrame RestOf(int slot, uint piece) => ref _sentRest[slot * (CommandBlock.MostPieces - 1) + (int)piece - 1];

    // Looks whether the batch under way is done, by its last block; if so all its frames are out.
    private void Reclaim()
    {
        if (!TryEndBatch())
            return;
        if (_done != _next)
            Kick();
        else if ((_mask & ScbMask.CommandDone) == 0)
            SetMask();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryEndBatch()
    {
        var word = (BlockWord)_blocks.Look((int)(_batchEnd - 1 & TransmitBlocks - 1), 0);
        if ((word & BlockWord.Complete) == 0)
            return false;
        if ((word & BlockWord.Ok) == 0)
            _faults.FailedCommands++;
        _isActive = false;
        int first = (int)(_done & TransmitBlocks - 1), count = (int)(_batchEnd - _done);
        if (_odd != 0)
        {
            for (int slot = first; slot < first + count; slot++)
                FreeRest(slot);
        }
        _dma.FreeSent(MemoryMarshal.CreateSpan(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_sent), first), count));
        _ends &= ~(1ul << (int)(_batchEnd - 1));
        _done = _batchEnd;
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeRest(int slot)
    {
        for (uint piece = 1; piece < CommandBlock.MostPieces && !RestOf(slot, piece).IsEmpty; piece++)
        {
            Frame frame = _dma.TakeSent(ref RestOf(slot, piece));
            frame.Free();
        }
        _odd &= ~(1ul << slot);
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
            _guard.Restart();
            if (!TryEndBatch() || _done == _next)
                break;
        }
        // What waits is begun when this batch says that it is done.
        if ((_mask & ScbMask.CommandDone) == 0 != (_isActive && _batchEnd != _next))
            SetMask();
    }
}
