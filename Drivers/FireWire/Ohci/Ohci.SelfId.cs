using System;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

// Some links leave our own self-ID out of what they received; the PHY knows what was in it. No card is asked whether it is known for that. Source:
// Texas Instruments SLLZ059; IEEE 1394a-2000, sections 4.3.4.1 (self-ID packet) and 6.1 (PHY registers, port status page).
public sealed unsafe partial class Ohci
{
    private const uint GapRegister = 1, PortsRegister = 2, SpeedRegister = 3, PageRegister = 7, PortStatusRegister = 8;
    private const byte PortBits = 0x0F, IsConnectedToParent = 0x06, IsConnectedToChild = 0x0E;

    // Such PHYs have three ports at most, so one packet says it all.
    private const int MostPorts = 3;

    // Puts ours among the packets, which are in the order of nodes, if it is not there; the new number of packets, or below 0.
    private int InsertOwnSelfId(int packets, int local)
    {
        int place = 0;
        while (place < packets && NodeOf(_selfIds[place]) < local)
            place++;
        if (place < packets && NodeOf(_selfIds[place]) == local)
            return packets;
        if (packets == _selfIds.Length || MakeSelfId(local, out uint packet) != Error.None)
            return -1;
        for (int i = packets; i > place; i--)
            _selfIds[i] = _selfIds[i - 1];
        _selfIds[place] = packet;
        return packets + 1;
    }

    private static int NodeOf(uint selfId) => (int)(selfId >> 24) & 0x3F;

    private Error MakeSelfId(int local, out uint packet)
    {
        const uint isSelfId = 2u << 30, linkIsActive = 1u << 22, isContender = 1u << 11;
        const byte gapBits = 0x3F, portCountBits = 0x1F, powerBits = 7;
        packet = isSelfId | linkIsActive | isContender | (uint)local << 24;
        byte ports = 0, speed = 0, status = 0;
        Error error = ReadPhy(GapRegister, out byte gap);
        if (error == Error.None)
            error = ReadPhy(PortsRegister, out ports);
        if (error == Error.None)
            error = ReadPhy(SpeedRegister, out speed);
        if (error == Error.None)
            error = ReadPhy(StatusRegister, out status);
        // A speed beyond two bits says the fastest they can.
        packet |= (uint)(gap & gapBits) << 16 | Math.Min((uint)speed >> 5, 3) << 14 | (uint)(status & powerBits) << 8;
        for (int port = 0; port < Math.Min(ports & portCountBits, MostPorts) && error == Error.None; port++)
        {
            error = WritePhy(PageRegister, (byte)port);
            if (error == Error.None)
                error = ReadPhy(PortStatusRegister, out status);
            uint code = (status & PortBits) switch { IsConnectedToParent => 2u, IsConnectedToChild => 3u, _ => 1u };
            packet |= code << (6 - 2 * port);
        }
        return error;
    }
}
