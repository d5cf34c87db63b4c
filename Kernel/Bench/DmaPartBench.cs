using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Bench;

/// <summary>What the partial hand-over of a divided buffer costs: a page of a receive ring taken and given back.</summary>
internal static unsafe class DmaPartBench
{
    private static DividedBuffer<FromDevice> _divided;

    public static void Measure(ref Run run, DmaDevice device, System.ReadOnlySpan<byte> name)
    {
        if (device.TryAllocatePages(8 * (uint)PhysAddr.PageSize, out CpuBuffer<FromDevice> buffer) != Error.None)
            return;
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        if (given.TryDivide((uint)PhysAddr.PageSize, out _divided) == Error.None)
        {
            DmaBench.Time(ref run, name, device.IsChecked ? &WriteTakeAndGive : &TakeAndGive);
            given = _divided.Join();
        }
        buffer = given.TakeBack(0);
        buffer.Free();
    }

    private static void TakeAndGive(int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            BufferPart<FromDevice> part = _divided.TakePart(i & 7, 2048);
            _divided.GivePart(ref part);
        }
    }

    private static void WriteTakeAndGive(int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            DmaCheckerBench.Write(_divided.AddressOf(i & 7));
            BufferPart<FromDevice> part = _divided.TakePart(i & 7, 2048);
            _divided.GivePart(ref part);
        }
    }
}
