using System;
using Sluice.Pci;

namespace Sluice.Drivers;

/// <summary>All drivers, and what they drive.</summary>
public static unsafe class DriverTable
{
    private static Driver[] _drivers = [];
    private static int _count;

    /// <summary>One line a driver; the first that fits a function and accepts it has it.</summary>
    private static void Each(ref Offer offer)
    {
        offer.To("edu"u8, DeviceMatch.Id(0x1234, 0x11E8), &Edu.Edu.Probe);
        foreach (ushort device in E1000e.E1000e.Devices)
            offer.To("e1000e"u8, DeviceMatch.Id(E1000e.E1000e.Vendor, device), &E1000e.E1000e.Probe);
        foreach (ushort device in I8255x.I8255x.Devices)
            offer.To("i8255x"u8, DeviceMatch.Id(I8255x.I8255x.Vendor, device), &I8255x.I8255x.Probe);
        offer.To("ohci1394"u8, DeviceMatch.Interface(0x0C, 0x00, 0x10), &Ohci.Ohci.Probe);
    }

    /// <summary>Drivers at work.</summary>
    public static ReadOnlySpan<Driver> Drivers => new(_drivers, 0, _count);

    /// <summary>
    /// Offers all functions to the drivers. A function whose probe fails is left without bus mastering and interrupts, with a line in
    /// the log. Once, when interrupts work.
    /// </summary>
    public static void Start(ReadOnlySpan<PciFunction> functions)
    {
        _drivers = new Driver[functions.Length];
        _count = 0;
        foreach (PciFunction function in functions)
        {
            Offer offer = new(function);
            Each(ref offer);
            if (offer.Taken is { } driver)
                _drivers[_count++] = driver;
        }
    }

    /// <summary>The driver of a function; null if it has none.</summary>
    public static Driver? Of(PciFunction function)
    {
        foreach (Driver driver in Drivers)
        {
            if (driver.Function == function)
                return driver;
        }
        return null;
    }

    /// <summary>
    /// Makes all devices silent, before the machine is restarted or switched off: drivers stop theirs, then every endpoint loses
    /// its interrupt and the right to write memory, also those that firmware left running.
    /// </summary>
    public static void Quiesce(ReadOnlySpan<PciFunction> functions)
    {
        foreach (Driver driver in Drivers)
            driver.Quiesce();
        _count = 0;
        foreach (PciFunction function in functions)
        {
            // Bridges only pass on what is below them; the screen's device may be read by people until the end, and it needs no DMA.
            if (function.Kind != HeaderKind.Endpoint)
                continue;
            function.DisableInterrupt();
            function.DisableBusMaster();
        }
    }

    // One function on its way along the table.
    private ref struct Offer(PciFunction function)
    {
        public Driver? Taken { get; private set; }

        public void To(ReadOnlySpan<byte> name, DeviceMatch match, delegate*<PciFunction, out Driver?, Error> probe)
        {
            if (Taken != null || !match.Fits(function))
                return;
            function.Dma.Attach(name);
            Error error = probe(function, out Driver? driver);
            if (error == Error.None && driver != null)
            {
                Taken = driver;
                Log.Info($"{name}: {function.Address} {function.Name}");
                return;
            }
            function.DisableInterrupt();
            function.DisableBusMaster();
            function.Dma.Close();
            Log.Warn($"{name}: {function.Address} not driven: {error.Text}");
        }
    }
}
