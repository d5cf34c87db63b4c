using System;

namespace Sluice.Acpi;

/// <summary>Which node a CPU or a range of memory is near to. Source: ACPI 6.5, section 5.2.16.</summary>
internal readonly struct Affinity
{
    public uint Node { get; init; }

    /// <summary>Whether <see cref="Start"/> and <see cref="Bytes"/> count, else <see cref="ApicId"/>.</summary>
    public bool IsMemory { get; init; }

    public uint ApicId { get; init; }

    public PhysAddr Start { get; init; }

    public ulong Bytes { get; init; }
}

/// <summary>The nodes of a machine whose memory is not equally near to all CPUs. Source: ACPI 6.5, section 5.2.16.</summary>
internal readonly ref struct Srat(ReadOnlySpan<byte> table)
{
    private const int FirstEntry = 48;
    private const byte LocalApic = 0, Memory = 1, LocalX2Apic = 2;
    private readonly TableBytes _table = new(table);

    /// <summary>Walks over the entries that are in use; start with 0. False at the end, or where an entry is malformed.</summary>
    public bool TryNext(ref int position, out Affinity affinity)
    {
        affinity = default;
        while (Subtables.TryNext(_table, FirstEntry, ref position, out byte kind, out TableBytes entry))
        {
            const uint enabled = 1;
            switch (kind)
            {
                case LocalApic when entry.Length >= 16 && (entry.U32(4) & enabled) != 0:
                    uint node = entry.U8(2) | (entry.U32(8) & 0xFFFF_FF00);
                    affinity = new Affinity { ApicId = entry.U8(3), Node = node };
                    return true;
                case Memory when entry.Length >= 40 && (entry.U32(28) & enabled) != 0:
                    affinity = new Affinity
                    {
                        IsMemory = true,
                        Node = entry.U32(2),
                        Start = new PhysAddr(entry.U64(8)),
                        Bytes = entry.U64(16),
                    };
                    return true;
                case LocalX2Apic when entry.Length >= 24 && (entry.U32(12) & enabled) != 0:
                    affinity = new Affinity { ApicId = entry.U32(8), Node = entry.U32(4) };
                    return true;
            }
        }
        return false;
    }
}
