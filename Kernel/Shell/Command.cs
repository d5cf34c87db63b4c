using System;

namespace Sluice.Shell;

/// <summary>One line of the table of commands.</summary>
internal readonly unsafe ref struct Command(
    ReadOnlySpan<byte> name, ReadOnlySpan<byte> arguments, ReadOnlySpan<byte> help, delegate*<CommandWords, bool> run)
{
    private readonly delegate*<CommandWords, bool> _run = run;

    /// <summary>What is typed.</summary>
    public ReadOnlySpan<byte> Name { get; } = name;

    /// <summary>What may follow, as help shows it.</summary>
    public ReadOnlySpan<byte> Arguments { get; } = arguments;

    /// <summary>What it does, in a few words.</summary>
    public ReadOnlySpan<byte> Help { get; } = help;

    /// <summary>Runs it with the words behind its name; false if it cannot make sense of them.</summary>
    public bool Run(CommandWords words) => _run(words);
}

/// <summary>The shell's commands.</summary>
internal static unsafe class Commands
{
    /// <summary>How many there are.</summary>
    public const int Count = 20;

    /// <summary>The table; the order is help's order.</summary>
    public static Command At(int index) => index switch
    {
        0 => new("help"u8, "[COMMAND | arguments]"u8, "commands, one of them, or the boot arguments"u8, &HelpCommand.Run),
        1 => new("mem"u8, "[map | slab]"u8, "memory: zones, orders, owners; a map; small objects"u8, &MemCommand.Run),
        2 => new("pci"u8, "[BB:DD.F]"u8, "PCI functions: all, or one in detail"u8, &PciReport.Run),
        3 => new("irq"u8, default, "interrupts: vectors, lines, handlers, counts"u8, &IrqCommand.Run),
        4 => new("dma"u8, "[mark | leak]"u8, "devices' memory: masks, mappings, bounce slots; what was not given back"u8, &DmaCommand.Run),
        5 => new("net"u8, default, "network: cards, links, addresses, leases, sockets, counters"u8, &NetCommand.Run),
        6 => new("ping"u8, "HOST [COUNT] [SIZE | FROM-TO]"u8, "ICMP echoes to an IPv4 address, every byte compared"u8, &PingCommand.Run),
        7 => new("tftp"u8, "HOST FILE"u8, "fetches a file; its size, SHA-256 and rate"u8, &TftpCommand.Run),
        8 => new("udpecho"u8, "PORT"u8, "sends UDP datagrams back where they came from; again: no more"u8, &UdpEchoCommand.Run),
        9 => new("pcap"u8, "on | off"u8, "records packets on the results channel (iso/pcap.sh makes a file)"u8, &PcapCommand.Run),
        10 => new("fw"u8, "[WHAT ...]"u8, "FireWire: the bus as a tree; fw help: disks, other nodes, resets, counters"u8, &FireWireCommand.Run),
        11 => new("cpu"u8, default, "the CPU, its clock, how long the kernel is up"u8, &CpuCommand.Run),
        12 => new("log"u8, "[debug | info | warn]"u8, "what the kernel logged, from a level up"u8, &LogCommand.Run),
        13 => new("test"u8, "[PATTERN]"u8, "self-tests: all, or SUITE or SUITE/CASE, * and ?"u8, &TestCommand.Run),
        14 => new("bench"u8, "[PATTERN]"u8, "measurements: all, or those that fit"u8, &BenchCommand.Run),
        15 => new("panic"u8, "[KIND]"u8, "stops the kernel on purpose; alone: the kinds"u8, &PanicCommand.Run),
        16 => new("colours"u8, default, "the terminal's colours and characters"u8, &ColoursCommand.Run),
        17 => new("clear"u8, default, "an empty screen"u8, &ClearCommand.Run),
        18 => new("reboot"u8, default, "starts the machine again"u8, &PowerCommands.Reboot),
        19 => new("poweroff"u8, default, "switches the machine off"u8, &PowerCommands.PowerOff),
        _ => default,
    };

    /// <summary>A command by its name.</summary>
    public static bool TryFind(ReadOnlySpan<byte> name, out Command command)
    {
        for (int i = 0; i < Count; i++)
        {
            command = At(i);
            if (command.Name.SequenceEqual(name))
                return true;
        }
        command = default;
        return false;
    }
}
