using System;
using System.Collections.Generic;
using Sluice.Platform;

namespace Sluice.Devices.Pci;

/// <summary>
/// A machine's PCI: the root bus, the configuration ports (it is what answers at I/O ports), the configuration memory (ECAM), and
/// what functions decode. Configuration cycles find their bus by the numbers in the bridges, as in hardware.
/// </summary>
public sealed class SimulatedPciHost : ISimulatedRegisters
{
    private const uint AddressPort = 0xCF8, DataPort = 0xCFC;
    private uint _address;

    public SimulatedBus Root { get; } = new();

    public bool HasPorts { get; set; } = true;

    /// <summary>Where the configuration memory of bus 0 is; 0 if there is none.</summary>
    public ulong EcamStart { get; set; }

    /// <summary>Buses that the configuration memory shows; the rest reads as all ones.</summary>
    public int EcamBuses { get; set; } = 256;

    /// <summary>Accesses to configuration space so far.</summary>
    public long Accesses { get; private set; }

    /// <summary>Called before each access to memory space, whoever answers, if anybody does.</summary>
    public Action? Touched { get; set; }

    /// <summary>All functions of all buses.</summary>
    public IEnumerable<SimulatedFunction> AllFunctions => Below(Root);

    /// <summary>Numbers all buses below the root, depth first, as firmware does; returns the highest number.</summary>
    public byte NumberBuses()
    {
        int next = 1;
        NumberBelow(Root, 0, ref next);
        return (byte)(next - 1);
    }

    /// <summary>Who answers to a configuration cycle.</summary>
    public SimulatedFunction? Find(byte bus, int device, int function) => FindBus(Root, 0, bus)?.At(device, function);

    /// <summary>A window into physical memory space, to be mapped.</summary>
    public ISimulatedRegisters Window(ulong start) => new MemoryWindow(this, start);

    /// <summary>Wires all functions' interrupts to a controller.</summary>
    public void ConnectInterrupts(Action<ulong, uint> send, Action<byte, bool> setLine)
    {
        foreach (SimulatedFunction function in AllFunctions)
        {
            function.SendMessage = send;
            function.SetLine = setLine;
        }
    }

    public uint ReadConfiguration(byte bus, int device, int function, int offset, int bytes)
    {
        Accesses++;
        return Find(bus, device, function)?.ReadConfiguration(offset, bytes) ?? uint.MaxValue;
    }

    public void WriteConfiguration(byte bus, int device, int function, int offset, int bytes, uint value)
    {
        Accesses++;
        Find(bus, device, function)?.WriteConfiguration(offset, bytes, value);
    }

    /// <summary>An I/O port is read.</summary>
    ulong ISimulatedRegisters.Read(uint port, int width)
    {
        if (HasPorts && port == AddressPort && width == 4)
            return _address;
        if (HasPorts && port is >= DataPort and < DataPort + 4 && (_address & 1u << 31) != 0)
            return ReadConfiguration((byte)(_address >> 16), (int)(_address >> 11 & 31), (int)(_address >> 8 & 7), (int)(_address & 0xFC | port & 3), width);
        return ulong.MaxValue;
    }

    /// <summary>An I/O port is written.</summary>
    void ISimulatedRegisters.Write(uint port, int width, ulong value)
    {
        if (HasPorts && port == AddressPort && width == 4)
            _address = (uint)value & 0x80FF_FFFC;
        else if (HasPorts && port is >= DataPort and < DataPort + 4 && (_address & 1u << 31) != 0)
            WriteConfiguration((byte)(_address >> 16), (int)(_address >> 11 & 31), (int)(_address >> 8 & 7), (int)(_address & 0xFC | port & 3), width, (uint)value);
    }

    /// <summary>Reads physical memory space: configuration, or whoever decodes the address; all ones if nobody does.</summary>
    public ulong ReadMemory(ulong address, int width)
    {
        Touched?.Invoke();
        if (IsEcam(address, out byte bus, out int device, out int function, out int offset))
            return ReadConfiguration(bus, device, function, offset, width);
        return TryDecode(address, out SimulatedFunction? target, out int bar, out uint at) ? target.Read(bar, at, width) : ulong.MaxValue;
    }

    /// <summary>Writes physical memory space.</summary>
    public void WriteMemory(ulong address, int width, ulong value)
    {
        Touched?.Invoke();
        if (IsEcam(address, out byte bus, out int device, out int function, out int offset))
            WriteConfiguration(bus, device, function, offset, width, (uint)value);
        else if (TryDecode(address, out SimulatedFunction? target, out int bar, out uint at))
            target.Write(bar, at, width, value);
    }

    private static IEnumerable<SimulatedFunction> Below(SimulatedBus bus)
    {
        foreach ((_, _, SimulatedFunction model) in bus.Functions)
        {
            yield return model;
            if (model is not SimulatedBridge bridge)
                continue;
            foreach (SimulatedFunction further in Below(bridge.Below))
                yield return further;
        }
    }

    private static void NumberBelow(SimulatedBus bus, int number, ref int next)
    {
        foreach ((_, _, SimulatedFunction model) in bus.Functions)
        {
            if (model is not SimulatedBridge bridge)
                continue;
            int secondary = next++;
            NumberBelow(bridge.Below, secondary, ref next);
            bridge.Number((byte)number, (byte)secondary, (byte)(next - 1));
        }
    }

    private static SimulatedBus? FindBus(SimulatedBus bus, int number, byte wanted)
    {
        if (number == wanted)
            return bus;
        foreach ((_, _, SimulatedFunction model) in bus.Functions)
        {
            if (model is SimulatedBridge { IsGone: false } bridge && wanted >= bridge.Secondary && wanted <= bridge.Subordinate && bridge.Secondary != 0)
                return FindBus(bridge.Below, bridge.Secondary, wanted);
        }
        return null;
    }

    private bool IsEcam(ulong address, out byte bus, out int device, out int function, out int offset)
    {
        ulong at = address - EcamStart;
        bus = (byte)(at >> 20);
        device = (int)(at >> 15) & 31;
        function = (int)(at >> 12) & 7;
        offset = (int)at & 0xFFF;
        return EcamStart != 0 && at < (ulong)EcamBuses << 20;
    }

    private bool TryDecode(ulong address, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SimulatedFunction? target, out int bar, out uint offset) =>
        TryDecode(Root, address, out target, out bar, out offset);

    private static bool TryDecode(
        SimulatedBus bus, ulong address, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SimulatedFunction? target, out int bar, out uint offset)
    {
        IReadOnlyList<(int Device, int Function, SimulatedFunction Model)> functions = bus.Functions;
        for (int at = 0; at < functions.Count; at++)
        {
            SimulatedFunction function = functions[at].Model;
            for (int i = 0; i < SimulatedFunction.MostBars && function.DecodesMemory; i++)
            {
                if (function.Bars[i] is not { Shape: not BarShape.Ports } extent || address - function.AddressOf(i) >= extent.Bytes)
                    continue;
                target = function;
                bar = i;
                offset = (uint)(address - function.AddressOf(i));
                return true;
            }
            if (function is SimulatedBridge bridge && TryDecode(bridge.Below, address, out target, out bar, out offset))
                return true;
        }
        target = null;
        bar = 0;
        offset = 0;
        return false;
    }

    private sealed class MemoryWindow(SimulatedPciHost host, ulong start) : ISimulatedRegisters
    {
        public ulong Read(uint offset, int width) => host.ReadMemory(start + offset, width);

        public void Write(uint offset, int width, ulong value) => host.WriteMemory(start + offset, width, value);
    }
}
