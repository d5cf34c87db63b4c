using Sluice.Pci;

namespace Sluice.Drivers;

/// <summary>Which functions a driver is for.</summary>
public readonly struct DeviceMatch
{
    private readonly uint _vendor, _device, _class, _mask;

    private DeviceMatch(uint vendor, uint device, uint pciClass, uint mask)
    {
        _vendor = vendor;
        _device = device;
        _class = pciClass;
        _mask = mask;
    }

    /// <summary>One model.</summary>
    public static DeviceMatch Id(ushort vendor, ushort device) => new(vendor, device, 0, 0);

    /// <summary>Whatever says that it speaks a standard's register interface: class, subclass and programming interface.</summary>
    public static DeviceMatch Interface(byte baseClass, byte subclass, byte programming) =>
        new(0, 0, (uint)(baseClass << 16 | subclass << 8 | programming), 0xFF_FFFF);

    /// <summary>Whether a function is meant. Only endpoints are.</summary>
    public bool Fits(PciFunction function)
    {
        if (function.Kind != HeaderKind.Endpoint)
            return false;
        if (_mask != 0)
            return ((uint)function.Class.GetHashCode() & _mask) == _class;
        return function.VendorId == _vendor && function.DeviceId == _device;
    }
}
