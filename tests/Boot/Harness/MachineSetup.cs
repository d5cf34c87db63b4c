using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Sluice.Tests.Boot.Harness;

/// <summary>The firmware that a machine starts with.</summary>
public enum Firmware
{
    /// <summary>SeaBIOS: the old PC way.</summary>
    SeaBios,

    /// <summary>OVMF: UEFI.</summary>
    Ovmf,
}

/// <summary>What the ISO is put on.</summary>
public enum Medium
{
    /// <summary>A CD drive.</summary>
    Cd,

    /// <summary>A USB stick on an xHCI controller.</summary>
    Usb,
}

/// <summary>A virtual machine to boot: everything that the tests vary, with the values of the plainest one.</summary>
public sealed record MachineSetup
{
    /// <summary>SeaBIOS or OVMF.</summary>
    public Firmware Firmware { get; init; } = Firmware.SeaBios;

    /// <summary>CD or USB stick.</summary>
    public Medium Medium { get; init; } = Medium.Cd;

    /// <summary>QEMU's machine type with its options, such as <c>q35</c> or <c>pc,acpi=off</c>.</summary>
    public string Type { get; init; } = "q35";

    /// <summary>RAM in MiB; it costs what the guest touches.</summary>
    public int MemoryMiB { get; init; } = 512;

    /// <summary>Whether other processes may be given the RAM: for devices that are one.</summary>
    public bool SharesMemory { get; init; }

    /// <summary>QEMU's CPU model with its flags.</summary>
    public string Cpu { get; init; } = "qemu64";

    /// <summary>Boot arguments, given by fw_cfg; empty leaves the item out.</summary>
    public string Arguments { get; init; } = "";

    /// <summary>More words for QEMU's command line.</summary>
    public IReadOnlyList<string> More { get; init; } = [];

    /// <summary>A program, with its words, that becomes QEMU: what enters a namespace.</summary>
    public IReadOnlyList<string> Wrapper { get; init; } = [];

    /// <summary>False takes COM1 away.</summary>
    public bool Serial { get; init; } = true;

    /// <summary>False takes the debug console away: the results come from COM2, to the same file.</summary>
    public bool DebugConsole { get; init; } = true;

    /// <summary>False leaves it without a results channel of either kind.</summary>
    public bool ResultsChannel { get; init; } = true;

    /// <summary>False takes the device away by which the kernel ends QEMU with a status: then a panic stays on the screen.</summary>
    public bool ExitDevice { get; init; } = true;

    /// <summary>True counts instructions: the guest's time is the same on every run.</summary>
    public bool CountInstructions { get; init; }

    /// <summary>False lets the guest reset; true makes QEMU exit instead.</summary>
    public bool NoReboot { get; init; } = true;

    /// <summary>True makes QEMU wait for gdb, at out/gdb.sock, before the first instruction: as make debug does.</summary>
    public bool WaitForDebugger { get; init; }

    /// <summary>How long it may live in all. Far above what a loaded machine needs: it only ends what hangs.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The image to boot.</summary>
    public string Iso { get; init; } = ProjectTree.In("iso", "sluice.iso");

    /// <summary>Short and fit for a file name: <c>seabios-cd-q35-512M-qemu64</c>.</summary>
    public string ShortName
    {
        get
        {
            string name = $"{Firmware}-{Medium}-{Type}-{MemoryMiB}M-{Cpu}".ToLowerInvariant().Replace("m-", "M-");
            foreach (char odd in ",=+ /") name = name.Replace(odd, '_');
            return name;
        }
    }

    /// <summary>RAM that takes nothing from the host until it is touched: a guest may have more than the host.</summary>
    public static string LazyMemory(string id, int mebibytes) => $"memory-backend-ram,id={id},size={mebibytes}M,reserve=off,prealloc=off";

    /// <summary>QEMU's command line for it, with what the harness listens to in <paramref name="folder"/>.</summary>
    internal List<string> CommandLine(string folder, string controlSocket)
    {
        List<string> line =
        [
            "-nodefaults", "-no-user-config", "-display", "none", "-vga", "std",
            "-name", ShortName,
            "-machine", Type, "-cpu", Cpu, "-m", $"{MemoryMiB}M",
            .. More.Contains("-numa") ? (string[])[] : ["-object", SharesMemory ? $"memory-backend-memfd,id=ram,size={MemoryMiB}M,share=on" : LazyMemory("ram", MemoryMiB), "-machine", "memory-backend=ram"],
            "-accel", "tcg,thread=single",
            "-qmp", $"unix:{controlSocket},server=off",
        ];
        if (Firmware == Firmware.Ovmf)
            line.AddRange(["-drive", $"if=pflash,unit=0,format=raw,readonly=on,file={Qemu.OvmfCode}",
                           "-drive", $"if=pflash,unit=1,format=raw,snapshot=on,file={Qemu.OvmfVariables}"]);
        line.AddRange(Medium == Medium.Cd
            ? ["-drive", $"if=none,id=medium,media=cdrom,format=raw,readonly=on,file={Iso}", "-device", "ide-cd,drive=medium,bootindex=0"]
            : ["-drive", $"if=none,id=medium,format=raw,readonly=on,file={Iso}", "-device", "qemu-xhci,id=usb", "-device", "usb-storage,bus=usb.0,drive=medium,bootindex=0,removable=on"]);
        if (ExitDevice) line.AddRange(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]);
        if (Serial)
            line.AddRange(["-chardev", $"stdio,id=console,signal=off,logfile={Path.Combine(folder, "console.log")}", "-serial", "chardev:console"]);
        if (ResultsChannel)
            line.AddRange(["-chardev", $"file,id=results,path={Path.Combine(folder, "results.ktap")}",
                           "-device", DebugConsole ? "isa-debugcon,iobase=0xe9,chardev=results" : "isa-serial,index=1,chardev=results"]);
        if (Arguments.Length != 0) line.AddRange(["-fw_cfg", $"name=opt/org.sluice/args,string={Arguments.Replace(",", ",,")}"]);
        if (CountInstructions) line.AddRange(["-icount", "shift=0,sleep=off"]);
        if (NoReboot) line.Add("-no-reboot");
        // From the machine's folder, as the whole path may be too long for a socket.
        if (WaitForDebugger) line.AddRange(["-S", "-chardev", "socket,id=gdb,path=../../gdb.sock,server=on,wait=off", "-gdb", "chardev:gdb"]);
        line.AddRange(More);
        return line;
    }
}
