namespace Sluice.Drivers.E1000e;

// The card's own counters. They have 32 bits and start anew when they are read. Source: Intel 82574 datasheet 3.4, section 10.2.7.
public sealed unsafe partial class E1000e
{
    /// <summary>Frames that the card took for good, from the wire and to it, since the driver started: what its counters say.</summary>
    public ulong WireReceived { get; private set; }

    /// <inheritdoc cref="WireReceived"/>
    public ulong WireSent { get; private set; }

    /// <summary>
    /// Frames below 64 bytes with a right check sequence. The 82574 drops them; QEMU's e1000e counts here what came without padding, which it
    /// pads and delivers. So they are no frames of wrong length until one is received.
    /// </summary>
    public ulong Undersized { get; private set; }

    private void CollectStatistics()
    {
        if (_phase != Phase.Running || IsSilent)
            return;
        _counters.ReceiveErrors += Read(Statistic.CrcErrors) + Read(Statistic.AlignmentErrors) + Read(Statistic.ReceiveErrors);
        _counters.BadLength += Read(Statistic.LengthErrors) + Read(Statistic.Fragments) + Read(Statistic.Jabber);
        Undersized += Read(Statistic.Undersize);
        // Where long packets are received, some count these as oversize, too.
        ulong oversize = Read(Statistic.Oversize);
        if (LongestFrame == LongestPlain)
            _counters.BadLength += oversize;
        _counters.Missed += Read(Statistic.Missed);
        WireReceived += Read(Statistic.GoodReceived);
        WireSent += Read(Statistic.GoodSent);
    }

    // One that went silent in between has counted nothing.
    private ulong Read(Statistic which)
    {
        uint count = _registers.Statistic(which).Read();
        return count == uint.MaxValue ? 0 : count;
    }
}
