using System.Collections.Generic;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;

namespace Sluice.FireWire.Hostile;

/// <summary>What a node tries that wants another's memory, or the bus. Source of the rules: 1394 OHCI 1.1, sections 5.14 and 12.</summary>
internal static class MemoryScripts
{
    private const int Requests = 8, ResetEvery = HostileNode.StepsOfPlay / 20;

    private static readonly int[] _manager = [Csr.BusManagerId, Csr.BandwidthAvailable, Csr.ChannelsHi, Csr.ChannelsLo];

    public static IReadOnlyList<Script> All { get; } =
    [
        new("memory", 24, "reads, writes and locks the first 4 GiB of other nodes without permission") { Step = node => Steal(node, node.NodeId) },
        new("memory-forged", 16, "the same in the name of other buses and of node 63") { Step = node => Steal(node, node.Random.Coin() ? (ushort)0xFFFF : (ushort)node.Random.Below(0xFFC0)) },
        new("memory-reset", 24, "the same in the instant when a bus reset ends")
        {
            AfterReset = node => Steal(node, node.NodeId),
            Step = node =>
            {
                if (node.Random.Below(ResetEvery) == 0)
                    node.Phy.InitiateReset(isLong: false);
            },
        },
        new("registers", 24, "takes all bandwidth and channels, and writes to all registers") { Step = Rob },
    ];

    private static void Steal(HostileNode node, ushort source)
    {
        node.IsThief = true;
        for (int i = 0; i < Requests; i++)
        {
            Tcode[] codes = [Tcode.ReadQuadlet, Tcode.ReadBlock, Tcode.WriteQuadlet, Tcode.WriteBlock, Tcode.Lock];
            Packet packet = node.Request(codes[node.Random.Below(codes.Length)], node.Target());
            packet.Q1 = (uint)source << 16;
            // Mostly the first megabyte, which every computer has.
            packet.Q2 = (uint)node.Random.Next() & (node.Random.Below(4) == 0 ? 0xFFFF_FFFF : 0x000F_FFFC);
            int bytes = 4 << node.Random.Below(7);
            if (packet.Code == Tcode.ReadBlock)
                packet.Q3 = (uint)bytes << 16;
            else if (packet.Code.HasData)
                node.Fill(packet, packet.Code == Tcode.Lock ? 8 : bytes);
            if (packet.Code == Tcode.Lock)
                packet.Q3 = (packet.Q3 & 0xFFFF_0000) | (uint)LockOperation.CompareSwap;
            node.Send(packet);
        }
    }

    private static void Rob(HostileNode node)
    {
        ushort target = node.Target();
        Packet write = node.Request(Tcode.WriteQuadlet, node.Random.Coin() ? target : (ushort)0xFFFF);
        write.Q1 = (write.Q1 & 0xFFFF_0000) | (uint)(Csr.Base >> 32);
        write.Q2 = unchecked((uint)Csr.Base) | (uint)(node.Random.Below(Csr.Rom / 4) * 4);
        node.Send(write);
        int register = _manager[node.Random.Below(_manager.Length)];
        node.TryRead(target, Csr.Base + (ulong)register, 4, (outcome, data) =>
        {
            if (outcome != Outcome.Complete)
                return;
            byte[] swap = new byte[8];
            data.CopyTo(swap);
            if (register == Csr.BusManagerId)
                swap[7] = (byte)node.Phy.PhysicalId;
            node.TryLock(target, Csr.Base + (ulong)register, LockOperation.CompareSwap, swap, (_, _) => { });
        });
    }
}
