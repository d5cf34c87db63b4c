using System;
using System.Runtime;
using System.Runtime.CompilerServices;
using Sluice.Acpi;
using Sluice.Arch;
using Sluice.Boot;
using Sluice.Console;
using Sluice.Drivers;
using Sluice.Pci;
using Sluice.Platform;
using Sluice.Runtime;
using Sluice.Shell;

namespace Sluice;

/// <summary>The kernel's table of contents: what starts, in which order.</summary>
internal static unsafe class Kernel
{
    [RuntimeExport("kernel_main")]
    private static void Main(uint bootInformation, ulong timestamp)
    {
        FirstObjects.Feed();                                // memory for objects, inside of the image
        Startup.Initialize();                               // types, strings, static fields of reference type
        Clock.SetStart(timestamp);                          // time stamps of the log count from the kernel's entry
        Terminal.Initialize();                              // serial port
        BootInformation.Read(BootInformation.At(new PhysAddr(bootInformation)));
        ReadOnlySpan<byte> missing = CpuFeatures.Detect();  // what this CPU can do
        if (!missing.IsEmpty)
            CannotStart($"this CPU lacks {missing}");
        PerCpu.Load(0);                                     // the CPU's number
        Segments.Load();                                    // segments, and stacks for the worst faults
        InterruptTable.Load();                              // from here on a fault ends in a report
        FirmwareConfig.MayBeThere = CpuFeatures.IsVirtual;  // QEMU's way to hand us arguments
        BootArguments.Read(BootInformation.CommandLine);    // what the user wants
        SystemMemory.Initialize();                          // memory map, address space, page allocator
        ScreenStart.Initialize();                           // the boot loader's framebuffer as a console
        Firmware.Initialize();                              // ACPI tables
        Results.Initialize();                               // the channel for test results
        InterruptSystem.Start(Firmware.InterruptTopology, Firmware.TimerPort);  // interrupts, clock, timers
        Firmware.FindPciDevices();                          // PCI functions
        DmaStart.Initialize();                              // memory for devices
        FireWireStart.Prepare();                            // who may reach memory over FireWire: nobody
        DriverTable.Start(PciBus.Functions);                // who drives what
        FireWireStart.Initialize();                         // who is on the FireWire buses
        NetworkStart.Initialize();                          // IPv4 on the cards and buses; addresses come later
        InputStart.Initialize();                            // keyboard and serial port as input
        Unattended.Run();                                   // tests and measurements that the boot arguments ask for
        CommandLoop.Run();                                  // the shell
    }

    /// <summary>Says in one line why this machine will not do, and halts.</summary>
    internal static void CannotStart(scoped in Utf8Message why)
    {
        ScreenStart.InitializeEarly();
        Terminal.WriteHeadline($"Sluice cannot start: {why.Text}");
        CpuRegisters.HaltForever();
    }
}

/// <summary>Memory for the first objects, until the page allocator has some; part of the image's zeroed data.</summary>
internal static unsafe class FirstObjects
{
    private const int Bytes = 256 * 1024;

    private static Block _block;

    public static void Feed() => ObjectHeap.Feed(Unsafe.AsPointer(ref _block), Bytes);

    [InlineArray(Bytes / 8)]
    private struct Block
    {
        private ulong _first;
    }
}
