using Sluice.FireWire.Core;

namespace Sluice.Drivers.Ip1394;

/// <summary>What says in our ROM that we take part in IPv4. Source: RFC 2734, section 8.</summary>
public sealed class Ip1394Unit : IRomUnit
{
    /// <summary>IANA, and version 1 of what it specifies; also in the headers of packets to all.</summary>
    public const uint Specifier = 0x00_005E, Version = 1;

    /// <inheritdoc/>
    public int Entries => 4;

    /// <inheritdoc/>
    public void Write(ref RomWriter writer, ref RomDirectory directory)
    {
        writer.Value(ref directory, RomKey.Specifier, Specifier);
        writer.Text(ref directory, "IANA"u8);
        writer.Value(ref directory, RomKey.Version, Version);
        writer.Text(ref directory, "IPv4"u8);
    }
}
