namespace Sluice.Platform;

/// <summary>The hosted twin of a block of device registers: those of a simulated device, or plain memory.</summary>
public readonly unsafe struct Mmio
{
    private readonly ISimulatedRegisters? _device;
    private readonly byte* _memory;
    private readonly uint _offset;

    public Mmio(byte* mapped, uint length)
    {
        _memory = mapped;
        Length = length;
    }

    public Mmio(ISimulatedRegisters device, uint length, uint offset = 0)
    {
        _device = device;
        _offset = offset;
        Length = length;
    }

    public uint Length { get; }

    public Mmio Slice(uint offset, uint length)
    {
        Bug.If((ulong)offset + length > Length, "register block sliced past its end"u8);
        return _device == null ? new Mmio(_memory + offset, length) : new Mmio(_device, length, _offset + offset);
    }

    public byte Read8(uint offset) => (byte)Read(offset, 1);
    public ushort Read16(uint offset) => (ushort)Read(offset, 2);
    public uint Read32(uint offset) => (uint)Read(offset, 4);
    public ulong Read64(uint offset) => Read(offset, 8);
    public void Write8(uint offset, byte value) => Write(offset, 1, value);
    public void Write16(uint offset, ushort value) => Write(offset, 2, value);
    public void Write32(uint offset, uint value) => Write(offset, 4, value);
    public void Write64(uint offset, ulong value) => Write(offset, 8, value);

    private ulong Read(uint offset, int width)
    {
        Check(offset, width);
        if (_device != null)
            return _device.Read(_offset + offset, width);
        ulong value = 0;
        for (int i = width - 1; i >= 0; i--)
            value = value << 8 | _memory[offset + i];
        return value;
    }

    private void Write(uint offset, int width, ulong value)
    {
        Check(offset, width);
        if (_device != null)
        {
            _device.Write(_offset + offset, width, value);
            return;
        }
        for (int i = 0; i < width; i++)
            _memory[offset + i] = (byte)(value >> (8 * i));
    }

    private void Check(uint offset, int width) =>
        Bug.If((ulong)offset + (uint)width > Length, "register access past the block's end"u8);
}
