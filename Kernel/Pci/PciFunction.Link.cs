using System;

namespace Sluice.Pci;

/// <summary>A link's power saving states that hardware enters by itself. Source: PCI Express 6.0, section 7.5.3.7 (link control).</summary>
[Flags]
public enum LinkControl : ushort
{
    L0s = 1 << 0,
    L1 = 1 << 1,
}

public sealed partial class PciFunction
{
    private const uint LinkControlOffset = 0x10, LinkControlEnd = 0x12;

    /// <summary>
    /// Keeps the function's PCI Express link from L0s and L1: at the function, then at the port above, as both ends must agree. Nothing to
    /// do for a function that has no link.
    /// </summary>
    public void DisableLinkStates()
    {
        DisableOwnLinkStates();
        Bridge?.DisableOwnLinkStates();
    }

    private void DisableOwnLinkStates()
    {
        if (TryFind(CapabilityId.PciExpress, LinkControlEnd, out uint offset))
            new ConfigurationRegister<LinkControl>(this, offset + LinkControlOffset).Change(LinkControl.L0s | LinkControl.L1, 0);
    }
}
