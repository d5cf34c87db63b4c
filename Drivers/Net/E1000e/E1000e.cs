using System;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Drivers.E1000e;

/// <summary>
/// Intel's 82574L, and the cards of its family inside later chipsets. Source: Intel 82574 GbE Controller Family Datasheet, revision 3.4.
/// A packet's way: E1000e.Receive.cs, E1000e.Transmit.cs; what surrounds it: start, interrupts, link, filters, the watchdog.
/// </summary>
public sealed unsafe partial class E1000e : Driver, INetworkDevice
{
    /// <summary>Bytes of an Ethernet header, and of a VLAN tag behind the addresses.</summary>
    private const uint HeaderBytes = 14, TagBytes = 4;

    // The datasheet's longest packet is 9,018 bytes with the frame check sequence.
    private const uint LongestJumbo = 9014, LongestPlain = 1514;

    private readonly E1000eRegisters _registers;
    private readonly Model _model;
    private readonly DmaDevice _dma;
    private readonly FramePool _frames;
    private readonly byte[] _deviceName;
    private readonly uint _longestSent;
    private FramePass _pass;
    private NetworkCounters _counters;
    private MacAddress _address;

    private E1000e(PciFunction function, E1000eRegisters registers) : base(function)
    {
        _registers = registers;
        _model = Model.Of(function.DeviceId);
        _longestSent = LongestFrame - ShortestSent;
        _dma = function.Dma;
        _frames = function.Dma.Frames;
        Utf8Message name = $"e1000e {function.Address}";
        _deviceName = new byte[name.Text.Length];
        name.Text.CopyTo(_deviceName);
        _watchdog = new Watchdog(this);
    }

    /// <summary>Intel, as a PCI vendor.</summary>
    public const ushort Vendor = 0x8086;

    /// <summary>Devices that it drives: 82574L and LA; I217; I218; I219.</summary>
    public static ReadOnlySpan<ushort> Devices =>
    [
        0x10D3, 0x10F6,
        0x153A, 0x153B,
        0x155A, 0x1559, 0x15A0, 0x15A1, 0x15A2, 0x15A3,
        0x156F, 0x1570, 0x15B7, 0x15B8,
    ];

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Name => "e1000e"u8;

    /// <inheritdoc/>
    ReadOnlySpan<byte> INetworkDevice.Name => _deviceName;

    /// <inheritdoc/>
    public MacAddress Address => _address;

    /// <inheritdoc/>
    public ulong Guid => 0;

    /// <inheritdoc/>
    public uint LongestFrame => _model.LongestFrame;

    /// <inheritdoc/>
    public NetworkFeatures Features => NetworkFeatures.InsertsChecksums | NetworkFeatures.VerifiesChecksums | NetworkFeatures.Vlan;

    /// <inheritdoc/>
    public NetworkCounters Counters
    {
        get
        {
            CollectStatistics();
            return _counters;
        }
    }

    /// <summary>Resets the card and claims it; on an error it is left quiet and without the right to read and write memory.</summary>
    public static Error Probe(PciFunction pci, out Driver? driver)
    {
        driver = null;
        if (!pci.TryMapRegisters(0, E1000eRegisters.Bytes, out RegisterBlock bar))
            return Error.NotSupported;
        var card = new E1000e(pci, new E1000eRegisters(bar));
        Error error = card.Start();
        if (error == Error.None)
            driver = card;
        else
            card.GiveUp();
        return error;
    }

    /// <summary>How the members of the family differ for this driver.</summary>
    private readonly struct Model
    {
        /// <summary>
        /// An 82574: it has an EEPROM that software reads through registers, MSI-X, a multicast table of 4,096 bits, and jumbo frames. The
        /// others are parts of a chipset: their EEPROM lies in the firmware's flash (the station address comes from there by reset),
        /// they interrupt by MSI or pin, their table has 1,024 bits, and their PHY must be told about jumbo frames in ways of its own
        /// (I218 and I219 datasheets), which this driver does not: it stays with plain ones.
        /// </summary>
        public bool Is82574 { get; private init; }

        public uint LongestFrame => Is82574 ? LongestJumbo : LongestPlain;

        /// <summary>Registers of the multicast table, 32 bits each.</summary>
        public uint MulticastRegisters => Is82574 ? 128u : 32u;

        public static Model Of(ushort device) => new() { Is82574 = device is 0x10D3 or 0x10F6 };
    }
}
