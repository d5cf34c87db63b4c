using System;
using System.Runtime;
using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>Tables that are made while building and lie in the kernel's image. (The hosted twin reads them from files.)</summary>
public static unsafe class EmbeddedData
{
    /// <summary>Names of PCI vendors, devices and classes, in the format of Kernel/Pci/PciNameTable.cs.</summary>
    public static ReadOnlySpan<byte> PciNames
    {
        get
        {
            int bytes;
            byte* start = FindPciNames(&bytes);
            return new ReadOnlySpan<byte>(start, bytes);
        }
    }

    [RuntimeImport("pci_names"), MethodImpl(MethodImplOptions.InternalCall)] private static extern byte* FindPciNames(int* bytes);
}
