using System;
using Sluice.Pci;

namespace Sluice.Shell;

/// <summary>What people call the capabilities of PCI functions; nothing for one without a name here.</summary>
internal static class CapabilityNames
{
    public static ReadOnlySpan<byte> Of(CapabilityId id) => id switch
    {
        CapabilityId.PowerManagement => "power management"u8,
        CapabilityId.Agp => "AGP"u8,
        CapabilityId.VitalProductData => "vital product data"u8,
        CapabilityId.SlotId => "slot identification"u8,
        CapabilityId.Msi => "MSI"u8,
        CapabilityId.HotSwap => "CompactPCI hot swap"u8,
        CapabilityId.PciX => "PCI-X"u8,
        CapabilityId.HyperTransport => "HyperTransport"u8,
        CapabilityId.Vendor => "vendor's own"u8,
        CapabilityId.DebugPort => "debug port"u8,
        CapabilityId.HotPlug => "hot plug"u8,
        CapabilityId.BridgeSubsystem => "bridge subsystem"u8,
        CapabilityId.PciExpress => "PCI Express"u8,
        CapabilityId.MsiX => "MSI-X"u8,
        CapabilityId.Sata => "SATA registers"u8,
        CapabilityId.AdvancedFeatures => "advanced features"u8,
        _ => default,
    };

    public static ReadOnlySpan<byte> Of(ExtendedCapabilityId id) => id switch
    {
        ExtendedCapabilityId.AdvancedErrors => "advanced error reporting"u8,
        ExtendedCapabilityId.VirtualChannel => "virtual channels"u8,
        ExtendedCapabilityId.SerialNumber => "device serial number"u8,
        ExtendedCapabilityId.PowerBudgeting => "power budgeting"u8,
        ExtendedCapabilityId.Vendor => "vendor's own"u8,
        ExtendedCapabilityId.AccessControl => "access control"u8,
        ExtendedCapabilityId.AlternativeRouting => "alternative routing ids"u8,
        ExtendedCapabilityId.AddressTranslation => "address translation"u8,
        ExtendedCapabilityId.SingleRootVirtualization => "single root virtualisation"u8,
        ExtendedCapabilityId.ResizableBar => "resizable BARs"u8,
        ExtendedCapabilityId.LatencyTolerance => "latency tolerance"u8,
        ExtendedCapabilityId.SecondaryExpress => "secondary PCI Express"u8,
        ExtendedCapabilityId.PowerSubstates => "L1 power substates"u8,
        _ => default,
    };
}
