using System;
using System.Buffers.Binary;
using Sluice.Boot;
using Sluice.Console;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Net;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Shell;

/// <summary>Reads, writes and locks of another node's space, as somebody types them.</summary>
internal static unsafe class FireWireAccess
{
    private const int MostBytes = 4096, RowBytes = 16;

    private static FireWireCall _call = null!;

    /// <summary>Once, while starting.</summary>
    public static void Initialize() => _call = new FireWireCall();

    /// <summary><c>read NODE ADDRESS [BYTES]</c>, <c>write NODE ADDRESS VALUE</c>, <c>lock NODE ADDRESS OLD NEW</c>.</summary>
    public static bool Run(ReadOnlySpan<byte> what, CommandWords words)
    {
        bool isRead = what.SequenceEqual("read"u8), isWrite = what.SequenceEqual("write"u8);
        if ((!isRead && !isWrite && !what.SequenceEqual("lock"u8)) || !TryReadNumber(ref words, out ulong node) || !TryReadNumber(ref words, out ulong address))
            return false;
        bool hasFirst = TryReadNumber(ref words, out ulong first), hasSecond = TryReadNumber(ref words, out ulong second);
        if (words.TryNext(out _) || node >= Topology.MostNodes || address > PacketHeader.OffsetMask || (isRead ? hasSecond : isWrite ? !hasFirst || hasSecond : !hasSecond))
            return false;
        if (_call.Transaction.IsUnderWay)
        {
            Terminal.WriteLine($"  the last one is still under way");
            return true;
        }
        // The first controller's bus; others are for tests that have some.
        FireWireBus bus = FireWireStart.Cards[0].Bus;
        if (isRead)
            Read(bus, (int)node, address, hasFirst ? first : 4);
        else if (isWrite)
            Change(bus, _call.Transaction.WriteQuadlet((int)node, bus.Generation, address, (uint)first));
        else
            Change(bus, _call.Transaction.Lock((int)node, bus.Generation, address, LockOperation.CompareSwap, (uint)first, (uint)second));
        return true;
    }

    private static bool TryReadNumber(ref CommandWords words, out ulong number)
    {
        number = 0;
        return words.TryNext(out ReadOnlySpan<byte> word) && NumberParse.TryParse(word, out number);
    }

    private static void Read(FireWireBus bus, int node, ulong address, ulong bytes)
    {
        if (bytes is 0 or > MostBytes || !DmaStart.System.Frames.TryTake(out Frame frame))
        {
            Terminal.WriteLine($"  1 to {MostBytes} bytes can be read at once");
            return;
        }
        frame.SetLength((uint)bytes);
        fixed (byte* into = frame.Bytes)
        {
            bool isQuadlet = bytes == 4 && (address & 3) == 0;
            Transaction read = isQuadlet ? _call.Transaction.ReadQuadlet(node, bus.Generation, address) : _call.Transaction.ReadBlock(node, bus.Generation, address, into, (int)bytes);
            if (TryRun(bus))
            {
                if (isQuadlet)
                    BinaryPrimitives.WriteUInt32BigEndian(frame.Bytes, read.Quadlet);
                Dump(address, frame.Bytes);
            }
        }
        frame.Free();
    }

    private static void Change(FireWireBus bus, Transaction transaction)
    {
        if (!TryRun(bus))
            return;
        if (transaction.Code == TransactionCode.Lock)
            Terminal.WriteLine($"  was 0x{transaction.Quadlet:x8}");
        else
            Terminal.WriteLine($"  written");
    }

    private static bool TryRun(FireWireBus bus)
    {
        TransactionResult result = _call.Run(bus);
        if (result == TransactionResult.Complete)
            return true;
        Terminal.WriteLine($"  {NameOf(result)}");
        return false;
    }

    private static void Dump(ulong address, ReadOnlySpan<byte> bytes)
    {
        Span<byte> room = stackalloc byte[RowBytes * 4];
        for (int at = 0; at < bytes.Length; at += RowBytes)
        {
            ReadOnlySpan<byte> row = bytes.Slice(at, Math.Min(RowBytes, bytes.Length - at));
            Utf8Writer text = new(room);
            for (int i = 0; i < row.Length; i++)
            {
                text.Append(row[i], "x2");
                if ((i & 3) == 3)
                    text.Append((byte)' ');
            }
            while (text.Length < RowBytes * 2 + RowBytes / 4)
                text.Append((byte)' ');
            text.Append((byte)' ');
            foreach (byte value in row)
                text.Append(value is >= (byte)' ' and < 0x7F ? value : (byte)'.');
            Terminal.WriteLine($"  {address + (ulong)at:x12}  {text.Written}");
        }
    }

    /// <summary>What a result means, in words.</summary>
    internal static ReadOnlySpan<byte> NameOf(TransactionResult result) => NameList.At(
        "complete\nthe node says: conflict\nthe node says: data error\nthe node says: no such kind of access\nthe node says: no such address\n"u8 +
        "no acknowledge: nobody is there\nthe node stays busy\nno answer in time\na bus reset came in between\nthe bus was reset meanwhile\n"u8 +
        "the answer cannot be one\ntoo many at once\nmore than packets to this node hold\nthe controller could not send it\n"u8, (int)result);
}
