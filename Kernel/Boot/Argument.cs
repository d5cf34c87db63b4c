using System;

namespace Sluice.Boot;

/// <summary>The kernel's boot arguments, in the order in which the shell lists them.</summary>
internal enum Argument : byte
{
    Test,
    Bench,
    After,
    Panic,
    Log,
    Poison,
    Dma,
    Net,
    Syslog,
    FireWireRemoteDma,
    Serial,
    Screen,
    Scale,
    Keyboard,
    Apic,
}

/// <summary>What follows tests and measurements.</summary>
internal enum After : byte
{
    Shell,
    Exit,
    PowerOff,
    Reboot,
}

/// <summary>What goes to the serial port.</summary>
internal enum SerialUse : byte
{
    Plain,
    Colour,
    Off,
}

/// <summary>What an argument's value may be.</summary>
internal enum ArgumentKind : byte
{
    /// <summary>On or off; on if there is no value.</summary>
    Flag,

    /// <summary>A whole number, decimal or 0x..., in a range.</summary>
    Number,

    /// <summary>One of some words; as a number: which one, from 0.</summary>
    Choice,

    /// <summary>Anything.</summary>
    Text,
}

/// <summary>One line of the table of arguments.</summary>
internal readonly ref struct ArgumentInfo
{
    /// <summary>How it is written on the command line.</summary>
    public ReadOnlySpan<byte> Name { get; private init; }

    /// <summary>What it does.</summary>
    public ReadOnlySpan<byte> Help { get; private init; }

    /// <summary>For a choice: its words, separated by <c>|</c>.</summary>
    public ReadOnlySpan<byte> Words { get; private init; }

    /// <summary>For a text: what it is when named without a value; empty if it must have one.</summary>
    public ReadOnlySpan<byte> Bare { get; private init; }

    public ArgumentKind Kind { get; private init; }

    /// <summary>The number when it is not given: of a flag 0 or 1, of a choice the word's.</summary>
    public ulong Default { get; private init; }

    /// <summary>Lowest and highest number allowed.</summary>
    public (ulong Low, ulong High) Range { get; private init; }

    /// <summary>The table.</summary>
    public static ArgumentInfo Of(Argument argument) => argument switch
    {
        Argument.Test => Text("test"u8, "*"u8, "run the self-tests that fit a pattern (SUITE or SUITE/CASE, * and ?)"u8),
        Argument.Bench => Text("bench"u8, "*"u8, "run the measurements that fit a pattern"u8),
        Argument.After => Choice("after"u8, "shell|exit|poweroff|reboot"u8, 0, "what follows them; exit ends QEMU with their status"u8),
        Argument.Panic => Text("panic"u8, default, "cause a panic of that kind (the shell's command panic lists them)"u8),
        Argument.Log => Choice("log"u8, "debug|info|warn"u8, 1, "lowest level of the log that the console shows"u8),
        Argument.Poison => Flag("poison"u8, false, "fill freed pages and check them when they are handed out again"u8),
        Argument.Dma => Text("dma"u8, default, "of bounce (all devices), bounce:PCI-ADDRESS (one), pool:BYTES (limit of bounce slots; K, M), frames:any (also above 4 GiB), check (look for misuse; also fills freed pages)"u8),
        Argument.Net => Text("net"u8, default, "of dhcp, none, ADDRESS/BITS, gateway:ADDRESS, vlan:ID; a card's PCI address before them: that card alone"u8),
        Argument.Syslog => Text("syslog"u8, default, "ADDRESS[:PORT]: send the log and the results of tests there, by UDP"u8),
        Argument.FireWireRemoteDma => Flag("firewire.remote_dma"u8, false, "let every FireWire node read and write all memory: for debuggers, never otherwise"u8),
        Argument.Serial => Choice("serial"u8, "plain|colour|off"u8, 0, "the console on COM1; colour for a terminal that shows colours"u8),
        Argument.Screen => Flag("screen"u8, true, "the console on the screen"u8),
        Argument.Scale => Number("scale"u8, 0, 0, 8, "size of the screen's letters; 0 chooses by the screen's width"u8),
        Argument.Keyboard => Flag("keyboard"u8, true, "look for a PS/2 keyboard"u8),
        Argument.Apic => Choice("apic"u8, "auto|memory|msr"u8, 0, "how the local APIC is reached: xAPIC in memory, x2APIC by MSR"u8),
        _ => default,
    };

    /// <summary>How many there are.</summary>
    public const int Count = (int)Argument.Apic + 1;

    /// <summary>A word of a choice; empty if there are not so many.</summary>
    public ReadOnlySpan<byte> Word(ulong index)
    {
        ReadOnlySpan<byte> rest = Words;
        while (true)
        {
            int end = 0;
            while (end < rest.Length && rest[end] != '|')
                end++;
            if (index-- == 0)
                return rest.Slice(0, end);
            if (end == rest.Length)
                return default;
            rest = rest.Slice(end + 1);
        }
    }

    private static ArgumentInfo Flag(ReadOnlySpan<byte> name, bool set, ReadOnlySpan<byte> help) =>
        new() { Name = name, Kind = ArgumentKind.Flag, Words = "off|on"u8, Default = set ? 1u : 0, Help = help };

    private static ArgumentInfo Number(ReadOnlySpan<byte> name, ulong set, ulong low, ulong high, ReadOnlySpan<byte> help) =>
        new() { Name = name, Kind = ArgumentKind.Number, Default = set, Range = (low, high), Help = help };

    private static ArgumentInfo Choice(ReadOnlySpan<byte> name, ReadOnlySpan<byte> words, ulong set, ReadOnlySpan<byte> help) =>
        new() { Name = name, Kind = ArgumentKind.Choice, Words = words, Default = set, Help = help };

    private static ArgumentInfo Text(ReadOnlySpan<byte> name, ReadOnlySpan<byte> bare, ReadOnlySpan<byte> help) =>
        new() { Name = name, Kind = ArgumentKind.Text, Bare = bare, Help = help };
}
