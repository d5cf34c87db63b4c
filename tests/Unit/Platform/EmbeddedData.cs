using System;
using System.IO;

namespace Sluice.Platform;

/// <summary>The hosted twin: the same tables, from files beside the tests.</summary>
public static class EmbeddedData
{
    private static readonly byte[] _pciNames = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "pci-names.bin"));

    public static ReadOnlySpan<byte> PciNames => _pciNames;
}
