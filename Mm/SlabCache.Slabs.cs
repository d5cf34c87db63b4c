using System;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Mm;

/// <summary>The record at the start of a slab; behind it one <see cref="SlabCache.State"/> byte for each object.</summary>
[NonCopyable(Release = false)]
internal unsafe struct SlabHeader
{
    public const uint MaxObjects = 256;

    /// <summary>Says whose slab it is; so a pointer that is not into one is found.</summary>
    public ulong Cookie;

    /// <summary>Neighbours in the list of slabs with a free object.</summary>
    public SlabHeader* Next, Previous;

    public PageRun Run;

    /// <summary>How many bits are set in <see cref="Free"/>.</summary>
    public ulong FreeCount;

    /// <summary>A bit for each object that is in the slab: neither in use nor in a magazine.</summary>
    public fixed ulong Free[(int)MaxObjects / 64];
}

public sealed unsafe partial class SlabCache
{
    /// <summary>One empty slab is kept, so that the last object may come and go without moving pages.</summary>
    private const uint EmptySlabsKept = 1;

    private SpinLock _lock;
    private SlabHeader* _partial;
    private readonly bool _poison;
    private ulong _slabs, _emptySlabs, _freeInSlabs, _taken, _failures;

    private enum State : byte
    {
        Free,
        InUse,
        Poisoned,
    }

    private SlabHeader* SlabOf(byte* address) => (SlabHeader*)((ulong)address & _slabMask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint IndexOf(SlabHeader* slab, byte* address) => (uint)((ulong)(uint)(address - (byte*)slab - _first) * _inverse >> 32);

    private byte* AddressOf(SlabHeader* slab, uint index) => (byte*)slab + _first + index * Bytes;

    private static State* StateOf(SlabHeader* slab, uint index) => (State*)(slab + 1) + index;

    // The state byte, as soon as an object is out of the slab's bits, is written only by whoever has the object.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void HandOut(byte* address)
    {
        SlabHeader* slab = SlabOf(address);
        State* state = StateOf(slab, IndexOf(slab, address));
        if (*state == State.Poisoned)
            CheckPoison(address);
        *state = State.InUse;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void TakeBack(byte* address)
    {
        SlabHeader* slab = SlabOf(address);
        uint index;
        if (address == null || slab->Cookie != (_cookie ^ (ulong)slab) || (index = IndexOf(slab, address)) >= _objects
            || AddressOf(slab, index) != address || *StateOf(slab, index) != State.InUse)
        {
            StopForBadObject(address);
            return;
        }
        *StateOf(slab, index) = _poison ? PutPoison(address) : State.Free;
    }

    [DoesNotReturn]
    private void StopForBadObject(byte* address)
    {
        SlabHeader* slab = SlabOf(address);
        Bug.If(address == null, "a null pointer was given back to a slab cache"u8);
        Bug.If(slab->Cookie != (_cookie ^ (ulong)slab), "an object was given back to a slab cache that it is not from"u8);
        uint index = IndexOf(slab, address);
        Bug.If(index >= _objects || AddressOf(slab, index) != address, "a pointer into the middle of an object was given back"u8);
        Bug.Stop("an object was given back twice, or was never taken"u8);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private State PutPoison(byte* address)
    {
        new Span<byte>(address, (int)Bytes).Fill(PageAllocator.PoisonByte);
        return State.Poisoned;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CheckPoison(byte* address)
    {
        for (uint offset = 0; offset < Bytes; offset++)
        {
            byte found = address[offset];
            if (found == PageAllocator.PoisonByte)
                continue;
            Utf8Message what = $"{Tag.Name}: the object at {address} was written after it was given back: 0x{found:x2} at offset 0x{offset:x}";
            Bug.Stop(what.Text);
        }
    }

    private uint TakeFromSlabs(byte** objects, uint wanted)
    {
        uint taken = 0;
        _lock.Acquire();
        while (taken < wanted && (_partial != null || TryGrow()))
        {
            SlabHeader* slab = _partial;
            if (slab->FreeCount == _objects)
                _emptySlabs--;
            for (uint word = 0; word < SlabHeader.MaxObjects / 64; word++)
            {
                for (; slab->Free[word] != 0 && taken < wanted; slab->Free[word] &= slab->Free[word] - 1)
                {
                    objects[taken++] = AddressOf(slab, word * 64 + (uint)BitOperations.TrailingZeroCount(slab->Free[word]));
                    slab->FreeCount--;
                }
            }
            if (slab->FreeCount == 0)
                Unlink(slab);
        }
        _freeInSlabs -= taken;
        _lock.Release();
        return taken;
    }

    private void GiveToSlabs(byte** objects, ulong count)
    {
        _lock.Acquire();
        _freeInSlabs += count;
        for (ulong i = 0; i < count; i++)
        {
            SlabHeader* slab = SlabOf(objects[i]);
            uint index = IndexOf(slab, objects[i]);
            slab->Free[index / 64] |= 1UL << (int)(index % 64);
            if (slab->FreeCount++ == 0)
                Link(slab);
            if (slab->FreeCount == _objects && ++_emptySlabs > EmptySlabsKept)
                Dissolve(slab);
        }
        _lock.Release();
    }

    private void DissolveEmpty()
    {
        _lock.Acquire();
        SlabHeader* next;
        for (SlabHeader* slab = _partial; slab != null; slab = next)
        {
            next = slab->Next;
            if (slab->FreeCount == _objects)
                Dissolve(slab);
        }
        _lock.Release();
    }

    private bool TryGrow()
    {
        if (!_pages.TryTake(_order, Zone.Any, Tag, out PageRun run))
            return false;
        var slab = (SlabHeader*)run.Address;
        *slab = default;
        slab->Cookie = _cookie ^ (ulong)slab;
        slab->Run = Own.Move(ref run);
        slab->FreeCount = _objects;
        for (uint i = 0; i < _objects; i++)
        {
            slab->Free[i / 64] |= 1UL << (int)(i % 64);
            *StateOf(slab, i) = State.Free;
        }
        _slabs++;
        _emptySlabs++;
        _freeInSlabs += _objects;
        Link(slab);
        return true;
    }

    private void Dissolve(SlabHeader* slab)
    {
        Unlink(slab);
        _slabs--;
        _emptySlabs--;
        _freeInSlabs -= _objects;
        slab->Cookie = 0;
        PageRun run = Own.Move(ref slab->Run);
        _pages.Give(ref run);
    }

    private void Link(SlabHeader* slab)
    {
        slab->Next = _partial;
        slab->Previous = null;
        if (_partial != null)
            _partial->Previous = slab;
        _partial = slab;
    }

    private void Unlink(SlabHeader* slab)
    {
        if (slab->Next != null)
            slab->Next->Previous = slab->Previous;
        if (slab->Previous != null)
            slab->Previous->Next = slab->Next;
        else
            _partial = slab->Next;
    }
}
