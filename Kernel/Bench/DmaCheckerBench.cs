using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Bench;

/// <summary>
/// What mappings and hand-overs cost with the checker on. It looks whether the device wrote what it says, so here it does: some 200
/// instructions of the figures with "from-device" in their names.
/// </summary>
internal static unsafe class DmaCheckerBench
{
    private static DmaSystem? _system;
    private static DmaDevice? _direct, _bounced;
    private static DmaPool<DmaBench.Block64>? _pool;

    public static void Measure(ref Run run)
    {
        _system ??= new DmaSystem(Pages.Allocator, Slab.Heap, new PhysAddr(PhysicalMemory.DirectMapBytes - 1), check: true);
        _direct ??= _system.NewDevice("bench, checked"u8);
        _bounced ??= _system.NewDevice("bench, checked, bounced"u8, forceBounce: true);
        _pool ??= new DmaPool<DmaBench.Block64>(_direct, alignment: 64);
        DmaBench.All(ref run, _direct, _bounced, _pool);
        _system.Checker!.Drain();
    }

    public static void Map2048(int rounds)
    {
        PageRun run = Own.Move(ref DmaBench.PageRun);
        for (int i = rounds; i != 0; i--)
        {
            if (DmaBench.Device.TryMap(ref run, 2048, out CpuBuffer<FromDevice> buffer) != Error.None)
                break;
            DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
            Write(given.Address);
            buffer = given.TakeBack(2048);
            run = buffer.Unmap();
        }
        DmaBench.PageRun = Own.Move(ref run);
    }

    public static void HandOver2048(int rounds)
    {
        for (int i = rounds; i != 0; i--)
        {
            Write(DmaBench.Held.Address);
            CpuBuffer<FromDevice> buffer = DmaBench.Held.TakeBack(2048);
            DmaBench.Held = buffer.GiveToDevice();
        }
    }

    /// <summary>The device writes 2,048 bytes.</summary>
    public static void Write(DmaAddr address) => new System.Span<byte>(PhysicalMemory.At(new PhysAddr(address.Value)), 2048).Clear();
}
