using System;
using System.Numerics;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>What happened to a device's mappings.</summary>
public struct DmaCounters
{
    /// <summary>Requests refused because no bounce slots were left.</summary>
    public ulong BounceFull;

    /// <summary>Mappings that took slots, and the bytes in them.</summary>
    public ulong Bounced, BouncedBytes;

    /// <summary>Buffers taken back of which the device claimed to have written more than it was given.</summary>
    public ulong Overlong;

    /// <summary>Allocations that failed for want of memory that the device reaches.</summary>
    public ulong NoMemory;
}

/// <summary>
/// The DMA of one device function: what it can reach, and all the memory that it is given. Drivers see only this; which path a mapping
/// takes is chosen here.
/// </summary>
public sealed unsafe partial class DmaDevice
{
    private const int LowestBits = 24;

    private readonly DmaSystem _system;
    private readonly byte[] _name;
    private byte[] _driver = [];
    private readonly bool _forceBounce;
    private readonly Mapping* _direct;
    private readonly Mapping** _ready;
    private readonly PageAllocator _pages;
    private uint _minAlignment = 1, _maxSegmentBytes = 64 << 10;
    private Zone _zone = Zone.Dma32;
    private ulong _segmentBoundary = 1UL << 32;

    internal DmaCounters Counters;

    internal DmaDevice(DmaSystem system, ReadOnlySpan<byte> name, Mapping* direct, bool forceBounce)
    {
        _system = system;
        _name = new byte[name.Length];
        name.CopyTo(_name);
        _forceBounce = forceBounce;
        _direct = direct;
        _ready = system.Ready;
        _pages = system.Memory.Pages;
        *direct = new Mapping
        {
            Device = new StableReference<DmaDevice>(this),
            Path = new StableReference<DmaPath>(system.Direct),
        };
        StreamingMask = CoherentMask = uint.MaxValue;
        SetFastWay();
    }

    internal DmaSystem System => _system;

    /// <summary>The frames that it shares with all network devices.</summary>
    public FramePool Frames => _system.Frames;

    /// <summary>Its name: the PCI address.</summary>
    public ReadOnlySpan<byte> Name => _name;

    /// <summary>Who drives the device: the name in the driver table; empty before a probe. For reports.</summary>
    public ReadOnlySpan<byte> Driver => _driver;

    /// <summary>Says who drives the device from now on. The bytes are copied; only while the kernel starts.</summary>
    public void Attach(ReadOnlySpan<byte> driver)
    {
        _driver = new byte[driver.Length];
        driver.CopyTo(_driver);
    }

    /// <summary>
    /// The driver has let go of the device, which must be silent: what it did not release is reported by the checker, if that is on, and
    /// stays as it is, as the device may still reach it. Any context but interrupt handlers.
    /// </summary>
    /// <returns>Buffers that were not released and have a record: all with the checker on.</returns>
    public uint Close()
    {
        _system.Checker?.Sweep();
        return _system.Checker?.ReportLeaks(0, this) ?? 0;
    }

    /// <summary>On whose behalf its memory is held; nobody's until its driver sets the masks, as tags are few and functions many.</summary>
    public OwnerTag Owner { get; private set; }

    /// <summary>The highest address that mappings may have; 32 bits until the driver says otherwise.</summary>
    public ulong StreamingMask { get; private set; }

    /// <summary>The highest address of memory allocated for the device.</summary>
    public ulong CoherentMask { get; private set; }

    /// <summary>The mask that would reach all memory of this machine without bouncing.</summary>
    public ulong RequiredMask => ulong.MaxValue >> BitOperations.LeadingZeroCount(_system.HighestRam);

    /// <summary>Whether the checker looks for misuse.</summary>
    public bool IsChecked => _system.Checker != null;

    /// <summary>Whether all mappings are forced through bounce slots.</summary>
    public bool IsForcedToBounce => _forceBounce;

    /// <summary>Whether some memory of the machine is out of the device's reach, so that mappings may be bounced.</summary>
    public bool MayBounce => _forceBounce || StreamingMask < _system.HighestRam;

    /// <summary>Bytes of the longest mapping that is sure to be possible in one piece.</summary>
    public uint LargestMapping => Math.Min(MayBounce ? BounceArea.MostBytes : int.MaxValue, _maxSegmentBytes);

    /// <summary>Bytes up to which a mapping is cheapest: longer ones cost more a byte, or may not be had.</summary>
    public uint OptimalMapping => MayBounce ? BounceArea.SlotBytes : LargestMapping;

    /// <summary>Bounced buffers keep the address bits below this power of two; at most 256 KiB. 1 for no demand.</summary>
    public uint MinAlignment
    {
        get => _minAlignment;
        set
        {
            Bug.If(!BitOperations.IsPow2(value) || value > 256 << 10, "a DMA alignment that is no power of two up to 256 KiB"u8);
            _minAlignment = value;
            SetFastWay();
        }
    }

    /// <summary>Bytes of the longest piece that the device takes with one address; 64 KiB unless the driver knows better.</summary>
    public uint MaxSegmentBytes
    {
        get => _maxSegmentBytes;
        set
        {
            Bug.If(value == 0, "DMA segments of no size"u8);
            _maxSegmentBytes = value;
            SetFastWay();
        }
    }

    /// <summary>No piece crosses a multiple of this power of two; 4 GiB unless the driver knows better.</summary>
    public ulong SegmentBoundary
    {
        get => _segmentBoundary;
        set
        {
            Bug.If(!BitOperations.IsPow2(value), "a DMA boundary that is no power of two"u8);
            _segmentBoundary = value;
            SetFastWay();
        }
    }

    /// <summary>Whether device and CPU see each other's writes without hand-overs doing anything about caches.</summary>
    public bool IsCoherent => CacheLines.AreCoherent;

    /// <summary>What happened so far.</summary>
    public DmaCounters Statistics => Counters;

    /// <summary>
    /// Says how many address bits the device has: 24 to 64, for mappings and for memory allocated for it. Before the first of either.
    /// </summary>
    /// <returns><see cref="Error.NotSupported"/>, and nothing is changed, if that cannot work: fewer bits, or no memory there.</returns>
    public Error TrySetMasks(int streamingBits, int coherentBits)
    {
        if (streamingBits is < LowestBits or > 64 || coherentBits is < LowestBits or > 64)
            return Error.NotSupported;
        if (Owner.Id == 0)
            Owner = OwnerTag.Register(_name);
        ulong streaming = ulong.MaxValue >> (64 - streamingBits), coherent = ulong.MaxValue >> (64 - coherentBits);
        // One page now is the promise of some later.
        if (!_system.Memory.TryTake(0, Math.Min(streaming, coherent), Owner, out PageRun probe))
            return Error.NotSupported;
        _system.Memory.Give(ref probe);
        StreamingMask = streaming;
        CoherentMask = coherent;
        _zone = DmaMemory.Highest(coherent);
        if (MayBounce && !_system.Pool.TryPrepare(streaming))
            Log.Warn($"dma: {Name}: no memory for bounce slots below {streaming:x} yet");
        SetFastWay();
        return Error.None;
    }
}
