namespace Sluice.Pci;

/// <summary>A way to configuration spaces. Any context; accesses of 1, 2 or 4 bytes, aligned to their size.</summary>
public abstract class ConfigurationAccess
{
    /// <summary>Bytes of a function's space in conventional PCI.</summary>
    public const uint ConventionalBytes = 256;

    /// <summary>Bytes of a function's space in PCI Express.</summary>
    public const uint ExtendedBytes = 4096;

    /// <summary>Bytes that this way reaches of a function's space: 0, 256 or 4096.</summary>
    public abstract uint Reach(PciAddress function);

    /// <summary>Reads; all ones where nobody answers or the way does not reach.</summary>
    public uint Read(PciAddress function, uint offset, uint bytes)
    {
        Bug.If(bytes is not (1 or 2 or 4) || (offset & (bytes - 1)) != 0, "misaligned access to a configuration space"u8);
        uint value = offset < Reach(function) ? ReadReached(function, offset, bytes) : uint.MaxValue;
        return bytes == 4 ? value : value & (1U << (int)(8 * bytes)) - 1;
    }

    /// <summary>Writes; nothing happens where nobody answers or the way does not reach.</summary>
    public void Write(PciAddress function, uint offset, uint bytes, uint value)
    {
        Bug.If(bytes is not (1 or 2 or 4) || (offset & (bytes - 1)) != 0, "misaligned access to a configuration space"u8);
        if (offset < Reach(function))
            WriteReached(function, offset, bytes, value);
    }

    protected abstract uint ReadReached(PciAddress function, uint offset, uint bytes);

    protected abstract void WriteReached(PciAddress function, uint offset, uint bytes, uint value);
}
