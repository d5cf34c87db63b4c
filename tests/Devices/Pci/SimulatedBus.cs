using System.Collections.Generic;

namespace Sluice.Devices.Pci;

/// <summary>A bus: up to 32 devices of up to 8 functions.</summary>
public sealed class SimulatedBus
{
    private readonly SimulatedFunction?[] _functions = new SimulatedFunction?[32 * 8];

    private (int Device, int Function, SimulatedFunction Model)[]? _plugged;

    /// <summary>What is plugged in, by device and function.</summary>
    public IReadOnlyList<(int Device, int Function, SimulatedFunction Model)> Functions => _plugged ??= FindPlugged();

    /// <summary>Plugs a function in; a second one makes the device say that it has several.</summary>
    public T Plug<T>(int device, int function, T model) where T : SimulatedFunction
    {
        _functions[device << 3 | function] = model;
        _plugged = null;
        if (function != 0 && At(device, 0) is { } first)
            first.IsMultiFunction = true;
        return model;
    }

    /// <summary>Pulls a function out.</summary>
    public void Pull(int device, int function)
    {
        if (At(device, function) is { } model)
            model.IsGone = true;
        _functions[device << 3 | function] = null;
        _plugged = null;
    }

    public SimulatedFunction? At(int device, int function) => _functions[device << 3 | function];

    private (int Device, int Function, SimulatedFunction Model)[] FindPlugged()
    {
        var plugged = new List<(int, int, SimulatedFunction)>();
        for (int i = 0; i < _functions.Length; i++)
        {
            if (_functions[i] is { } model)
                plugged.Add((i >> 3, i & 7, model));
        }
        return [.. plugged];
    }
}

/// <summary>A bridge with the bus below it. Source: PCI-to-PCI Bridge Architecture Specification 1.2, section 3.2.</summary>
public class SimulatedBridge : SimulatedFunction
{
    public SimulatedBridge(ushort vendor = 0x1B36, ushort device = 0x0001) : base(vendor, device, 0x060400, headerType: 1)
    {
    }

    /// <summary>The bus below.</summary>
    public SimulatedBus Below { get; } = new();

    public byte Secondary => (byte)Get(0x19, 1);

    public byte Subordinate => (byte)Get(0x1A, 1);

    /// <summary>Numbers the buses, as firmware does.</summary>
    public void Number(byte primary, byte secondary, byte subordinate)
    {
        Set(0x18, primary, 1);
        Set(0x19, secondary, 1);
        Set(0x1A, subordinate, 1);
    }
}
