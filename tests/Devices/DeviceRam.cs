using System;
using System.Collections.Generic;

namespace Sluice.Devices;

/// <summary>
/// RAM as devices see it where caches are coherent: the very bytes that the CPU sees. Accesses to anything else are noted.
/// </summary>
public unsafe class DeviceRam : IDeviceMemory
{
    private readonly (ulong Start, ulong Bytes)[] _ranges;
    private readonly byte* _base;

    /// <param name="start">Where the CPU sees address 0.</param>
    /// <param name="ranges">What is RAM: start and length of each range.</param>
    public DeviceRam(byte* start, params (ulong Start, ulong Bytes)[] ranges)
    {
        _base = start;
        _ranges = ranges;
    }

    /// <summary>Accesses to what is no RAM, in order.</summary>
    public List<DeviceFault> Faults { get; } = [];

    public void Read(ulong address, Span<byte> bytes)
    {
        if (IsRam(address, bytes.Length, isWrite: false))
            ReadRam(address, bytes);
        else
            bytes.Fill(0xFF);
    }

    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (IsRam(address, bytes.Length, isWrite: true))
            WriteRam(address, bytes);
    }

    protected virtual void ReadRam(ulong address, Span<byte> bytes) => new Span<byte>(_base + address, bytes.Length).CopyTo(bytes);

    protected virtual void WriteRam(ulong address, ReadOnlySpan<byte> bytes) => bytes.CopyTo(new Span<byte>(_base + address, bytes.Length));

    // An access that touches anything else fails as a whole, as one burst does.
    private bool IsRam(ulong address, int bytes, bool isWrite)
    {
        foreach ((ulong start, ulong length) in _ranges)
        {
            if (address - start < length && (ulong)bytes <= length - (address - start))
                return true;
        }
        if (bytes != 0)
            Faults.Add(new DeviceFault(address, bytes, isWrite));
        return bytes == 0;
    }
}
