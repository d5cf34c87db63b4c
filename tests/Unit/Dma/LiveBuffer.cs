using System;
using System.Runtime.CompilerServices;
using Sluice.Dma;
using Sluice.Mm;

namespace Sluice.Tests.Dma;

/// <summary>Where a buffer's memory came from.</summary>
public enum BufferSource
{
    Pages,
    Noncoherent,
    Run,
    Block,
}

/// <summary>A buffer of any direction, with what each side should see of it.</summary>
internal abstract class LiveBuffer(DmaDevice device, DmaDirection direction, BufferSource source, uint room)
{
    public DmaDevice Device { get; } = device;
    public DmaDirection Direction { get; } = direction;
    public BufferSource Source { get; } = source;
    public uint Room { get; } = room;

    public ModelBytes ForCpu { get; } = new((int)room);
    public ModelBytes ForDevice { get; } = new((int)room);

    /// <summary>Bytes that the device wrote since it was given the buffer.</summary>
    public bool[] Written { get; } = new bool[room];

    /// <summary>What lies behind the buffer in the same run.</summary>
    public byte[] Behind { get; set; } = [];

    public bool IsWithDevice { get; protected set; }
    public uint Given { get; protected set; }

    public abstract ulong Address { get; }
    public abstract bool IsBounced { get; }
    public abstract bool IsRecorded { get; }

    /// <summary>Bytes that the device wrote, as the CPU's side says.</summary>
    public abstract uint WrittenBytes { get; }

    /// <summary>What the CPU may see now.</summary>
    public abstract ReadOnlySpan<byte> Bytes { get; }

    /// <summary>What it may write.</summary>
    public abstract Span<byte> Writable { get; }

    public abstract void Give(uint? bytes);
    public abstract void TakeBack(uint written);
    public abstract PageRun Unmap();
    public abstract SlabBlock UnmapBlock();
    public abstract void Free();
}

internal sealed unsafe class LiveBuffer<TDirection> : LiveBuffer where TDirection : struct, IDirection
{
    private CpuBuffer<TDirection> _cpu;
    private DeviceBuffer<TDirection> _device;
    private readonly Mapping* _mapping;
    private readonly ulong _origin;

    public LiveBuffer(DmaDevice device, CpuBuffer<TDirection> buffer, BufferSource source) : base(device, default(TDirection).Kind, source, buffer.Capacity)
    {
        _cpu = buffer;
        _mapping = buffer.Mapping;
        _origin = buffer.Origin;
    }

    public override ulong Address => _mapping->HasWork ? _mapping->Address : _origin >> 32 << 12;

    public override bool IsBounced => _mapping->HasWork && _mapping->Path.Target is BouncePath;

    public override bool IsRecorded => _mapping->HasWork;

    public override uint WrittenBytes => Direction == DmaDirection.Both ? As<CpuBuffer<Both>>(ref _cpu).WrittenBytes : (uint)Bytes.Length;

    public override ReadOnlySpan<byte> Bytes => Direction == DmaDirection.FromDevice ? As<CpuBuffer<FromDevice>>(ref _cpu).Bytes : Writable;

    public override Span<byte> Writable => Direction switch
    {
        DmaDirection.ToDevice => As<CpuBuffer<ToDevice>>(ref _cpu).Bytes,
        DmaDirection.Both => As<CpuBuffer<Both>>(ref _cpu).Bytes,
        _ => [],
    };

    public override void Give(uint? bytes)
    {
        _device = bytes is uint front ? _cpu.GiveToDevice(front) : _cpu.GiveToDevice();
        Given = _device.Length;
        IsWithDevice = true;
        Xunit.Assert.True(_cpu.IsEmpty);
        Xunit.Assert.Equal(Address, _device.Address.Value);
    }

    public override void TakeBack(uint written)
    {
        switch (Direction)
        {
            case DmaDirection.ToDevice:
                As<CpuBuffer<ToDevice>>(ref _cpu) = As<DeviceBuffer<ToDevice>>(ref _device).TakeBack();
                break;
            case DmaDirection.FromDevice:
                As<CpuBuffer<FromDevice>>(ref _cpu) = As<DeviceBuffer<FromDevice>>(ref _device).TakeBack(written);
                break;
            default:
                As<CpuBuffer<Both>>(ref _cpu) = As<DeviceBuffer<Both>>(ref _device).TakeBack(written);
                break;
        }
        IsWithDevice = false;
        Xunit.Assert.True(_device.IsEmpty);
    }

    public override PageRun Unmap() => _cpu.Unmap();

    public override SlabBlock UnmapBlock() => _cpu.UnmapBlock();

    public override void Free() => _cpu.Free();

    private static ref TTo As<TTo>(ref CpuBuffer<TDirection> from) => ref Unsafe.As<CpuBuffer<TDirection>, TTo>(ref from);

    private static ref TTo As<TTo>(ref DeviceBuffer<TDirection> from) => ref Unsafe.As<DeviceBuffer<TDirection>, TTo>(ref from);
}
