using System;
using System.Runtime.CompilerServices;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Pci;

/// <summary>The layout of a function's header.</summary>
public enum HeaderKind : byte
{
    Endpoint = 0,
    Bridge = 1,
    CardBus = 2,
}

/// <summary>
/// One function of a device, as found while starting; what drivers get. Once the function is pulled all reads give all ones and
/// writes go nowhere. Numbers from the header are copies: they do not change. Source: PCI Local Bus 3.0, section 6.
/// </summary>
public sealed partial class PciFunction
{
    /// <summary>Most base address registers that a function has.</summary>
    public const int MostBars = 6;

    private const uint AlwaysMapped = 1 << 20;

    private readonly ConfigurationAccess _access;
    private BarList _bars;
    private Mmio[]? _mapped;
    private DmaDevice? _dma;

    private PciFunction(ConfigurationAccess access, PciAddress address, uint ids, uint classAndRevision, byte headerType)
    {
        _access = access;
        Address = address;
        ConfigurationBytes = access.Reach(address);
        VendorId = (ushort)ids;
        DeviceId = (ushort)(ids >> 16);
        Revision = (byte)classAndRevision;
        Class = new PciClass((byte)(classAndRevision >> 24), (byte)(classAndRevision >> 16), (byte)(classAndRevision >> 8));
        Kind = (HeaderKind)(headerType & 0x7F);
        if (Kind == HeaderKind.Endpoint)
        {
            SubsystemVendorId = (ushort)Read(ConfigurationOffsets.SubsystemVendorId, 2);
            SubsystemId = (ushort)Read(ConfigurationOffsets.SubsystemId, 2);
        }
    }

    public PciAddress Address { get; }

    public ushort VendorId { get; }

    public ushort DeviceId { get; }

    public ushort SubsystemVendorId { get; }

    public ushort SubsystemId { get; }

    public byte Revision { get; }

    public PciClass Class { get; }

    public HeaderKind Kind { get; }

    /// <summary>The bridge to the bus that it is on; null on a root's bus.</summary>
    public PciFunction? Bridge { get; internal set; }

    /// <summary>Bytes of configuration space that can be reached: 256, or 4096 through ECAM.</summary>
    public uint ConfigurationBytes { get; }

    internal int BarCount => Kind switch { HeaderKind.Endpoint => MostBars, HeaderKind.Bridge => 2, _ => 1 };

    /// <summary>Its DMA: what it reaches, and all memory that it is given. Bridges have none.</summary>
    public DmaDevice Dma
    {
        get
        {
            Bug.If(_dma == null, "the DMA of a PCI function that has none"u8);
            return _dma;
        }
    }

    /// <summary>Vendor, device and class by name.</summary>
    public PciName Name => new(VendorId, DeviceId, Class);

    /// <summary>The walk over its capabilities, from the first one.</summary>
    public CapabilityWalk Capabilities => new(this);

    /// <summary>The walk over its extended capabilities; empty unless it is reached through ECAM.</summary>
    public ExtendedCapabilityWalk ExtendedCapabilities => new(this);

    /// <summary>What the function may do.</summary>
    public ConfigurationRegister<PciCommand> Command => new(this, ConfigurationOffsets.Command);

    /// <summary>What happened to it, as it stands now.</summary>
    public PciStatus Status => (PciStatus)Read(ConfigurationOffsets.Status, 2);

    /// <summary>Which of its pins interrupts: 1 to 4 for A to D, 0 for none.</summary>
    public byte InterruptPin => (byte)Read(ConfigurationOffsets.InterruptPin, 1);

    /// <summary>The ISA interrupt that firmware connected the pin to; 0 or 255 for none.</summary>
    public byte InterruptLineRegister => (byte)Read(ConfigurationOffsets.InterruptLine, 1);

    /// <summary>Whether it no longer answers: pulled or dead.</summary>
    public bool IsGone => Read(ConfigurationOffsets.VendorId, 2) != VendorId;

    /// <summary>Reads configuration space: 1, 2 or 4 bytes, aligned; all ones if the function is gone or the offset beyond reach.</summary>
    public uint Read(uint offset, uint bytes) => _access.Read(Address, offset, bytes);

    /// <summary>Writes configuration space.</summary>
    public void Write(uint offset, uint bytes, uint value) => _access.Write(Address, offset, bytes, value);

    /// <summary>Its base address registers: 6, or 2 for bridges. One that is not there, or the upper half of another, is empty.</summary>
    public ReadOnlySpan<Bar> Bars => ((ReadOnlySpan<Bar>)_bars).Slice(0, BarCount);

    /// <summary>
    /// Finds the first capability of a kind with that many bytes of it inside the first 256; false if there is none.
    /// </summary>
    public bool TryFind(CapabilityId id, uint bytes, out uint offset)
    {
        CapabilityWalk walk = Capabilities;
        while (walk.TryNext(out CapabilityId found, out offset))
        {
            if (found == id && offset + bytes <= ConfigurationAccess.ConventionalBytes)
                return true;
        }
        return false;
    }

    /// <summary>Finds the first extended capability of a kind, that many bytes long; false if there is none.</summary>
    public bool TryFind(ExtendedCapabilityId id, uint bytes, out uint offset)
    {
        ExtendedCapabilityWalk walk = ExtendedCapabilities;
        while (walk.TryNext(out ExtendedCapabilityId found, out offset))
        {
            if (found == id && offset + bytes <= ConfigurationAccess.ExtendedBytes)
                return true;
        }
        return false;
    }

    /// <summary>
    /// Maps the registers behind a memory BAR, for good: asked again for no more, it gives the same block. False if the BAR is not there,
    /// refused, smaller than asked for, or cannot be mapped. The block is the whole BAR, or the front of one above 1 MiB; never shorter
    /// than <paramref name="minimumBytes"/>. The function decodes it after <see cref="EnableMemory"/>. Not in interrupt handlers.
    /// </summary>
    public bool TryMapBar(int index, uint minimumBytes, out Mmio registers)
    {
        registers = default;
        if ((uint)index >= (uint)BarCount)
            return false;
        Bar bar = _bars[index];
        if (!bar.IsUsable || !bar.IsMemory || bar.Bytes < minimumBytes)
            return false;
        _mapped ??= new Mmio[MostBars];
        if (_mapped[index].Length == 0 || _mapped[index].Length < minimumBytes)
        {
            uint bytes = Math.Max(minimumBytes, (uint)Math.Min(bar.Bytes, AlwaysMapped));
            if (!DeviceMemory.TryMap(bar.Address, bytes, out Mmio mapped))
                return false;
            _mapped[index] = mapped;
        }
        registers = _mapped[index];
        return true;
    }

    /// <summary>
    /// The same for a driver's registers, which begin the BAR: their size is checked here, and not again with each access. False as
    /// <see cref="TryMapBar"/> is.
    /// </summary>
    /// <param name="bytes">Of all the registers that the driver uses.</param>
    public bool TryMapRegisters(int index, uint bytes, out RegisterBlock registers)
    {
        bool mapped = TryMapBar(index, bytes, out Mmio bar);
        registers = mapped ? new RegisterBlock(bar, bytes) : default;
        return mapped;
    }

    /// <summary>Lets the function answer at its memory BARs; one that sleeps is woken, which takes 10 ms.</summary>
    public Error EnableMemory() => EnableBits(PciCommand.MemorySpace);

    /// <summary>Lets the function answer at its memory BARs, and read and write memory itself: DMA and messages.</summary>
    public Error EnableMemoryAndBusMaster() => EnableBits(PciCommand.MemorySpace | PciCommand.BusMaster);

    /// <summary>
    /// Takes from the function the right to read and write memory: no DMA, no messages. What is under way ends first; the read back
    /// waits for that. Nothing to do if it is gone.
    /// </summary>
    public void DisableBusMaster()
    {
        if (IsGone)
            return;
        Command.Change(PciCommand.BusMaster, 0);
        Command.Read();
    }

    /// <summary>Gives it its DMA; once, before its driver starts.</summary>
    public void AttachDma(DmaDevice dma) => _dma = dma;

    internal void SetBar(int index, Bar bar) => _bars[index] = bar;

    /// <summary>
    /// Reads who is at an address. Null if nobody is; <paramref name="isMultiFunction"/> says whether functions 1 to 7 are worth asking.
    /// </summary>
    internal static PciFunction? Read(ConfigurationAccess access, PciAddress address, out bool isMultiFunction)
    {
        isMultiFunction = false;
        uint ids = access.Read(address, ConfigurationOffsets.VendorId, 4);
        // All ones: nobody. Zeros in the vendor: boards that answer for empty slots. Vendor 1: a device that is still starting.
        if ((ushort)ids is 0xFFFF or 0x0000 or 0x0001)
            return null;
        var headerType = (byte)access.Read(address, ConfigurationOffsets.HeaderType, 1);
        isMultiFunction = headerType != 0xFF && (headerType & 0x80) != 0;
        if ((headerType & 0x7F) > (byte)HeaderKind.CardBus)
        {
            Log.Warn($"pci: {address} {(ushort)ids:x4}:{ids >> 16:x4} has an unknown header ({headerType:x2}); skipped");
            return null;
        }
        return new PciFunction(access, address, ids, access.Read(address, ConfigurationOffsets.Revision, 4), headerType);
    }

    private Error EnableBits(PciCommand bits)
    {
        if (IsGone)
            return Error.DeviceGone;
        Wake();
        Command.Change(0, bits);
        PciCommand now = Command.Read();
        if (now == PciCommand.Gone)
            return Error.DeviceGone;
        return (now & bits) == bits ? Error.None : Error.NotSupported;
    }

    [InlineArray(MostBars)]
    private struct BarList
    {
        private Bar _first;
    }
}
