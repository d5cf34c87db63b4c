using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>
/// A plain picture of a machine's DMA: which buffers there are, who has each, and the bytes that each side should see. Every step is
/// done by the layer and here.
/// </summary>
internal sealed unsafe partial class DmaModel
{
    private struct PoolItem
    {
        public Shared<ulong> First, Second, Third;
    }

    private sealed record LiveArray(DmaDevice Device, Coherent<ulong> Memory, Dictionary<int, ulong> Values);

    private sealed record LiveItem(int Device, PoolBlock<PoolItem> Block, ulong Value);

    private readonly DmaMachine _machine;
    private readonly DmaDevice[] _devices;
    private readonly DmaPool<PoolItem>[] _pools;
    private readonly bool[] _poolUsed = new bool[2];
    private readonly List<LiveBuffer> _buffers = [];
    private readonly Dictionary<LiveBuffer, (SlabBlock Block, byte[] Bytes)> _bystanders = [];
    private readonly List<LiveArray> _arrays = [];
    private readonly List<LiveItem> _items = [];
    private readonly List<PageRun> _withheld = [];

    public DmaModel(DmaMachine machine, DmaScenario scenario)
    {
        _machine = machine;
        machine.System.BounceLimit = scenario.BounceLimit;
        _devices = [NewDevice(scenario.First), NewDevice(scenario.Second)];
        _pools = [.. _devices.Select(device => new DmaPool<PoolItem>(device, scenario.PoolAlignment, scenario.PoolBoundary))];
        _poolAlignment = scenario.PoolAlignment;
        _poolBoundary = scenario.PoolBoundary;
    }

    public void Do(DmaStep step)
    {
        DmaDevice device = _devices[step.Device];
        switch (step.Verb)
        {
            case DmaVerb.SetMasks: SetMasks(step); break;
            case DmaVerb.AllocatePages or DmaVerb.AllocateNoncoherent or DmaVerb.MapRun or DmaVerb.MapBlock:
                switch (step.Direction)
                {
                    case DmaDirection.ToDevice: Make<ToDevice>(device, step); break;
                    case DmaDirection.FromDevice: Make<FromDevice>(device, step); break;
                    default: Make<Both>(device, step); break;
                }
                break;
            case DmaVerb.AllocateCoherent: AllocateCoherent(device, step); break;
            case DmaVerb.TakeFromPool: TakeFromPool(step); break;
            case DmaVerb.GiveToPool when _items.Count != 0: GiveToPool(step.Number % _items.Count); break;
            case DmaVerb.Give when Find(step, withDevice: false) is { } buffer: Give(buffer, null, step); break;
            case DmaVerb.GiveFront when Find(step, withDevice: false) is { } buffer: Give(buffer, 1 + step.Bytes % buffer.Room, step); break;
            case DmaVerb.CpuWrites when Find(step, withDevice: false) is { } buffer: CpuWrites(buffer, step); break;
            case DmaVerb.DeviceWrites when Find(step, withDevice: true) is { } buffer: DeviceWrites(buffer, step); break;
            case DmaVerb.TakeBack when Find(step, withDevice: true) is { } buffer: TakeBack(buffer, step.Number, step.Bytes); break;
            case DmaVerb.End when Find(step, withDevice: false) is { } buffer: End(buffer, unmap: step.Number % 3 != 0); break;
            case DmaVerb.EndCoherent when _arrays.Count != 0: EndArray(step.Number % _arrays.Count); break;
            case DmaVerb.LeavePages: LeavePages(step.Number % 24); break;
            case DmaVerb.ReturnPages: ReturnPages(); break;
        }
    }

    /// <summary>Ends all that lives, from whatever state it is in.</summary>
    public void EndAll()
    {
        foreach (LiveBuffer buffer in _buffers.ToArray())
        {
            if (buffer.IsWithDevice)
                TakeBack(buffer, 2, 0);
            End(buffer, unmap: buffer.Room % 2 == 0);
        }
        while (_arrays.Count != 0)
            EndArray(0);
        while (_items.Count != 0)
            GiveToPool(0);
        ReturnPages();
    }

    private DmaDevice NewDevice(DeviceShape shape)
    {
        DmaDevice device = _machine.System.NewDevice("00:04.0"u8, shape.Bounced || _machine.Kind.Bounced);
        device.MaxSegmentBytes = shape.MaxSegmentBytes;
        device.SegmentBoundary = shape.Boundary;
        SetMasks(device, shape.StreamingBits, shape.CoherentBits);
        device.MinAlignment = shape.MinAlignment;
        return device;
    }

    private void SetMasks(DmaStep step)
    {
        DmaDevice device = _devices[step.Device];
        if (_poolUsed[step.Device] || _buffers.Any(buffer => buffer.Device == device) || _arrays.Any(array => array.Device == device))
            return;
        SetMasks(device, 20 + step.Number % 50, 20 + (int)(step.Bytes % 50));
    }

    private void SetMasks(DmaDevice device, int streaming, int coherent)
    {
        (ulong, ulong) before = (device.StreamingMask, device.CoherentMask);
        Error error = device.TrySetMasks(streaming, coherent);
        if (error == Error.None)
        {
            Assert.True(streaming is >= 24 and <= 64 && coherent is >= 24 and <= 64);
            Assert.Equal((ulong.MaxValue >> (64 - streaming), ulong.MaxValue >> (64 - coherent)), (device.StreamingMask, device.CoherentMask));
            return;
        }
        Assert.Equal(Error.NotSupported, error);
        Assert.Equal(before, (device.StreamingMask, device.CoherentMask));
        ulong least = ulong.MaxValue >> (64 - Math.Min(streaming, coherent));
        if (streaming is >= 24 and <= 64 && coherent is >= 24 and <= 64)
            Assert.False(_machine.System.Memory.TryTake(0, least, default, out _), "a page would have been there");
    }

    private void Make<TDirection>(DmaDevice device, DmaStep step) where TDirection : struct, IDirection
    {
        Snapshot before = Look();
        switch (step.Verb)
        {
            case DmaVerb.MapRun:
                MapRun<TDirection>(device, step, before);
                break;
            case DmaVerb.MapBlock:
                MapBlock<TDirection>(device, step, before);
                break;
            default:
                bool pages = step.Verb == DmaVerb.AllocatePages;
                Error error = pages ? device.TryAllocatePages(step.Bytes, out CpuBuffer<TDirection> buffer) : device.TryAllocateNoncoherent(step.Bytes, out buffer);
                if (!Succeeded(error, buffer.IsEmpty, before, step.Bytes is 0 or > 16 << 20, mayLack: IsShort(device.CoherentMask, step.Bytes)))
                    return;
                var live = new LiveBuffer<TDirection>(device, buffer, pages ? BufferSource.Pages : BufferSource.Noncoherent);
                live.ForCpu.SetZero();
                Add(live);
                break;
        }
    }

    private void MapRun<TDirection>(DmaDevice device, DmaStep step, Snapshot before) where TDirection : struct, IDirection
    {
        uint wanted = Math.Min(step.Bytes, 256 << 10);
        int order = step.Number % 16 == 0 ? 0 : wanted <= 4096 ? step.Number % 3 : System.Numerics.BitOperations.Log2((wanted - 1) >> 12) + 1;
        if (!_machine.Memory.Pages.TryTake(order, (Zone)(step.Number % 4), default, out PageRun run))
            return;
        new Random(step.Number).NextBytes(run.Memory);
        ulong memory = run.Start.Value;
        byte[] bytes = run.Memory.ToArray();
        Error error = device.TryMap(ref run, step.Bytes, out CpuBuffer<TDirection> buffer);
        bool bounces = Bounces(device, memory, step.Bytes, isBlock: false);
        if (!Succeeded(error, buffer.IsEmpty, before, IsTooLarge(device, memory, step.Bytes, (uint)bytes.Length, bounces), mayLack: bounces || IsShort(ulong.MaxValue, 4096)))
        {
            Assert.Equal(memory, run.Start.Value);
            Assert.Equal(bytes, run.Memory.ToArray());
            _machine.Memory.Pages.Give(ref run);
            return;
        }
        Assert.True(run.IsEmpty);
        var live = new LiveBuffer<TDirection>(device, buffer, BufferSource.Run) { Behind = bytes[(int)step.Bytes..] };
        live.ForCpu.Set(0, bytes.AsSpan(0, (int)step.Bytes));
        AddMapped(live, memory, bounces);
    }

    private void MapBlock<TDirection>(DmaDevice device, DmaStep step, Snapshot before) where TDirection : struct, IDirection
    {
        int size = 1 + (int)(step.Bytes % SlabHeap.MaxBytes);
        if (!_machine.Slabs.TryTake(size, out SlabBlock block))
            return;
        // A neighbour, perhaps on the same cache line, that has nothing to do with it.
        if (!_machine.Slabs.TryTake(size, out SlabBlock neighbour))
        {
            _machine.Slabs.Give(ref block);
            return;
        }
        new Random(step.Number).NextBytes(block.Memory);
        ulong memory = PhysicalMemory.Of(block.Address).Value;
        byte[] bytes = block.Memory.ToArray();
        Error error = device.TryMap(ref block, out CpuBuffer<TDirection> buffer);
        bool bounces = Bounces(device, memory, (uint)size, isBlock: true);
        if (!Succeeded(error, buffer.IsEmpty, before, IsTooLarge(device, memory, (uint)size, (uint)size, bounces), mayLack: bounces || IsShort(ulong.MaxValue, 4096)))
        {
            Assert.Equal(bytes, block.Memory.ToArray());
            _machine.Slabs.Give(ref block);
            _machine.Slabs.Give(ref neighbour);
            return;
        }
        Assert.True(block.IsEmpty);
        var live = new LiveBuffer<TDirection>(device, buffer, BufferSource.Block);
        live.ForCpu.Set(0, bytes);
        AddMapped(live, memory, bounces);
        _bystanders.Add(live, (neighbour, []));
        Touch(live, step.Number);
    }

    private void Give(LiveBuffer buffer, uint? front, DmaStep step)
    {
        AssertCpuSees(buffer);
        Touch(buffer, step.Number);
        buffer.Give(front);
        Assert.Equal(front ?? buffer.Room, buffer.Given);
        if (!buffer.IsBounced || buffer.Direction != DmaDirection.FromDevice)
            buffer.ForDevice.Copy(buffer.ForCpu, 0, (int)buffer.Given);
        Touch(buffer, step.Number + 1);
        AssertDeviceSees(buffer);
    }

    // The CPU writes to what is none of the buffer's.
    private void Touch(LiveBuffer buffer, int seed)
    {
        if (!_bystanders.TryGetValue(buffer, out (SlabBlock Block, byte[] Bytes) bystander))
            return;
        if (bystander.Bytes.Length != 0)
            Assert.Equal(bystander.Bytes, bystander.Block.Memory.ToArray());
        new Random(seed).NextBytes(bystander.Block.Memory);
        _bystanders[buffer] = (bystander.Block, bystander.Block.Memory.ToArray());
    }

    private static void CpuWrites(LiveBuffer buffer, DmaStep step)
    {
        if (buffer.Direction == DmaDirection.FromDevice)
            return;
        int at = step.Number % (int)buffer.Room, length = Math.Min(1 + (int)(step.Bytes % 600), (int)buffer.Room - at);
        Span<byte> part = buffer.Writable.Slice(at, length);
        new Random(step.Number).NextBytes(part);
        buffer.ForCpu.Set(at, part);
    }

    private void DeviceWrites(LiveBuffer buffer, DmaStep step)
    {
        if (buffer.Direction == DmaDirection.ToDevice)
            return;
        int at = step.Number % (int)buffer.Given, length = Math.Min(1 + (int)(step.Bytes % 5000), (int)buffer.Given - at);
        byte[] bytes = new byte[length];
        new Random(step.Number).NextBytes(bytes);
        _machine.DeviceWrites(new DmaAddr(buffer.Address + (uint)at), bytes, buffer.Device);
        buffer.ForDevice.Set(at, bytes);
        buffer.Written.AsSpan(at, length).Fill(true);
        AssertDeviceSees(buffer);
    }

    private void TakeBack(LiveBuffer buffer, int choice, uint number)
    {
        uint given = buffer.Given;
        uint written = (choice % 6) switch { 0 or 1 => given, 2 => 0, 3 => given + 1 + number, 4 => uint.MaxValue, _ => number % (given + 1) };
        ulong overlong = buffer.Device.Statistics.Overlong;
        buffer.TakeBack(written);
        uint believed = buffer.Direction == DmaDirection.ToDevice ? 0 : Math.Min(written, given);
        if (buffer.IsRecorded && buffer.Direction != DmaDirection.ToDevice)
            Assert.Equal(overlong + (written > given ? 1u : 0), buffer.Device.Statistics.Overlong);
        if (buffer.Direction != DmaDirection.ToDevice)
            buffer.ForCpu.Copy(buffer.ForDevice, 0, (int)believed);
        for (uint i = believed; i < given; i++)
        {
            // What the device wrote and did not say: with direct memory it may be there or not. A slot is the device's business.
            if (buffer.Written[i] && !buffer.IsBounced)
                buffer.ForCpu.Forget((int)i);
            if (buffer.Written[i])
                buffer.ForDevice.Forget((int)i);
        }
        buffer.Written.AsSpan().Clear();
        if (buffer.Direction == DmaDirection.FromDevice || buffer.Direction == DmaDirection.Both)
            Assert.Equal(buffer.IsRecorded ? believed : Math.Min(written, buffer.Room), buffer.WrittenBytes);
        AssertCpuSees(buffer);
    }

    private void End(LiveBuffer buffer, bool unmap)
    {
        AssertCpuSees(buffer);
        bool bounced = buffer.IsBounced;
        ulong address = buffer.Address;
        if (buffer.Source == BufferSource.Run && unmap)
        {
            PageRun run = buffer.Unmap();
            buffer.ForCpu.AssertFront(run.Memory[..(int)buffer.Room], "the owner of a run");
            Assert.True(run.Memory[(int)buffer.Room..].SequenceEqual(buffer.Behind), "the memory behind a buffer was changed");
            _machine.Memory.Pages.Give(ref run);
        }
        else if (buffer.Source == BufferSource.Block && unmap)
        {
            SlabBlock block = buffer.UnmapBlock();
            buffer.ForCpu.AssertFront(block.Memory, "the owner of a block");
            _machine.Slabs.Give(ref block);
        }
        else
        {
            buffer.Free();
        }
        if (bounced)
            Assert.True(_machine.DeviceReads(new DmaAddr(address), buffer.Room, buffer.Device).All(b => b == 0), "a slot was not scrubbed");
        Touch(buffer, 0);
        if (_bystanders.Remove(buffer, out (SlabBlock Block, byte[] Bytes) bystander))
            _machine.Slabs.Give(ref bystander.Block);
        _buffers.Remove(buffer);
    }

    private LiveBuffer? Find(DmaStep step, bool withDevice)
    {
        for (int i = 0; i < _buffers.Count; i++)
        {
            LiveBuffer buffer = _buffers[(step.Number + i) % _buffers.Count];
            if (buffer.IsWithDevice == withDevice)
                return buffer;
        }
        return null;
    }
}
