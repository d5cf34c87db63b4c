using System;
using Sluice.Net;

namespace Sluice.Drivers.E1000e;

// Which frames are received: the station's, broadcasts, and what was asked for. Source: Intel 82574 datasheet 3.4, sections 7.1, 10.2.5 (RCTL, MTA, RAL).
public sealed unsafe partial class E1000e
{
    // What the multicast table is to say; it outlives resets.
    private readonly uint[] _groups = new uint[128];
    private ReceiveMode _mode;

    /// <inheritdoc/>
    public Error SetReceiveMode(ReceiveMode mode, ReadOnlySpan<MacAddress> groups)
    {
        if (_phase == Phase.Stopped)
            return Error.DeviceGone;
        _mode = mode;
        ((Span<uint>)_groups).Clear();
        foreach (MacAddress group in groups)
        {
            uint hash = Hash(group);
            _groups[(int)(hash >> 5)] |= 1u << (int)(hash & 31);
        }
        // While it is being reset: what follows the reset says it.
        if (_phase != Phase.Running)
            return Error.None;
        WriteGroups();
        _registers.ReceiveControl.Write(ReceiveControlNow);
        return IsSilent ? Error.DeviceGone : Error.None;
    }

    private ReceiveControl ReceiveControlNow
    {
        get
        {
            ReceiveControl control = ReceiveControl.Enable | ReceiveControl.Broadcasts | ReceiveControl.StripCrc;
            if (LongestFrame > LongestPlain)
                control |= ReceiveControl.LongPackets;
            if (_mode >= ReceiveMode.AllGroups)
                control |= ReceiveControl.AllGroups;
            return _mode == ReceiveMode.Promiscuous ? control | ReceiveControl.AllStations : control;
        }
    }

    // The address's last bits: 12 of them, or 10 where the table is smaller (RCTL.MO is 0).
    private uint Hash(MacAddress address)
    {
        var last = (uint)(address.Number >> 32);
        return _model.Is82574 ? last >> 4 & 0xFFF : last >> 6 & 0x3FF;
    }

    private void WriteGroups()
    {
        for (uint i = 0; i < _model.MulticastRegisters; i++)
            _registers.MulticastTable(i).Write(_groups[(int)i]);
    }
}
