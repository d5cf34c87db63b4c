using System;
using System.Collections.Generic;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;

namespace Sluice.FireWire.Hostile;

/// <summary>Configuration ROMs that lie, and nodes that will not show theirs. Source of the rules: IEEE 1212-2001, section 7.</summary>
internal static class RomScripts
{
    private const int Root = 5, MostQuadlets = ConfigurationRom.MostBytes / 4, SlowSteps = 60;
    private const uint Leaf = 0x8100_0000, Directory = 0xD100_0000;

    public static IReadOnlyList<Script> All { get; } =
    [
        Show("rom-loop", "directories that contain themselves or what is before them", rom => Loop(rom, 0), rom => Loop(rom, 1)),
        Show("rom-length", "blocks that are longer than the ROM, and entries that point behind it", Lengthen),
        Show("rom-crc", "wrong checks", rom => rom[0] ^= 1, rom => rom[Root] ^= 1),
        Show("rom-short", "a bus information block of no, one and 255 quadlets", rom => rom[0] = 0, rom => rom[0] = 0x0101_0000, rom => rom[0] = 0xFFFF_0000),
        new("rom-random", 9, "shows quadlets by chance") { NeedsReset = true, Receive = (node, packet) => Change(node, packet, first: 0) },
        new("rom-changes", 9, "shows another root directory with each read") { NeedsReset = true, Receive = (node, packet) => Change(node, packet, Root) },
        new("rom-slow", 9, "answers reads of its ROM late") { NeedsReset = true, Receive = AnswerLate },
        new("rom-busy", 9, "is busy when its ROM is read") { NeedsReset = true, Receive = (_, packet) => IsRom(packet) ? Ack.BusyX : null },
        new("rom-errors", 9, "answers reads of its ROM with errors, different ones") { NeedsReset = true, Receive = AnswerErrors },
    ];

    private static Script Show(string name, string help, params Action<uint[]>[] changes) => new(name, 9, "shows " + help)
    {
        NeedsReset = true,
        Begin = node => Rewrite(node, changes),
        // The one that it shows is another after each bus reset.
        AfterReset = node => Rewrite(node, changes),
        Step = node =>
        {
            if (node.Random.Below(HostileNode.StepsOfPlay / 3) == 0)
                node.Phy.InitiateReset(isLong: false);
        },
    };

    private static void Rewrite(HostileNode node, Action<uint[]>[] changes)
    {
        uint[] rom = node.CopyRom();
        changes[node.Random.Below(changes.Length)](rom);
        node.ShowRom(rom);
    }

    // The last entry of the root is the unit's directory: it becomes the root, counted backwards, or itself.
    private static void Loop(uint[] rom, int kind)
    {
        int last = Root + (int)(rom[Root] >> 16);
        rom[last] = Directory | (kind == 0 ? (uint)(Root - last) & 0xFF_FFFF : 0);
        rom[last - 1] = Leaf;
        Sign(rom, Root);
    }

    private static void Lengthen(uint[] rom)
    {
        int last = Root + (int)(rom[Root] >> 16);
        rom[last] = Directory | 0xFF_FFFF;
        rom[last - 1] = Leaf | (MostQuadlets - (uint)last - 1);
        Sign(rom, Root);
        rom[Root] |= 0xFFFF_0000;
    }

    private static void Sign(uint[] rom, int block) => rom[block] = (rom[block] & 0xFFFF_0000) | Crc.Rom(rom.AsSpan(block + 1, (int)(rom[block] >> 16)));

    private static Ack? Change(HostileNode node, Packet packet, int first)
    {
        if (!IsRom(packet))
            return null;
        uint[] rom = node.CopyRom();
        for (int i = first; i < rom.Length; i++)
            rom[i] = (uint)node.Random.Next();
        node.ShowRom(rom);
        return null;
    }

    private static Ack? AnswerLate(HostileNode node, Packet packet)
    {
        if (!IsRom(packet))
            return null;
        Packet response = node.Response(packet);
        response.Q3 = packet.Code == Tcode.ReadQuadlet ? node.Rom.Span[(int)(packet.Offset - Csr.Base - Csr.Rom) / 4 % node.Rom.Length] : response.Q3;
        node.SendLater(response, 1 + node.Random.Below(SlowSteps));
        return Ack.Pending;
    }

    private static Ack? AnswerErrors(HostileNode node, Packet packet)
    {
        if (!IsRom(packet))
            return null;
        Ack[] acks = [Ack.DataError, Ack.TypeError, Ack.AddressError, Ack.ConflictError, Ack.Tardy, Ack.Complete, Ack.Pending];
        Ack ack = acks[node.Random.Below(acks.Length)];
        if (ack == Ack.Pending)
        {
            Packet response = node.Response(packet);
            response.DataBytes = 0;
            response.Q1 |= (uint)(1 + node.Random.Below(15)) << 12;
            node.Send(response);
        }
        return ack;
    }

    private static bool IsRom(Packet packet) => packet.Code.IsRequest && packet.Offset is >= Csr.Base + Csr.Rom and < Csr.Base + Csr.RomEnd;
}
