using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Acpi;

/// <summary>A register that firmware names, ready to be used even in the last moments: nothing is left to be mapped.</summary>
internal readonly struct FirmwareRegister
{
    private readonly GenericAddress _address;
    private readonly Mmio _memory;
    private readonly ConfigurationAccess? _configuration;

    private FirmwareRegister(GenericAddress address, uint bytes, Mmio memory, ConfigurationAccess? configuration)
    {
        _address = address;
        Bytes = bytes;
        _memory = memory;
        _configuration = configuration;
    }

    /// <summary>How wide its accesses are; 0 for the default, which does nothing and reads as 0.</summary>
    public uint Bytes { get; }

    public bool IsPresent => Bytes != 0;

    /// <summary>
    /// Makes a register of 1, 2 or 4 bytes usable. False if there is none, its space is unknown, or it cannot be reached.
    /// Not in interrupt handlers.
    /// </summary>
    public static bool TryOpen(GenericAddress address, uint bytes, ConfigurationAccess? configuration, out FirmwareRegister register)
    {
        Mmio memory = default;
        bool open = address.Space switch
        {
            RegisterSpace.Ports => address.IsPort,
            RegisterSpace.Memory => address.IsPresent && address.Address < 1UL << 52 &&
                DeviceMemory.TryMap(new PhysAddr(address.Address), bytes, out memory),
            RegisterSpace.PciConfiguration => configuration != null && (Offset(address) & (bytes - 1)) == 0,
            _ => false,
        };
        register = open ? new FirmwareRegister(address, bytes, memory, configuration) : default;
        return open;
    }

    /// <summary>Reads it.</summary>
    public uint Read()
    {
        if (!IsPresent)
            return 0;
        var port = (ushort)_address.Address;
        return _address.Space switch
        {
            RegisterSpace.Memory => Bytes switch { 1 => _memory.Read8(0), 2 => _memory.Read16(0), _ => _memory.Read32(0) },
            RegisterSpace.Ports => Bytes switch { 1 => PortIo.In8(port), 2 => PortIo.In16(port), _ => PortIo.In32(port) },
            _ => _configuration!.Read(Function(_address), Offset(_address), Bytes),
        };
    }

    /// <summary>Writes it.</summary>
    public void Write(uint value)
    {
        if (!IsPresent)
            return;
        switch (_address.Space)
        {
            case RegisterSpace.Memory:
                WriteMemory(value);
                break;
            case RegisterSpace.Ports:
                WritePort((ushort)_address.Address, value);
                break;
            default:
                _configuration!.Write(Function(_address), Offset(_address), Bytes, value);
                break;
        }
    }

    private void WriteMemory(uint value)
    {
        if (Bytes == 1)
            _memory.Write8(0, (byte)value);
        else if (Bytes == 2)
            _memory.Write16(0, (ushort)value);
        else
            _memory.Write32(0, value);
    }

    private void WritePort(ushort port, uint value)
    {
        if (Bytes == 1)
            PortIo.Out8(port, (byte)value);
        else if (Bytes == 2)
            PortIo.Out16(port, (ushort)value);
        else
            PortIo.Out32(port, value);
    }

    // Bits 47:32 device, 31:16 function, 15:0 offset; always bus 0 of segment 0.
    private static PciAddress Function(GenericAddress address) =>
        new(0, 0, (int)(address.Address >> 32) & 31, (int)(address.Address >> 16) & 7);

    private static uint Offset(GenericAddress address) => (uint)address.Address & 0xFFFF;
}
