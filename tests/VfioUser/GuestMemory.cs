using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;

namespace Sluice.VfioUser;

/// <summary>
/// The guest's memory as a device sees it: what QEMU shared, mapped here. Accesses are checked, and fail where nothing is mapped or the guest
/// has not allowed the device to be bus master. Any thread; an access holds off the unmapping of what it uses.
/// </summary>
public sealed unsafe class GuestMemory
{
    // Enough for a page at a time from an IOMMU, as QEMU sends it.
    private const int MostRegions = 65535;

    private readonly List<Region> _regions = [];
    private readonly ReaderWriterLockSlim _lock = new(LockRecursionPolicy.SupportsRecursion);
    private volatile bool _isBusMaster;
    private long _refused;

    internal GuestMemory()
    {
    }

    /// <summary>Accesses that failed.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Whether the guest lets the device be bus master.</summary>
    public bool IsBusMaster
    {
        get => _isBusMaster;
        internal set => _isBusMaster = value;
    }

    /// <summary>Reads all of a span from an address on. False, and the span holds anything, if some of it may not be read.</summary>
    public bool TryRead(ulong address, Span<byte> bytes) => TryAccess(address, bytes, write: false);

    /// <summary>Writes all of a span from an address on. False if some of it may not be written; what lies before that may have been.</summary>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> bytes) =>
        TryAccess(address, MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(bytes), bytes.Length), write: true);

    /// <summary>Reads an aligned 32-bit word, in one access. False if it may not be read.</summary>
    public bool TryRead32(ulong address, out uint value)
    {
        value = uint.MaxValue;
        _lock.EnterReadLock();
        try
        {
            byte* at = Find(address, sizeof(uint), write: false, out ulong most);
            if (at == null || most < sizeof(uint))
                return Refuse();
            value = Volatile.Read(ref *(uint*)at);
            return true;
        }
        finally
        {
            _lock.ExitReadLock();
        }
    }

    /// <summary>Writes an aligned 32-bit word, in one access, after all that was written before. False if it may not be written.</summary>
    public bool TryWrite32(ulong address, uint value)
    {
        _lock.EnterReadLock();
        try
        {
            byte* at = Find(address, sizeof(uint), write: true, out ulong most);
            if (at == null || most < sizeof(uint))
                return Refuse();
            Volatile.Write(ref *(uint*)at, value);
            return true;
        }
        finally
        {
            _lock.ExitReadLock();
        }
    }

    /// <summary>Adds what the other side shares. Takes the file descriptor.</summary>
    internal Errno Map(in DmaMapRequest request, int file)
    {
        if (request.Length == 0 || request.Address + request.Length - 1 < request.Address || request.Length > long.MaxValue ||
            request.FileOffset > long.MaxValue - request.Length)
        {
            return CloseAnd(file, Errno.Invalid);
        }
        _lock.EnterWriteLock();
        try
        {
            int place = PlaceOf(request.Address);
            bool overlaps = (place > 0 && _regions[place - 1].Last >= request.Address) ||
                (place < _regions.Count && _regions[place].Address <= request.Address + request.Length - 1);
            if (overlaps)
                return CloseAnd(file, Errno.Exists);
            if (_regions.Count == MostRegions)
                return CloseAnd(file, Errno.Invalid);
            nint memory = 0;
            bool writeable = (request.Flags & DmaMapRequest.Writeable) != 0;
            if (file >= 0)
            {
                // A file that ends before would make an access here a fault of this process.
                const int fromEnd = 2;
                if (Native.Seek(file, 0, fromEnd) < (long)(request.FileOffset + request.Length))
                    return CloseAnd(file, Errno.Invalid);
                memory = Native.Map(0, (nuint)request.Length, writeable ? Native.ReadWrite : Native.Read, Native.Shared, file, (long)request.FileOffset);
                Native.Close(file);
                if (memory == -1)
                    return Errno.Invalid;
            }
            _regions.Insert(place, new Region(request.Address, request.Length, memory, (request.Flags & DmaMapRequest.Readable) != 0, writeable));
            return Errno.None;
        }
        finally
        {
            _lock.ExitWriteLock();
        }
    }

    /// <summary>Ends a region; nobody uses it when this returns.</summary>
    internal Errno Unmap(ulong address, ulong length)
    {
        _lock.EnterWriteLock();
        try
        {
            int place = PlaceOf(address);
            if (place == _regions.Count || _regions[place].Address != address || _regions[place].Length != length)
                return Errno.Invalid;
            _regions[place].Release();
            _regions.RemoveAt(place);
            return Errno.None;
        }
        finally
        {
            _lock.ExitWriteLock();
        }
    }

    /// <summary>Ends all regions: the other side is gone.</summary>
    internal void Clear()
    {
        _lock.EnterWriteLock();
        foreach (Region region in _regions)
            region.Release();
        _regions.Clear();
        _lock.ExitWriteLock();
    }

    private static Errno CloseAnd(int file, Errno error)
    {
        if (file >= 0)
            Native.Close(file);
        return error;
    }

    private bool TryAccess(ulong address, Span<byte> bytes, bool write)
    {
        _lock.EnterReadLock();
        try
        {
            while (!bytes.IsEmpty)
            {
                byte* at = Find(address, 1, write, out ulong most);
                if (at == null)
                    return Refuse();
                int count = (int)Math.Min(most, (ulong)bytes.Length);
                var memory = new Span<byte>(at, count);
                if (write)
                    bytes[..count].CopyTo(memory);
                else
                    memory.CopyTo(bytes);
                bytes = bytes[count..];
                address += (ulong)count;
            }
            return true;
        }
        finally
        {
            _lock.ExitReadLock();
        }
    }

    private bool Refuse()
    {
        Interlocked.Increment(ref _refused);
        return false;
    }

    // Where an address lies here, and how much follows in the same region.
    private byte* Find(ulong address, ulong alignment, bool write, out ulong most)
    {
        most = 0;
        if (!_isBusMaster || (address & (alignment - 1)) != 0)
            return null;
        int place = PlaceOf(address);
        if (place == _regions.Count || _regions[place].Address != address)
            place--;
        if (place < 0)
            return null;
        Region region = _regions[place];
        if (address > region.Last || region.Memory == 0 || !(write ? region.Writeable : region.Readable))
            return null;
        most = region.Last - address + 1;
        return (byte*)region.Memory + (address - region.Address);
    }

    // The first region that begins at an address or behind it.
    private int PlaceOf(ulong address)
    {
        int low = 0, high = _regions.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_regions[middle].Address < address)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    // Without memory: there is something, but it is not shared (ROM).
    private readonly record struct Region(ulong Address, ulong Length, nint Memory, bool Readable, bool Writeable)
    {
        public ulong Last => Address + Length - 1;

        public void Release()
        {
            if (Memory != 0)
                Native.Unmap(Memory, (nuint)Length);
        }
    }
}
