using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Bench;

/// <summary>What mappings and hand-overs cost. Names as in tests/Bench/linux-peer, where Linux does the same.</summary>
internal static unsafe class DmaBench
{
    private const int Rounds = 2_000;

    private static DmaSystem? _system;
    private static DmaDevice? _direct, _bounced, _device;
    private static DmaPool<Block64>? _ownPool, _pool;
    private static PageRun _run;
    private static DeviceBuffer<FromDevice> _held;
    private static bool _isChecked;

    public static void Measure(ref Run run)
    {
        _system ??= new DmaSystem(Pages.Allocator, Slab.Heap, new PhysAddr(PhysicalMemory.DirectMapBytes - 1));
        _direct ??= _system.NewDevice("bench"u8);
        _bounced ??= _system.NewDevice("bench, bounced"u8, forceBounce: true);
        _ownPool ??= new DmaPool<Block64>(_direct, alignment: 64);
        All(ref run, _direct, _bounced, _ownPool);
        DmaTail.Measure(ref run, _direct, _bounced);
        DmaCheckerBench.Measure(ref run);
    }

    /// <summary>All figures, on some devices: with the checker they get <c>-checked</c> behind their names.</summary>
    internal static void All(ref Run run, DmaDevice direct, DmaDevice bounced, DmaPool<Block64> pool)
    {
        if (!Pages.TryTake(2, Zone.Dma32, out _run))
            return;
        _run.Memory.Clear();
        _isChecked = direct.IsChecked;
        _device = direct;
        _pool = pool;
        Time(ref run, "dma-map-unmap-1500-to-device"u8, &Map1500);
        Time(ref run, "dma-map-unmap-2048-from-device"u8, _isChecked ? &DmaCheckerBench.Map2048 : &Map2048);
        Time(ref run, "dma-map-unmap-16384-both"u8, &Map16384);
        TimeHandOver(ref run, "dma-sync-cpu-device-2048-from-device"u8);
        DmaPartBench.Measure(ref run, direct, "dma-sync-cpu-device-part-4096-from-device"u8);
        Time(ref run, "dma-alloc-free-coherent-4096"u8, &Coherent4096);
        Time(ref run, "dma-alloc-free-pages-4096"u8, &Pages4096);
        Time(ref run, "dma-alloc-free-noncoherent-4096"u8, &Noncoherent4096);
        Time(ref run, "dma-pool-alloc-free-64"u8, &Pool64);
        _device = bounced;
        Time(ref run, "dma-map-unmap-1500-to-device-bounced"u8, &Map1500);
        Time(ref run, "dma-map-unmap-2048-from-device-bounced"u8, _isChecked ? &DmaCheckerBench.Map2048 : &Map2048);
        Time(ref run, "dma-map-unmap-16384-both-bounced"u8, &Map16384);
        TimeHandOver(ref run, "dma-sync-cpu-device-2048-from-device-bounced"u8);
        Pages.Give(ref _run);
    }

    /// <summary>The device, the run and the buffer that the bodies work on.</summary>
    internal static DmaDevice Device => _device!;
    internal static ref PageRun PageRun => ref _run;
    internal static ref DeviceBuffer<FromDevice> Held => ref _held;

    internal static void Time(ref Run run, System.ReadOnlySpan<byte> name, delegate*<int, void> body)
    {
        Utf8Message full = $"{name}{(_isChecked ? "-checked"u8 : default)}";
        run.Measure(full.Text, _isChecked ? Rounds / 20 : Rounds, body);
    }

    private static void TimeHandOver(ref Run run, System.ReadOnlySpan<byte> name)
    {
        if (_device!.TryMap(ref _run, 2048, out CpuBuffer<FromDevice> buffer) != Error.None)
            return;
        _held = buffer.GiveToDevice();
        Time(ref run, name, _isChecked ? &DmaCheckerBench.HandOver2048 : &HandOver2048);
        buffer = _held.TakeBack(0);
        _run = buffer.Unmap();
    }

    private static void Map1500(int rounds)
    {
        PageRun run = Own.Move(ref _run);
        DmaDevice device = _device!;
        for (int i = rounds; i != 0; i--)
        {
            if (device.TryMap(ref run, 1500, out CpuBuffer<ToDevice> buffer) != Error.None)
                break;
            DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
            buffer = given.TakeBack();
            run = buffer.Unmap();
        }
        _run = Own.Move(ref run);
    }

    private static void Map2048(int rounds)
    {
        PageRun run = Own.Move(ref _run);
        DmaDevice device = _device!;
        for (int i = rounds; i != 0; i--)
        {
            if (device.TryMap(ref run, 2048, out CpuBuffer<FromDevice> buffer) != Error.None)
                break;
            DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
            buffer = given.TakeBack(2048);
            run = buffer.Unmap();
        }
        _run = Own.Move(ref run);
    }

    private static void Map16384(int rounds)
    {
        PageRun run = Own.Move(ref _run);
        DmaDevice device = _device!;
        for (int i = rounds; i != 0; i--)
        {
            if (device.TryMap(ref run, 16384, out CpuBuffer<Both> buffer) != Error.None)
                break;
            DeviceBuffer<Both> given = buffer.GiveToDevice();
            buffer = given.TakeBack(16384);
            run = buffer.Unmap();
        }
        _run = Own.Move(ref run);
    }

    private static void HandOver2048(int rounds)
    {
        DeviceBuffer<FromDevice> given = Own.Move(ref _held);
        for (int i = rounds; i != 0; i--)
        {
            CpuBuffer<FromDevice> buffer = given.TakeBack(2048);
            given = buffer.GiveToDevice();
        }
        _held = Own.Move(ref given);
    }

    private static void Coherent4096(int rounds)
    {
        DmaDevice device = _device!;
        for (int i = rounds; i != 0; i--)
        {
            if (device.TryAllocateCoherent(4096 / 64, out Coherent<Block64> memory) == Error.None)
                DmaDevice.Free(ref memory);
        }
    }

    private static void Pages4096(int rounds)
    {
        DmaDevice device = _device!;
        for (int i = rounds; i != 0; i--)
        {
            if (device.TryAllocatePages(4096, out CpuBuffer<FromDevice> buffer) == Error.None)
                buffer.Free();
        }
    }

    private static void Noncoherent4096(int rounds)
    {
        DmaDevice device = _device!;
        for (int i = rounds; i != 0; i--)
        {
            if (device.TryAllocateNoncoherent(4096, out CpuBuffer<FromDevice> buffer) == Error.None)
                buffer.Free();
        }
    }

    private static void Pool64(int rounds)
    {
        DmaPool<Block64> pool = _pool!;
        for (int i = rounds; i != 0; i--)
        {
            if (pool.TryTake(out PoolBlock<Block64> block) == Error.None)
                pool.Give(ref block);
        }
    }

    [System.Runtime.CompilerServices.InlineArray(8)]
    internal struct Block64
    {
        private ulong _first;
    }
}
