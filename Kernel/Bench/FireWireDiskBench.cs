using System;
using Sluice.Block;
using Sluice.Boot;
using Sluice.Dma;
using Sluice.Drivers.Sbp2;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Bench;

/// <summary>
/// What it costs to read 128 KiB from an SBP-2 disk, from a request to its end: all that the CPU executes, its sleep left out, as Linux's is measured
/// (linux-peer/sbp2-read.c). The disk is the first on the first controller's bus.
/// </summary>
internal static class FireWireDiskBench
{
    private const int Rounds = 300, WarmUp = 16, Order = 5;
    private const uint Bytes = 4096u << Order;
    private const ulong Look = 100_000, Patience = 60_000_000;

    /// <summary>Measures, if there is a disk.</summary>
    public static void Measure(ref Run run)
    {
        ReadOnlySpan<byte> name = "sbp2-read-128k"u8;
        if (!run.Wants(name) || FireWireStart.Cards.Length == 0 || !TryFind(FireWireStart.Cards[0].Disks.Disks[0]))
            return;
        Sbp2Disk disk = FireWireStart.Cards[0].Disks.Disks[0];
        Reader reader = new(disk);
        reader.Read(WarmUp);
        FramePool frames = DmaStart.System.Frames;
        int total = frames.Total;
        ulong idle = Machine.IdleTicks, start = Cpu.Timestamp();
        reader.Read(Rounds);
        ulong ticks = Cpu.Timestamp() - start - (Machine.IdleTicks - idle);
        Bug.If(frames.Total != total, "reading allocated memory"u8);
        reader.End();
        run.Report(name, ticks, Rounds);
    }

    private static bool TryFind(Sbp2Disk disk)
    {
        Deadline end = Deadline.In(Patience);
        while (!disk.IsReady && !end.Passed)
            WorkLoop.Turn(Deadline.In(Look));
        return disk.IsReady;
    }

    // One request after the other, each elsewhere on the disk, into one piece of memory.
    private sealed class Reader : IBlockHandler
    {
        private readonly BlockRequest _request;
        private readonly Sbp2Disk _disk;
        private readonly uint _blocks;
        private ScatterList _list;

        public Reader(Sbp2Disk disk)
        {
            (_disk, _request, _blocks) = (disk, new BlockRequest(this), Bytes / disk.BlockBytes);
            Bug.If(disk.Blocks < (ulong)Rounds * _blocks, "the disk is too small to be measured"u8);
            bool hasMemory = disk.Dma.TryMakeScatterList(1, 4, out _list) == Error.None && Pages.TryTake(Order, Zone.Dma32, out PageRun run) && _list.TryAdd(ref run, 0, Bytes) == Error.None;
            Bug.If(!hasMemory, "no memory for a measurement"u8);
        }

        public void Read(int rounds)
        {
            for (int i = 0; i < rounds; i++)
            {
                _disk.Submit(_request.Read((ulong)i * _blocks, _blocks, ref _list));
                while (_request.IsUnderWay)
                    WorkLoop.Turn(Deadline.Never);
                Bug.If(_request.Result != BlockResult.Complete, "a disk was not read while it was measured"u8);
                _list = _request.TakeData();
            }
        }

        public void End() => _list.Free();

        public void OnDone(BlockRequest request)
        {
        }
    }
}
