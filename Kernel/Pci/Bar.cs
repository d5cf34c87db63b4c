namespace Sluice.Pci;

/// <summary>What a base address register decodes.</summary>
public enum BarKind : byte
{
    /// <summary>Not implemented, or the upper half of the one before.</summary>
    None,
    Ports,
    Memory32,
    Memory64,
}

/// <summary>Why a base address register may not be used.</summary>
public enum BarFault : byte
{
    None,

    /// <summary>Firmware gave it no address.</summary>
    Unassigned,

    /// <summary>The bits that can be written are no size, or the type is reserved.</summary>
    Malformed,

    /// <summary>Its address is no multiple of its size, or runs past the end of the address space.</summary>
    Misplaced,

    /// <summary>It lies over memory.</summary>
    OverlapsMemory,

    /// <summary>It lies over configuration space or an interrupt controller.</summary>
    OverlapsPlatform,

    /// <summary>It lies over that of another function, or another one of this.</summary>
    OverlapsBar,

    /// <summary>Not looked at: sizing a host bridge would hide memory for a moment.</summary>
    NotSized,
}

/// <summary>A base address register: what firmware put in and how much it decodes. Source: PCI Local Bus 3.0, section 6.2.5.1.</summary>
public readonly struct Bar
{
    private const uint PortFlag = 1, TypeMask = 6, Type64 = 4, TypeReserved = 6, PrefetchableFlag = 8;
    private const ulong SmallestMemory = 16, SmallestPorts = 4;

    private Bar(BarKind kind, bool prefetchable, ulong address, ulong bytes, BarFault fault)
    {
        Kind = kind;
        IsPrefetchable = prefetchable;
        Address = new PhysAddr(address);
        Bytes = bytes;
        Fault = fault;
    }

    public BarKind Kind { get; }

    /// <summary>Reads have no side effects, writes may be merged.</summary>
    public bool IsPrefetchable { get; }

    /// <summary>Where it is, or the first port.</summary>
    public PhysAddr Address { get; }

    /// <summary>How much it decodes; 0 if <see cref="Fault"/> says that this is not known.</summary>
    public ulong Bytes { get; }

    public BarFault Fault { get; }

    /// <summary>Whether it decodes something, sound or not.</summary>
    public bool IsPresent => Kind != BarKind.None;

    public bool IsMemory => Kind is BarKind.Memory32 or BarKind.Memory64;

    /// <summary>Whether a driver may use it.</summary>
    public bool IsUsable => IsPresent && Fault == BarFault.None;

    /// <summary>Whether the register before it in the header says that the next one is its upper half.</summary>
    public static bool Is64(uint low) => (low & PortFlag) == 0 && (low & TypeMask) == Type64;

    /// <summary>The same, not to be used.</summary>
    public Bar Refuse(BarFault fault) => new(Kind, IsPrefetchable, Address.Value, Bytes, fault);

    /// <summary>A memory or port register of a host bridge: shown, not sized.</summary>
    public static Bar Unsized(uint low, uint high) => low == 0 ? default : Decode(low, high, 0, 0).Refuse(BarFault.NotSized);

    /// <summary>
    /// Makes sense of a register.
    /// </summary>
    /// <param name="low">What it holds.</param>
    /// <param name="high">What the next one holds; counts for 64-bit ones.</param>
    /// <param name="lowMask">What it reads as after all ones were written; 0 if it is not implemented.</param>
    /// <param name="highMask">The same of the next one.</param>
    public static Bar Decode(uint low, uint high, uint lowMask, uint highMask)
    {
        uint flags = lowMask != 0 ? lowMask : low;
        if ((flags & PortFlag) != 0)
        {
            // The upper 16 bits may be wired to 0: x86 has no ports there.
            uint portMask = lowMask & ~3U;
            if (portMask != 0 && portMask >> 16 == 0)
                portMask |= 0xFFFF_0000;
            return Check(BarKind.Ports, false, low & ~3U, 0xFFFF_FFFF_0000_0000 | portMask, SmallestPorts, 1UL << 16);
        }
        bool prefetchable = (flags & PrefetchableFlag) != 0;
        switch (flags & TypeMask)
        {
            case TypeReserved:
                return new Bar(BarKind.Memory32, prefetchable, low & ~15U, 0, BarFault.Malformed);
            case Type64:
                return Check(BarKind.Memory64, prefetchable, (ulong)high << 32 | low & ~15U, (ulong)highMask << 32 | lowMask & ~15U,
                    SmallestMemory, 1UL << 52);
            default:
                if (lowMask == 0 && low == 0)
                    return default;
                return Check(BarKind.Memory32, prefetchable, low & ~15U, 0xFFFF_FFFF_0000_0000 | lowMask & ~15U, SmallestMemory, 1UL << 32);
        }
    }

    // The mask must be ones above, zeros below: then its lowest one is the size.
    private static Bar Check(BarKind kind, bool prefetchable, ulong address, ulong mask, ulong smallest, ulong end)
    {
        ulong bytes = mask & ~mask + 1;
        if (bytes < smallest || mask != ~(bytes - 1) || bytes >= end)
            return new Bar(kind, prefetchable, address, 0, BarFault.Malformed);
        BarFault fault = BarFault.None;
        if (address == 0)
            fault = BarFault.Unassigned;
        else if ((address & (bytes - 1)) != 0 || address > end - bytes)
            fault = BarFault.Misplaced;
        return new Bar(kind, prefetchable, address, bytes, fault);
    }
}
