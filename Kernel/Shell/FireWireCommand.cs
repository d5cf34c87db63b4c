using System;
using Sluice.Boot;
using Sluice.Console;
using Sluice.FireWire.Core;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Shell;

/// <summary>FireWire: the bus as a tree, its counters, a reset; FireWireAccess.cs has what goes to a node.</summary>
internal static class FireWireCommand
{
    // Vendor and model from a node's ROM, as far as a line has room.
    private const int MostName = 24;

    public static bool Run(CommandWords words)
    {
        if (FireWireStart.Cards.Length == 0)
        {
            Terminal.WriteLine($"  no FireWire controller");
            return true;
        }
        if (!words.TryNext(out ReadOnlySpan<byte> what))
        {
            foreach (FireWireCard card in FireWireStart.Cards)
                Draw(card);
            return true;
        }
        if (!TryRun(what, words))
            WriteHelp();
        return true;
    }

    private static bool TryRun(ReadOnlySpan<byte> what, CommandWords words)
    {
        if (what.SequenceEqual("stat"u8))
            return Statistics(words);
        if (what.SequenceEqual("reset"u8))
            return Reset(words);
        if (what.SequenceEqual("root"u8))
            return MakeRoot(words);
        if (what.SequenceEqual("disk"u8))
            return FireWireDisk.Run(words);
        if (what.SequenceEqual("offer"u8))
            return FireWireOffer.Run(words);
        if (what.SequenceEqual("test"u8))
            return FireWireExercise.Run(words);
        if (what.SequenceEqual("camera"u8))
            return FireWireCamera.Run(words);
        return FireWireAccess.Run(what, words);
    }

    private static void WriteHelp()
    {
        Terminal.WriteLine($"  fw                              the bus as a tree: nodes, speeds, GUIDs, vendors and models");
        Terminal.WriteLine($"  fw stat                         counters, and who may reach our memory");
        Terminal.WriteLine($"  fw reset [short | long]         resets the bus");
        Terminal.WriteLine($"  fw root NODE                    has a node be root after a short reset");
        Terminal.WriteLine($"  fw disk                         disks on the bus");
        Terminal.WriteLine($"  fw disk read [DISK [MEBIBYTES [FROM]]] reads one, from its beginning or as many MiB behind: rate and SHA-256");
        Terminal.WriteLine($"  fw camera [@NODE] [FRAMES [MODE [RATE]]] shows frames of a camera or DV device; MODE of Format_0 and 1.875 * 2^RATE a second are for cameras");
        Terminal.WriteLine($"  fw read NODE ADDRESS [BYTES]    reads a node's space; 4 bytes, 4096 at most");
        Terminal.WriteLine($"  fw write NODE ADDRESS VALUE     writes 4 bytes there");
        Terminal.WriteLine($"  fw lock NODE ADDRESS OLD NEW    changes 4 bytes if they are OLD");
        Terminal.WriteLine($"  fw offer [off]                  offers 64 KiB at {FireWireOffer.Start:x} to all nodes, to be read, written and locked");
        Terminal.WriteLine($"  fw test NODE [ADDRESS [COUNT]]  so many reads, writes and locks of 64 KiB there, compared; what was there is lost");
    }

    private static bool Statistics(CommandWords words)
    {
        if (words.TryNext(out _))
            return false;
        foreach (FireWireCard card in FireWireStart.Cards)
            FireWireStatistics.Write(card);
        return true;
    }

    private static bool Reset(CommandWords words)
    {
        bool isLong = words.TryNext(out ReadOnlySpan<byte> kind) && kind.SequenceEqual("long"u8);
        if ((!kind.IsEmpty && !isLong && !kind.SequenceEqual("short"u8)) || words.TryNext(out _))
            return false;
        foreach (FireWireCard card in FireWireStart.Cards)
        {
            Error error = card.Controller.Reset(isLong);
            if (error != Error.None)
                Terminal.WriteLine($"  {card.Controller.Function.Address}: {error.Text}");
        }
        return true;
    }

    private static bool MakeRoot(CommandWords words)
    {
        if (!words.TryNext(out ReadOnlySpan<byte> word) || !NumberParse.TryParse(word, out ulong node) || node >= Topology.MostNodes || words.TryNext(out _))
            return false;
        Error error = FireWireStart.Cards[0].Bus.MakeRoot((int)node);
        if (error != Error.None)
            Terminal.WriteLine($"  {error.Text}");
        return true;
    }

    private static void Draw(FireWireCard card)
    {
        FireWireBus bus = card.Bus;
        Topology tree = bus.Topology;
        Terminal.Write($"  \e[1m{card.Controller.Name} {card.Controller.Function.Address}\e[0m {new GuidText(card.Controller.Guid)}, ");
        if (!card.Controller.IsRunning)
        {
            Terminal.WriteLine($"given up; the log says why");
            return;
        }
        if (!bus.IsUp)
        {
            Terminal.WriteLine($"no bus: {(bus.Counters.BadTopologies != 0 ? "the last self-IDs were no tree"u8 : "it is being reset"u8)}");
            return;
        }
        Terminal.Write($"generation {bus.Generation}, {tree.Count} {(tree.Count == 1 ? "node"u8 : "nodes"u8)}, ");
        if (tree.GapCount >= 0)
            Terminal.WriteLine($"gap count {tree.GapCount}");
        else
            Terminal.WriteLine($"gap counts differ");
        DrawNode(card, tree.Root, 0, 0);
    }

    // Depth first; a bit of bars for each level that goes on below.
    private static void DrawNode(FireWireCard card, int node, int depth, ulong bars)
    {
        Topology tree = card.Bus.Topology;
        Terminal.Write("  "u8);
        bool isLast = tree[node].NextSibling == Topology.Nobody;
        for (int level = 1; level < depth; level++)
            Terminal.Write((bars >> level & 1) != 0 ? "│  "u8 : "   "u8);
        if (depth != 0)
            Terminal.Write(isLast ? "└─ "u8 : "├─ "u8);
        WriteNode(card, node);
        ulong below = isLast ? bars & ~(1ul << depth) : bars | 1ul << depth;
        for (int child = tree[node].FirstChild; child != Topology.Nobody; child = tree[child].NextSibling)
            DrawNode(card, child, depth + 1, below);
    }

    private static void WriteNode(FireWireCard card, int node)
    {
        Topology tree = card.Bus.Topology;
        SelfId self = tree[node].Self;
        Terminal.Write($"\e[1m{node}\e[0m S{100 << (int)self.Speed}");
        if (node == tree.Local)
            Terminal.Write(" us"u8);
        else if (!self.IsLinkActive)
            Terminal.Write(" no link"u8);
        else if (card.Nodes.ImageOf(node) is { } rom)
            WriteRom(rom);
        else
            Terminal.Write($" {NameOf(card.Nodes.StateOf(node))}");
        if (node == tree.Root)
            Terminal.Write(", root"u8);
        if (node == tree.ResourceManager)
            Terminal.Write(", resource manager"u8);
        if (node == card.Manager.ManagerId)
            Terminal.Write(", bus manager"u8);
        if ((card.Controller.OpenNodes >> node & 1) != 0)
            Terminal.Write(", \e[1;91mmay read and write our memory\e[0m"u8);
        Terminal.WriteLine($"");
    }

    private static void WriteRom(RomImage rom)
    {
        Span<byte> vendor = stackalloc byte[MostName], model = stackalloc byte[MostName];
        vendor = vendor.Slice(0, rom.TextOf(rom.Root, RomKey.Vendor, vendor));
        model = model.Slice(0, rom.TextOf(rom.Root, RomKey.Model, model));
        Terminal.Write($" {new GuidText(rom.Guid)}");
        if (vendor.Length != 0)
            Terminal.Write($" {(ReadOnlySpan<byte>)vendor}");
        else if (rom.TryFind(rom.Root, RomKey.Vendor, out uint number))
            Terminal.Write($" vendor {number:x6}");
        if (model.Length != 0)
            Terminal.Write($" {(ReadOnlySpan<byte>)model}");
        if (rom.Faults != RomFaults.None)
            Terminal.Write(" (ROM with faults)"u8);
    }

    private static ReadOnlySpan<byte> NameOf(NodeState state) => state switch
    {
        NodeState.Pending => "is being asked who it is"u8,
        NodeState.Minimal => "has a minimal ROM"u8,
        NodeState.Unreadable => "ROM cannot be read"u8,
        NodeState.Duplicate => "has another's GUID"u8,
        _ => "is not there"u8,
    };
}

/// <summary>An EUI-64 as text.</summary>
internal readonly struct GuidText(ulong guid) : IUtf8Formattable
{
    public void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format) => writer.Append(guid, "x16");
}
