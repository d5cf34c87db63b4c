using System;

namespace Sluice.Devices;

/// <summary>Memory as devices see it: what a bus master's reads and writes reach, by the address that stands in its registers.</summary>
public interface IDeviceMemory
{
    /// <summary>Reads; bytes that nothing answers for are all ones.</summary>
    void Read(ulong address, Span<byte> bytes);

    /// <summary>Writes; bytes that nothing answers for go nowhere.</summary>
    void Write(ulong address, ReadOnlySpan<byte> bytes);
}

/// <summary>An access of a device to what is no memory.</summary>
public readonly record struct DeviceFault(ulong Address, int Bytes, bool IsWrite);

/// <summary>The bus of a device with few address lines: it cannot say the bits above, so they are lost.</summary>
public sealed class NarrowBus(IDeviceMemory memory, int bits) : IDeviceMemory
{
    private readonly ulong _mask = ulong.MaxValue >> (64 - bits);

    public void Read(ulong address, Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int length = UntilWrap(address, bytes.Length);
            memory.Read(address & _mask, bytes[..length]);
            bytes = bytes[length..];
            address += (uint)length;
        }
    }

    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int length = UntilWrap(address, bytes.Length);
            memory.Write(address & _mask, bytes[..length]);
            bytes = bytes[length..];
            address += (uint)length;
        }
    }

    private int UntilWrap(ulong address, int bytes) => (int)Math.Min((ulong)(bytes - 1), _mask - (address & _mask)) + 1;
}
