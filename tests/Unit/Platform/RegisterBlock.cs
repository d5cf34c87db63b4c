namespace Sluice.Platform;

/// <summary>The hosted twin of a device's registers: here each access is checked against their size.</summary>
public readonly struct RegisterBlock
{
    private readonly Mmio _block;

    public RegisterBlock(Mmio block, uint bytes) => _block = block.Slice(0, bytes);

    private RegisterBlock(Mmio rest) => _block = rest;

    public RegisterBlock From(uint offset)
    {
        Bug.If(offset > _block.Length, "register access past the block's end"u8);
        return new RegisterBlock(_block.Slice(offset, _block.Length - offset));
    }

    public byte Read8(uint offset) => _block.Read8(offset);
    public ushort Read16(uint offset) => _block.Read16(offset);
    public uint Read32(uint offset) => _block.Read32(offset);
    public void Write8(uint offset, byte value) => _block.Write8(offset, value);
    public void Write32(uint offset, uint value) => _block.Write32(offset, value);
    public void Write64(uint offset, ulong value) => _block.Write64(offset, value);
}
