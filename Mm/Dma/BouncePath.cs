using System;
using System.Runtime.CompilerServices;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Dma;

/// <summary>
/// The device works on a copy in slots that it reaches. What goes in: the bytes handed over, and nothing where only the device
/// writes; behind them the slot is zero. What comes out: what the device says it wrote. Slots are zeroed when they are given back.
/// </summary>
internal sealed unsafe class BouncePath(BouncePool pool) : DmaPath
{
    public override ReadOnlySpan<byte> Name => "bounce"u8;

    public override Error Open(Mapping* mapping)
    {
        DmaDevice device = mapping->Device.Target;
        // The low bits of the address stay what they were, as far as the device asks for alignment.
        uint offset = (uint)mapping->Memory & (device.MinAlignment - 1);
        var order = (int)Math.Max(BounceArea.OrderOf(offset + mapping->Room), BounceArea.OrderOf(device.MinAlignment));
        if (order > BounceArea.MaxOrder)
            return Error.TooLarge;
        if (!pool.TryTake(order, device.StreamingMask, mapping))
        {
            device.Counters.BounceFull++;
            return Error.NoResources;
        }
        // Only slots that the short way will look for are kept at hand.
        mapping->IsReady = offset == 0 && order == (int)BounceArea.OrderOf(mapping->Room) && mapping->Room - 1 < device.ReadyBytes;
        // Such a record is used again without asking the clock.
        if (mapping->IsReady)
            mapping->Since = 0;
        mapping->Address = mapping->Area->Start + ((ulong)mapping->FirstSlot << BounceArea.SlotShift) + offset;
        device.CountBounce(mapping->Room);
        return Error.None;
    }

    /// <summary><see cref="ForDevice"/> for coherent devices, from the first byte on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyIn(Mapping* mapping, uint bytes)
    {
        if (mapping->Direction == DmaDirection.FromDevice)
            return;
        BlockCopy.Copy(PhysicalMemory.At(new PhysAddr(mapping->Address)), PhysicalMemory.At(new PhysAddr(mapping->Memory)), bytes);
    }

    /// <summary><see cref="ForCpu"/> for coherent devices, from the first byte on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyOut(Mapping* mapping, uint bytes)
    {
        BlockCopy.Copy(PhysicalMemory.At(new PhysAddr(mapping->Memory)), PhysicalMemory.At(new PhysAddr(mapping->Address)), bytes);
    }

    public override void ForDevice(Mapping* mapping, uint offset, uint bytes)
    {
        DmaDevice device = mapping->Device.Target;
        if (mapping->Direction != DmaDirection.FromDevice)
            BlockCopy.Copy(PhysicalMemory.At(new PhysAddr(mapping->Address + offset)), PhysicalMemory.At(new PhysAddr(mapping->Memory + offset)), bytes);
        if (!device.IsCoherent)
            CacheLines.Clean(new PhysAddr(mapping->Address + offset), bytes);
    }

    public override void ForCpu(Mapping* mapping, uint offset, uint bytes)
    {
        DmaDevice device = mapping->Device.Target;
        if (!device.IsCoherent)
            CacheLines.Invalidate(new PhysAddr(mapping->Address + offset), bytes);
        BlockCopy.Copy(PhysicalMemory.At(new PhysAddr(mapping->Memory + offset)), PhysicalMemory.At(new PhysAddr(mapping->Address + offset)), bytes);
    }

    public override void Close(Mapping* mapping)
    {
        // Whole blocks, from a block's start on: their end is never behind that of the slots.
        uint before = (uint)mapping->Address & 15;
        BlockCopy.ClearBlocks(PhysicalMemory.At(new PhysAddr(mapping->Address - before)), before + mapping->Room);
        // The next device reads memory, not the cache.
        if (!mapping->Device.Target.IsCoherent)
            CacheLines.Clean(new PhysAddr(mapping->Address), mapping->Room);
        pool.Give(mapping);
    }
}
