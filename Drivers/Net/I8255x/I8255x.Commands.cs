using System;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.I8255x;

// Memory of the command unit, and the commands that are not to send: station address, configuration, multicast addresses. They have
// blocks of their own, three in a row, and wait until the command unit rests.
public sealed partial class I8255x
{
    private const int AddressBlock = TransmitBlocks, ConfigureBlock = AddressBlock + 1, MulticastBlock = ConfigureBlock + 1, Blocks = MulticastBlock + 1;

    // Blocks are whole cache lines, and at least as long as one.
    private const uint BlockBytes = 64;

    // In words: the counters, and where the self-test's results are.
    private const int ResultWords = 32, SelfTestAt = 24;

    private const int HeaderBytes = 8, MostGroups = ((int)BlockBytes - HeaderBytes - 2) / MacAddress.Bytes;

    private const ulong CommandMicroseconds = 20_000, RestMicroseconds = 200_000;

    private DividedBuffer<Both> _blocks;
    private Coherent<Shared<uint>> _results;
    private ReceiveMode _mode;
    private readonly ulong[] _groups = new ulong[MostGroups];
    private int _groupCount;

    // 22 bytes for every member of the family: MII, frames padded, long ones received, bad and short ones not, no source address
    // inserted, duplex as the PHY's pin says, standard blocks and counters. Source: 8255x manual, section 6.4.2.3.
    private static ReadOnlySpan<byte> Configuration =>
    [
        0x16, 0x08, 0x00, 0x00, 0x00, 0x00, 0x32, 0x03, 0x01, 0x00, 0x2E, 0x00, 0x60, 0x00, 0xF2, 0x48, 0x00, 0x40, 0xFA, 0x82, 0x3F, 0x05,
    ];

    private const int MediaByte = 8, PromiscuousByte = 15, GroupsByte = 21;
    private const byte Mii = 1 << 0, Promiscuous = 1 << 0, AllGroups = 1 << 3;

    /// <inheritdoc/>
    public Error SetReceiveMode(ReceiveMode mode, ReadOnlySpan<MacAddress> groups)
    {
        if (mode == ReceiveMode.Groups && groups.Length > MostGroups)
            mode = ReceiveMode.AllGroups;
        _mode = mode;
        _groupCount = 0;
        for (int i = 0; i < groups.Length && mode == ReceiveMode.Groups; i++)
            _groups[_groupCount++] = groups[i].Number;
        if (_state == State.Dead)
            return Error.DeviceGone;
        // One that is about to start is told then.
        if (_state != State.Running)
            return Error.None;
        Error error = WaitUntilAtRest();
        if (error == Error.None)
            error = Configure();
        if (error != Error.None)
            RequestReset();
        return error;
    }

    // The memory, once.
    private Error Allocate()
    {
        Error error = _dma.TryAllocateCoherent(ResultWords, out _results);
        if (error != Error.None)
            return error;
        uint bytes = Math.Max(BlockBytes, CacheLines.Bytes);
        return _dma.TryAllocateParts(bytes, Blocks, out _blocks);
    }

    // The addresses in the blocks, which stay until the device is reset. It is quiet; whatever it wrote over them before is gone.
    private void LinkBlocks()
    {
        Span<uint> at = stackalloc uint[Blocks];
        for (int i = 0; i < Blocks; i++)
            at[i] = (uint)_blocks.AddressOf(i).Value;
        for (int i = 0; i < Blocks; i++)
        {
            BufferPart<Both> part = _blocks.TakePart(i, written: 0);
            // Around the ring; a row of other commands ends with itself.
            ref CommandBlock block = ref part.As<CommandBlock>();
            block.Link = at[i < TransmitBlocks ? i + 1 & TransmitBlocks - 1 : Math.Min(i + 1, MulticastBlock)];
            block.Pieces = at[i] + CommandBlock.PiecesOffset;
            _blocks.GivePart(ref part);
        }
    }

    // Gives back what Allocate took. The device is quiet.
    private void Free()
    {
        if (!_blocks.IsEmpty)
            _blocks.Free();
        if (!_results.IsEmpty)
            DmaDevice.Free(ref _results);
    }

    // Station address, configuration and groups, one after the other. The command unit rests.
    private Error Configure()
    {
        BufferPart<Both> part = _blocks.TakePart(AddressBlock, written: 0);
        Address.Write(part.Bytes[HeaderBytes..]);
        part.As<CommandBlock>().StatusAndCommand = (uint)BlockWord.Address;
        _blocks.GivePart(ref part);

        part = _blocks.TakePart(ConfigureBlock, written: 0);
        Span<byte> configuration = part.Bytes.Slice(HeaderBytes, Configuration.Length);
        Configuration.CopyTo(configuration);
        configuration[MediaByte] = _phy == NoPhy ? (byte)0 : Mii;
        if (_mode == ReceiveMode.Promiscuous)
            configuration[PromiscuousByte] |= Promiscuous;
        if (_mode != ReceiveMode.Groups)
            configuration[GroupsByte] |= AllGroups;
        part.As<CommandBlock>().StatusAndCommand = (uint)BlockWord.Configure;
        _blocks.GivePart(ref part);

        part = _blocks.TakePart(MulticastBlock, written: 0);
        Span<byte> groups = part.Bytes[HeaderBytes..];
        groups[0] = (byte)(_groupCount * MacAddress.Bytes);
        groups[1] = 0;
        for (int i = 0; i < _groupCount; i++)
            MacAddress.FromNumber(_groups[i]).Write(groups[(2 + i * MacAddress.Bytes)..]);
        part.As<CommandBlock>().StatusAndCommand = (uint)(BlockWord.Multicast | BlockWord.Suspend);
        _blocks.GivePart(ref part);

        _registers.Point(_blocks.AddressOf(AddressBlock));
        Error error = Command(ScbCommand.CommandStart);
        // Its list is another one now.
        _mustStart = true;
        return error == Error.None ? WaitForBlock(MulticastBlock) : error;
    }

    private Error WaitForBlock(int block)
    {
        Deadline end = Deadline.In(CommandMicroseconds);
        while (true)
        {
            bool last = end.Passed;
            var word = (BlockWord)_blocks.Look(block, 0);
            if ((word & BlockWord.Complete) != 0)
            {
                if ((word & BlockWord.Ok) != 0)
                    return Error.None;
                _faults.FailedCommands++;
                return Error.Malformed;
            }
            if (last)
                break;
            Clock.Delay(1);
        }
        _faults.CommandHangs++;
        return Function.IsGone ? Error.DeviceGone : Error.Timeout;
    }

    // All that was to be sent is out: a ring of the longest frames takes 80 ms at 10 Mb/s.
    private Error WaitUntilAtRest()
    {
        Deadline end = Deadline.In(RestMicroseconds);
        while (_isActive && _state == State.Running)
        {
            bool last = end.Passed;
            Reclaim();
            if (last && _isActive)
                return Error.Timeout;
            Clock.Delay(1);
        }
        return _state == State.Running ? Error.None : Error.Timeout;
    }

    // The device is quiet: whatever it had is freed; what was not sent, is not.
    private void TakeSentBack()
    {
        for (; _done != _next; _done++)
        {
            int slot = (int)(_done & TransmitBlocks - 1);
            FreeRest(slot);
            _dma.FreeSent(_sent.AsSpan(slot, 1));
            _counters.SendDropped++;
        }
        _ends = _odd = 0;
        _isActive = false;
    }
}
