using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.E1000e;

// The link, as the PHY negotiated it and the MAC shows it. Source: Intel 82574 datasheet 3.4, section 10.2.2 (STATUS, MDIC);
// IEEE 802.3-2018, section 22.2.4.1 (PHY control).
public sealed unsafe partial class E1000e
{
    private LinkState _link;

    /// <inheritdoc/>
    public LinkState Link => _link;

    // By the interrupt handler, and by the watchdog with interrupts off.
    private void LookAtLink()
    {
        DeviceStatus status = _registers.Status.Read();
        LinkState link = default;
        if (status != DeviceStatus.Gone && (status & DeviceStatus.LinkUp) != 0)
        {
            ushort megabits = ((uint)status >> 6 & 3) switch { 0 => 10, 1 => 100, _ => 1000 };
            link = new LinkState(megabits, (status & DeviceStatus.FullDuplex) != 0);
        }
        if (link.IsUp != _link.IsUp)
            _counters.LinkChanges++;
        _link = link;
        _canSend = link.IsUp && _phase == Phase.Running;
    }

    // A PHY that an earlier owner of the machine put to sleep, or told not to negotiate. Those inside of chipsets are left as firmware set
    // them: they are shared with its management engine, by a protocol of their own.
    private Error WakePhy()
    {
        const uint phyControl = 0, enable = 1 << 12, powerDown = 1 << 11, isolate = 1 << 10, restart = 1 << 9;
        if (!_model.Is82574)
            return Error.None;
        Error error = ReadPhy(phyControl, out uint control);
        if (error != Error.None || (control & (enable | powerDown | isolate)) == enable)
            return error;
        return WritePhy(phyControl, control & ~(powerDown | isolate) | enable | restart);
    }

    private Error ReadPhy(uint register, out uint value)
    {
        const uint read = 2 << 26;
        Error error = AccessPhy(register << 16 | read, out uint answer);
        value = (ushort)answer;
        return error;
    }

    private Error WritePhy(uint register, uint value)
    {
        const uint write = 1 << 26;
        return AccessPhy(register << 16 | write | (ushort)value, out _);
    }

    private Error AccessPhy(uint command, out uint answer)
    {
        const uint address = 1 << 21, ready = 1 << 28, failed = 1 << 30;
        _registers.PhyAccess.Write(command | address);
        Error error = WaitFor(_registers.PhyAccess, ready, out answer);
        return error == Error.None && (answer & failed) != 0 ? Error.Malformed : error;
    }
}
