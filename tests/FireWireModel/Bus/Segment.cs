using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Runtime.InteropServices;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Bus;

/// <summary>
/// PHYs that hear each other: what IEEE 1394 calls a bus. Resets, and numbers its nodes; then grants the bus, to cycle starts first, then
/// to isochronous packets, then to fair asynchronous ones, highest number (nearest the root) first.
/// Source: IEEE 1394-1995, sections 4.4.2 (reset) and 4.4.2.4, 6.3 (arbitration).
/// </summary>
public sealed partial class Segment : ITimed
{
    private const int DueReset = 0, DueGrant = 1, DueCycle = 2;

    // RESET_TIME 166 us and SHORT_RESET_TIME 1.3 us (1394a-2000, table 5A-9); CONFIG and tree-ID, about 2 us a level; self-ID about 1 us a packet.
    private static readonly long _longReset = BusTime.Microseconds(166), _shortReset = BusTime.Microseconds(1.3);
    private static readonly long _settle = BusTime.Microseconds(20), _selfIdTicks = BusTime.Microseconds(1.2);

    private readonly FireWireBus _bus;
    private readonly List<Phy> _phys;
    private readonly List<uint> _selfIds = [];
    private byte[] _speeds = [];
    private int _epoch;

    internal Segment(FireWireBus bus, List<Phy> phys)
    {
        _bus = bus;
        _phys = phys;
    }

    /// <summary>All PHYs; by number, when there is no reset.</summary>
    public IReadOnlyList<Phy> Phys => _phys;

    /// <summary>Whether nodes have no numbers now.</summary>
    public bool IsResetting { get; private set; }

    /// <summary>Resets that ended here.</summary>
    public int Generation { get; private set; }

    /// <summary>The root, if there is no reset.</summary>
    public Phy? Root { get; private set; }

    /// <summary>The first quadlets of the self-ID packets of the last reset.</summary>
    public ReadOnlySpan<uint> SelfIds => CollectionsMarshal.AsSpan(_selfIds);

    /// <summary>The fastest that goes between two nodes: the slowest PHY on the path decides.</summary>
    public Speed SpeedBetween(int one, int other) =>
        (uint)one < (uint)_phys.Count && (uint)other < (uint)_phys.Count ? (Speed)_speeds[(one * _phys.Count) + other] : Speed.S100;

    void ITimed.Due(int what)
    {
        // The low bits say what, the rest which reset asked: older wishes died with theirs.
        if (what >> 2 != _epoch)
            return;
        switch (what & 3)
        {
            case DueReset:
                FinishReset();
                break;
            case DueGrant:
                Grant();
                break;
            case DueCycle:
                CycleBegins();
                break;
        }
    }

    /// <summary>Cables changed: makes segments of what is connected to a PHY now.</summary>
    internal static void Form(Phy from)
    {
        var members = new List<Phy> { from };
        for (int i = 0; i < members.Count; i++)
        {
            foreach (Port port in members[i].Ports)
            {
                if (port.IsConnected && !members.Contains(port.Peer!.Phy))
                    members.Add(port.Peer!.Phy);
            }
        }
        if (members.Count == from.Segment._phys.Count && members.All(from.Segment._phys.Contains))
            return;
        // In the order they were made, so that a run repeats.
        members.Sort((one, other) => IndexOf(one).CompareTo(IndexOf(other)));
        var segment = new Segment(from.Bus, members);
        foreach (Phy phy in members)
        {
            phy.Segment.Die();
            phy.Segment = segment;
        }

        static int IndexOf(Phy phy)
        {
            for (int i = 0; i < phy.Bus.Phys.Count; i++)
            {
                if (phy.Bus.Phys[i] == phy)
                    return i;
            }
            return -1;
        }
    }

    internal void StartReset(Phy origin, bool isLong)
    {
        bool isFirst = !IsResetting;
        SynchronizeClocks();
        Die();
        IsResetting = true;
        foreach (Phy phy in _phys)
        {
            if (isFirst)
            {
                phy.ResetStarted();
                phy.HasInitiatedReset = false;
            }
        }
        origin.HasInitiatedReset = true;
        _bus.Trace?.ResetStarted(origin, isLong);
        foreach (Phy phy in _phys)
        {
            if (phy.Link is { IsActive: true } link)
                link.ResetStarted();
        }
        long ticks = (isLong ? _longReset : _shortReset) + _settle + (_selfIdTicks * _phys.Count);
        _bus.Simulator.After(ticks, this, What(DueReset), Pace.RealTime);
    }

    private int What(int kind) => (_epoch << 2) | kind;

    // Nothing that was asked for happens any more.
    private void Die()
    {
        _epoch = (_epoch + 1) & 0x0FFF_FFFF;
        _requests = 0;
        _isGrantDue = false;
        _isCycleDue = false;
        _areCyclesOn = false;
        Root = null;
    }

    private void FinishReset()
    {
        Phy root = TreeId.Run(_phys, _bus.Chance.Coin);
        root.IsRoot = true;
        _phys.Clear();
        _selfIds.Clear();
        SelfIdentify(root);
        foreach (Phy phy in _phys)
            phy.Link?.ForgeSelfIds(_selfIds);
        MeasureSpeeds();
        IsResetting = false;
        Generation++;
        Root = root;
        _enabled = ulong.MaxValue;
        _free = _bus.Simulator.Now;
        _resetGap = 51 + (root.GapCount * 32);
        _subactionGap = 27 + (root.GapCount * 16);
        int epoch = _epoch;
        _bus.Trace?.SelfIdentified(this);
        foreach (Phy phy in _phys)
        {
            if (phy.Link is { IsActive: true } link)
                link.SelfIdentified(SelfIds);
            // Who answers a reset with a reset ends this one.
            if (_epoch != epoch)
                return;
        }
        CyclesChanged();
    }

    // The root grants its ports in order; who has no child left to grant takes the next number.
    private void SelfIdentify(Phy phy)
    {
        foreach (Port port in phy.Ports)
        {
            if (port.Code == PortCode.Child)
                SelfIdentify(port.Peer!.Phy);
        }
        phy.PhysicalId = _phys.Count;
        _phys.Add(phy);
        PhyPacket.AddSelfIds(phy, _selfIds);
    }

    // Parents have higher numbers than children: from the root down, each child hears what its parent hears, as fast as the cable is.
    private void MeasureSpeeds()
    {
        int count = _phys.Count;
        _speeds = new byte[count * count];
        for (int i = count - 1; i >= 0; i--)
        {
            _speeds[(i * count) + i] = (byte)_phys[i].MaxSpeed;
            Port? up = _phys[i].Ports.FirstOrDefault(port => port.Code == PortCode.Parent);
            if (up == null)
                continue;
            int parent = up.Peer!.Phy.PhysicalId;
            for (int other = i + 1; other < count; other++)
            {
                byte speed = Math.Min((byte)up.Speed, _speeds[(parent * count) + other]);
                _speeds[(i * count) + other] = speed;
                _speeds[(other * count) + i] = speed;
            }
        }
    }

    private static ulong BitOf(Phy phy) => 1UL << phy.PhysicalId;

    private static int Highest(ulong set) => BitOperations.Log2(set);
}
