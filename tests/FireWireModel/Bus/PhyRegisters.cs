using System;

namespace Sluice.FireWire.Bus;

/// <summary>The registers of a PHY, with the pages of 1394a. Source: IEEE 1394a-2000, tables 5B-1 to 5B-4.</summary>
public sealed class PhyRegisters(Phy phy)
{
    /// <summary>Pages: ports, vendor, and the vendor's own.</summary>
    public const int PortPage = 0, VendorPage = 1;

    private const int HoldOff = 0x80, LongReset = 0x40, LinkControl = 0x80, Contender = 0x40;
    private const int ResumeInterrupt = 0x80, ShortReset = 0x40, Latched = 0x3C, Accelerations = 0x03, PortEventBit = 0x04, TimeOutBit = 0x08;
    private const int Extended = 7 << 5;

    private byte _select, _flags;

    /// <summary>Organization and product of <see cref="VendorPage"/>, 24 bits each.</summary>
    public uint Vendor { get; init; }

    public uint Product { get; init; }

    private bool IsExtended => phy.Compliance != 0;

    /// <summary>Reads one of 16.</summary>
    public byte Read(int register) => register switch
    {
        0 => (byte)((phy.PhysicalId << 2) | (phy.IsRoot ? 2 : 0) | 1),
        1 => (byte)((phy.HoldsForRoot ? HoldOff : 0) | phy.GapCount),
        2 => (byte)((IsExtended ? Extended : (int)phy.MaxSpeed << 6) | phy.Ports.Count),
        _ when !IsExtended => ReadOldPort(register - 3),
        // Speeds of 1394b are told port by port.
        3 => (byte)((phy.MaxSpeed > Speed.S400 ? 7 : (int)phy.MaxSpeed) << 5),
        4 => (byte)((phy.IsLinkAllowed ? LinkControl : 0) | (phy.IsContender ? Contender : 0) | phy.PowerClass),
        5 => _flags,
        7 => _select,
        >= 8 => ReadPage(_select >> 5, _select & 0xF, register - 8),
        _ => 0,
    };

    /// <summary>Writes one of 16; bits that only tell something stay.</summary>
    public void Write(int register, byte value)
    {
        switch (register)
        {
            case 1:
                phy.HoldsForRoot = (value & HoldOff) != 0;
                phy.SetGap(value & 0x3F);
                if ((value & LongReset) != 0)
                    phy.InitiateReset(isLong: true);
                break;
            case 4 when IsExtended:
                phy.IsLinkAllowed = (value & LinkControl) != 0;
                phy.IsContender = (value & Contender) != 0;
                phy.PowerClass = value & 7;
                break;
            case 5 when IsExtended:
                // What was latched is cleared by writing ones.
                _flags = (byte)((_flags & Latched & ~value) | (value & (ResumeInterrupt | Accelerations)));
                if ((value & ShortReset) != 0)
                    phy.InitiateReset(isLong: false);
                break;
            case 7 when IsExtended:
                _select = (byte)(value & 0xEF);
                break;
            case 8 when IsExtended && _select >> 5 == PortPage && (_select & 0xF) < phy.Ports.Count:
                phy.Bus.Disable(phy.Ports[_select & 0xF], (value & 1) != 0);
                break;
        }
    }

    /// <summary>Reads one of the eight registers of a page.</summary>
    public byte ReadPage(int page, int port, int register) => page switch
    {
        PortPage when port < phy.Ports.Count => ReadPort(phy.Ports[port], register),
        VendorPage => register switch
        {
            0 => (byte)phy.Compliance,
            2 or 3 or 4 => (byte)(Vendor >> (8 * (4 - register))),
            5 or 6 or 7 => (byte)(Product >> (8 * (7 - register))),
            _ => 0,
        },
        _ => 0,
    };

    /// <summary>Something happened at a port.</summary>
    internal void ShowPortEvent() => Show(PortEventBit);

    /// <summary>Tree-ID took too long.</summary>
    internal void ShowTimeOut() => Show(TimeOutBit);

    private void Show(int bit)
    {
        if (!IsExtended)
            return;
        _flags |= (byte)bit;
        phy.Link?.PhyInterrupt();
    }

    private static byte ReadPort(Port port, int register) => register switch
    {
        // A idle line is Z, 3; where there is bias, a peer is.
        0 => (byte)((3 << 6) | (3 << 4) | (port.Code == PortCode.Child ? 8 : 0) | (port.IsConnected ? 6 : 0) | (port.IsDisabled ? 1 : 0)),
        1 => (byte)(port.IsConnected ? (int)port.Speed << 5 : 0),
        _ => 0,
    };

    // 1394-1995: a register a port.
    private byte ReadOldPort(int port)
    {
        if ((uint)port >= phy.Ports.Count)
            return 0;
        return (byte)((3 << 6) | (3 << 4) | (phy.Ports[port].Code == PortCode.Child ? 8 : 0) | (phy.Ports[port].IsConnected ? 4 : 0));
    }
}
