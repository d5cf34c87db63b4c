using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>
/// A part of one device's registers as another device reaches it: an address, no bytes; never bounced, never cached.
/// <see cref="DmaDevice.Free(ref PeerRegisters)"/> ends it. Do not copy it.
/// </summary>
[NonCopyable]
public unsafe struct PeerRegisters
{
    internal Mapping* Mapping;

    /// <summary>Whether it holds nothing.</summary>
    public readonly bool IsEmpty => Mapping == null;

    /// <summary>What to tell the device that reaches over.</summary>
    public readonly DmaAddr Address => new(Mapping->Address);

    /// <summary>Bytes from there on.</summary>
    public readonly uint Length => Mapping->Room;
}

public sealed unsafe partial class DmaDevice
{
    /// <summary>
    /// Lets this device reach registers. The caller has checked that there are registers and nothing else:
    /// <c>PciFunction.TryMapForPeer</c> is what drivers use. Any context but interrupt handlers.
    /// </summary>
    /// <returns>
    /// <see cref="Error.TooLarge"/> for no bytes, <see cref="Error.NotSupported"/> if an address is above the streaming mask,
    /// <see cref="Error.NoResources"/> if records ran out.
    /// </returns>
    internal Error TryMapRegisters(PhysAddr start, uint bytes, out PeerRegisters registers)
    {
        registers = default;
        if (bytes == 0)
            return Error.TooLarge;
        // Registers in a bounce slot would be memory.
        if (start.Value > StreamingMask || bytes - 1 > StreamingMask - start.Value)
            return Error.NotSupported;
        Mapping* mapping = _system.Table.TryTake();
        if (mapping == null)
            return Error.NoResources;
        *mapping = new Mapping
        {
            Kind = new MappingKind(MappingKind.SharedWord(DmaFamily.Mmio)),
            Room = bytes,
            Memory = start.Value,
            Address = start.Value,
            Device = _direct->Device,
            Path = _direct->Path,
            Cache = Mm.CacheMode.Uncached,
            Since = Cpu.Timestamp(),
        };
        registers.Mapping = mapping;
        return Error.None;
    }

    /// <summary>Ends the mapping and empties the handle. The device must no longer use the address. Any context but interrupt handlers.</summary>
    [NotInInterrupt]
    public static void Free(ref PeerRegisters registers)
    {
        Mapping* mapping = registers.Mapping;
        registers = default;
        if (mapping->Side != Side.Shared || mapping->Kind.PlainFamily != DmaFamily.Mmio)
            Misuse.StaleHandle(mapping);
        mapping->Device.Target._system.Table.Give(mapping);
    }
}
