using System;
using Sluice.Block;
using Sluice.Boot;
using Sluice.Console;
using Sluice.Dma;
using Sluice.Drivers.Ohci;
using Sluice.Drivers.Sbp2;
using Sluice.Mm;
using Sluice.Net;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Shell;

/// <summary>FireWire's disks: what there is, and reading one, with rate and hash. Nothing is written.</summary>
internal static class FireWireDisk
{
    private const ulong Look = 100_000, Progress = 1_000_000;
    private const int AtOnce = 4, PieceOrder = 4, HashResets = 3;
    private const uint PieceBytes = 4096u << PieceOrder;

    private static Reader _reader = null!;

    /// <summary>Once, while starting.</summary>
    public static void Initialize() => _reader = new Reader();

    /// <summary><c>disk</c> lists them, <c>disk read [DISK [MEBIBYTES [FROM]]]</c> reads.</summary>
    public static bool Run(CommandWords words)
    {
        Sbp2Initiator initiator = FireWireStart.Cards[0].Disks;
        ReadOnlySpan<Sbp2Disk> disks = initiator.Disks;
        if (!words.TryNext(out ReadOnlySpan<byte> what))
        {
            for (int i = 0; i < disks.Length; i++)
                Write(i, disks[i]);
            if (initiator.UnitsRefused + initiator.NoPlace != 0)
                Terminal.WriteLine($"  {initiator.UnitsRefused} units are no disk for us, {initiator.NoPlace} had no place");
            return true;
        }
        ulong number = 0, most = ulong.MaxValue >> 20, mebibytes = most, from = 0;
        if (!what.SequenceEqual("read"u8) || !TryReadNumber(ref words, (ulong)disks.Length - 1, ref number) || !TryReadNumber(ref words, most, ref mebibytes)
            || !TryReadNumber(ref words, most, ref from) || words.TryNext(out _))
            return false;
        Sbp2Disk disk = disks[(int)number];
        ulong bytes = disk.Blocks * disk.BlockBytes;
        if (!disk.IsReady)
            Terminal.WriteLine($"  disk {number} is not ready: {NameOf(disk.State)}");
        else if (from << 20 >= bytes)
            Terminal.WriteLine($"  disk {number} ends before");
        else
            Read(disk, from << 20, Math.Min(mebibytes << 20, bytes - (from << 20)));
        return true;
    }

    private static bool TryReadNumber(ref CommandWords words, ulong most, ref ulong number) =>
        !words.TryNext(out ReadOnlySpan<byte> word) || (NumberParse.TryParse(word, out number) && number <= most);

    private static void Write(int number, Sbp2Disk disk)
    {
        if (disk.Guid == 0)
            return;
        Terminal.Write($"  disk {number} {new GuidText(disk.Guid)} unit {disk.LogicalUnit}: {NameOf(disk.State)}");
        if (disk.IsReady)
            Terminal.Write($", {disk.Blocks} blocks of {disk.BlockBytes} bytes ({new ByteSize(disk.Blocks * disk.BlockBytes)}){(disk.IsReadOnly ? ", read-only"u8 : default)}");
        Terminal.WriteLine($"");
    }

    private static void Read(Sbp2Disk disk, ulong from, ulong bytes)
    {
        ulong began = Clock.Microseconds, told = began;
        if (!_reader.TryBegin(disk, from, bytes))
        {
            Terminal.WriteLine($"  no memory to read into");
            return;
        }
        while (!_reader.IsDone)
        {
            WorkLoop.Turn(Deadline.In(Look));
            _reader.Go();
            if (Clock.Microseconds - told >= Progress)
            {
                told = Clock.Microseconds;
                Terminal.WriteLine($"  {new ByteSize(_reader.Hashed)} of {new ByteSize(bytes)} (Ctrl-C gives up)");
            }
            if (NetworkTools.IsGivenUp())
                _reader.GiveUp();
        }
        ulong microseconds = Math.Max(Clock.Microseconds - began, 1);
        _reader.End();
        if (_reader.Result != BlockResult.Complete)
            Terminal.WriteLine($"  failed at {_reader.Hashed} bytes: {NameOf(_reader.Result)}");
        Terminal.WriteLine($"  {_reader.Hashed} bytes in {microseconds / 1_000_000}.{microseconds / 1000 % 1000:d3} s, {new ByteSize(_reader.Hashed * 1_000_000 / microseconds)}/s");
        Span<byte> hash = stackalloc byte[Sha256.HashBytes];
        _reader.Hash.Finish(hash);
        Span<byte> room = stackalloc byte[2 * Sha256.HashBytes];
        Utf8Writer text = new(room);
        foreach (byte value in hash)
            text.Append(value, "x2");
        Terminal.WriteLine($"  SHA-256 {text.Written}");
    }

    /// <summary>Hashes a disk from its beginning; with a controller its bus is reset in between, short and long in turn. False if it cannot be read.</summary>
    public static bool TryHash(Sbp2Disk disk, ulong bytes, Ohci? resets, Span<byte> hash)
    {
        if (!_reader.TryBegin(disk, 0, bytes))
            return false;
        for (int done = 0; !_reader.IsDone; _reader.Go())
        {
            WorkLoop.Turn(Deadline.In(Look));
            if (resets == null || done == HashResets || _reader.Hashed < bytes / (HashResets + 1) * (ulong)(done + 1))
                continue;
            resets.Reset(isLong: (done++ & 1) != 0).Ignore("then it is one fewer"u8);
        }
        _reader.End();
        _reader.Hash.Finish(hash);
        return _reader.Result == BlockResult.Complete && _reader.Hashed == bytes;
    }

    private static ReadOnlySpan<byte> NameOf(DiskState state) => NameList.At(
        "not there\nto be logged in to\nlogging in\nbeing asked what it is\nready\nlooked for after a bus reset\nreconnecting\nrecovering\nlogging out\ngiven up\n"u8, (int)state);

    private static ReadOnlySpan<byte> NameOf(BlockResult result) => NameList.At(
        "given up\nno such blocks\ntoo much at once\nanother length\nread-only\nmedium error\nthe disk failed\ntimed out\nthe disk is gone\nno resources\n"u8, (int)result);

    // So many requests at once, taken in order: a hash has one.
    private sealed class Reader : IBlockHandler
    {
        public Sha256 Hash;

        private readonly BlockRequest[] _requests = new BlockRequest[AtOnce];
        private readonly Place[] _lists = new Place[AtOnce];
        private Sbp2Disk _disk = null!;
        private ulong _asked, _end;
        private uint _head, _tail;

        public Reader()
        {
            for (int i = 0; i < AtOnce; i++)
                _requests[i] = new BlockRequest(this);
        }

        public ulong Hashed { get; private set; }

        public BlockResult Result { get; private set; }

        public bool IsDone => _head == _tail && (_asked == _end || Result != BlockResult.Complete);

        public bool TryBegin(Sbp2Disk disk, ulong from, ulong bytes)
        {
            (_disk, _asked, _end, Result) = (disk, from, from + bytes, BlockResult.Complete);
            Hashed = 0;
            _head = _tail = 0;
            Hash.Start();
            bool hasAll = true;
            for (int i = 0; i < AtOnce; i++)
                hasAll &= TryMake(PieceBytes, out _lists[i].List);
            if (!hasAll)
                End();
            else
                Go();
            return hasAll;
        }

        // Takes what is here in order, and asks for more.
        public void Go()
        {
            for (; _head != _tail && !_requests[(int)(_head % AtOnce)].IsUnderWay; _head++)
            {
                int place = (int)(_head % AtOnce);
                BlockRequest request = _requests[place];
                _lists[place].List = request.TakeData();
                if (Result != BlockResult.Complete)
                    continue;
                Result = request.Result;
                uint bytes = request.Count * _disk.BlockBytes;
                if (Result == BlockResult.Complete)
                {
                    Hash.Add(_lists[place].List[0]);
                    Hashed += bytes;
                }
            }
            for (; _asked != _end && Result == BlockResult.Complete && _tail - _head < AtOnce; _tail++)
            {
                int place = (int)(_tail % AtOnce);
                var bytes = (uint)Math.Min(_end - _asked, PieceBytes);
                // A list is as long as what is read into it: the last one is made anew.
                if (bytes != _lists[place].List.Bytes && !TryMakeAnew(ref _lists[place].List, bytes))
                {
                    Result = BlockResult.NoResources;
                    break;
                }
                _disk.Submit(_requests[place].Read(_asked / _disk.BlockBytes, bytes / _disk.BlockBytes, ref _lists[place].List));
                _asked += bytes;
            }
        }

        public void GiveUp() => _end = _asked;

        public void End()
        {
            for (int i = 0; i < AtOnce; i++)
            {
                if (!_lists[i].List.IsEmpty)
                    _lists[i].List.Free();
            }
        }

        public void OnDone(BlockRequest request)
        {
        }

        private bool TryMakeAnew(ref ScatterList list, uint bytes)
        {
            list.Free();
            return TryMake(bytes, out list);
        }

        private bool TryMake(uint bytes, out ScatterList list)
        {
            if (_disk.Dma.TryMakeScatterList(1, 4, out list) != Error.None)
                return false;
            if (Pages.TryTake(PieceOrder, Zone.Dma32, out PageRun run))
            {
                if (list.TryAdd(ref run, 0, bytes) == Error.None)
                    return true;
                Pages.Give(ref run);
            }
            list.Free();
            return false;
        }
    }

    [NonCopyable]
    private struct Place
    {
        public ScatterList List;
    }
}
