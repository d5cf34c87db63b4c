using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Hostile;

/// <summary>
/// A node that plays <see cref="Script"/>s: one, or all in turn, for ever. Between two plays it behaves for a quarter of a play's time. It
/// looks like a node with a unit that nobody drives. Same seed and same neighbours, same run.
/// </summary>
public sealed class HostileNode : Node
{
    /// <summary>Steps that a play has.</summary>
    public const int StepsOfPlay = 200;

    private const int StepsOfRest = StepsOfPlay / 4, MostRaw = 256;

    private readonly Queue<Packet> _raw = new();
    private readonly List<(long Time, Packet Packet)> _later = [];
    private readonly Stack<Packet> _free = new();
    private readonly uint[] _honestRom;
    private readonly Script[] _scripts;
    private readonly Player _player;
    private readonly long _stepTicks;
    private bool _isStarted, _isDeaf;
    private int _step, _turn;

    /// <summary>A node with a list of scripts, which begins with its first bus.</summary>
    /// <param name="script">The name of one, or <c>all</c>.</param>
    /// <param name="playMilliseconds">How long each is played, in the bus's time.</param>
    /// <exception cref="ArgumentException">There is no such script.</exception>
    public HostileNode(in BusInformation information, string script, ulong seed, double playMilliseconds = 1000) : base(information, Directory(information))
    {
        _scripts = [.. Script.All.Where(one => script == "all" || one.Name == script)];
        if (_scripts.Length == 0)
            throw new ArgumentException($"no script is '{script}'");
        _honestRom = Rom.ToArray();
        _player = new Player(this);
        _stepTicks = BusTime.Microseconds(playMilliseconds * 1000 / StepsOfPlay);
        Random = new SeededRandom(seed);
    }

    /// <summary>Names of all scripts, in the order of <c>all</c>.</summary>
    public static IEnumerable<string> Names => Script.All.Select(script => script.Name);

    /// <summary>A line for each script.</summary>
    public static IEnumerable<string> Help => Script.All.Select(script => $"{script.Name,-18} {script.Help}");

    /// <summary>What is played now; null in a rest.</summary>
    public string? Playing => Current?.Name;

    /// <summary>Plays that ended.</summary>
    public int Plays { get; private set; }

    /// <summary>Packets that it sent outside of the rules.</summary>
    public long Sendings { get; private set; }

    /// <summary>Bytes that it read from memory which nobody gave it.</summary>
    public long Gained { get; private set; }

    public override bool IsActive => !_isDeaf;

    internal SeededRandom Random { get; }

    /// <summary>Whether all that it asks for is memory of others: what it gets counts.</summary>
    internal bool IsThief { get; set; }

    private Script? Current { get; set; }

    public override void ResetStarted()
    {
        while (_raw.TryDequeue(out Packet? packet))
            _free.Push(packet);
        foreach ((_, Packet packet) in _later)
            _free.Push(packet);
        _later.Clear();
        base.ResetStarted();
    }

    public override void ForgeSelfIds(List<uint> selfIds) => Current?.SelfIds?.Invoke(this, selfIds);

    public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
    {
        base.SelfIdentified(selfIds);
        Current?.AfterReset?.Invoke(this);
        if (_isStarted)
            return;
        _isStarted = true;
        Phy.Bus.Simulator.After(_stepTicks, _player, 0, Pace.RealTime);
    }

    public override Ack Receive(Packet packet)
    {
        if (IsThief && packet.Code is Tcode.ReadQuadletResponse or Tcode.ReadBlockResponse or Tcode.LockResponse && packet.Rcode == Rcode.Complete)
            Gained += packet.Code == Tcode.ReadQuadletResponse ? 4 : packet.DataBytes;
        return Current?.Receive?.Invoke(this, packet) ?? base.Receive(packet);
    }

    public override Packet? NextPacket() => _raw.TryPeek(out Packet? packet) ? packet : base.NextPacket();

    public override void Sent(Packet packet, Ack ack)
    {
        if (!_raw.TryPeek(out Packet? raw) || raw != packet)
        {
            base.Sent(packet, ack);
            return;
        }
        _free.Push(_raw.Dequeue());
        Phy.Segment.Request(Phy);
    }

    /// <summary>The number of another node, or one that nobody has.</summary>
    internal ushort Target()
    {
        int node = Random.Below(Phy.Segment.Phys.Count + 1);
        return (ushort)(0xFFC0 | (node == Phy.PhysicalId ? Random.Below(63) : node));
    }

    /// <summary>A number of bus and node: its own, another's, one of another bus, or 63.</summary>
    internal ushort SomeSource() => Random.Below(4) switch
    {
        0 => NodeId,
        1 => Target(),
        2 => (ushort)Random.Next(),
        _ => 0xFFFF,
    };

    /// <summary>A request to somebody, to be changed and given to <see cref="Send"/>. Its offset is among registers, in a ROM or in memory.</summary>
    internal Packet Request(Tcode code, ushort node)
    {
        Packet packet = Free();
        packet.Request(code, Random.Below(64), node, NodeId, SomeOffset());
        packet.Speed = (Speed)Random.Below((int)Phy.MaxSpeed + 1);
        packet.Q3 = (uint)Random.Next();
        return packet;
    }

    /// <summary>A response that fits a request, without data; to be changed and given to <see cref="Send"/>.</summary>
    internal Packet Response(Packet request)
    {
        Tcode code = request.Code switch
        {
            Tcode.ReadQuadlet => Tcode.ReadQuadletResponse,
            Tcode.ReadBlock => Tcode.ReadBlockResponse,
            Tcode.Lock => Tcode.LockResponse,
            _ => Tcode.WriteResponse,
        };
        Packet packet = Free();
        packet.Response(code, request.Label, request.Source, NodeId, Rcode.Complete);
        packet.Speed = request.Speed;
        if (code is Tcode.ReadBlockResponse or Tcode.LockResponse)
            Fill(packet, code == Tcode.LockResponse ? 4 : Math.Min(request.LengthField, Packet.MostBytes));
        return packet;
    }

    internal Packet PhyPacket(uint first, uint second)
    {
        Packet packet = Free();
        packet.Phy(first);
        packet.Q1 = second;
        packet.Speed = Speed.S100;
        return packet;
    }

    internal Packet Stream(int channel, int bytes)
    {
        Packet packet = Free();
        packet.Stream(channel, Random.Below(4), Random.Below(16), default);
        packet.Speed = (Speed)Random.Below((int)Phy.MaxSpeed + 1);
        Fill(packet, bytes);
        return packet;
    }

    /// <summary>Gives a packet so much data by chance, and says so in its header.</summary>
    internal void Fill(Packet packet, int bytes)
    {
        packet.DataBytes = bytes;
        foreach (ref byte one in packet.Data)
            one = (byte)Random.Next();
        if (packet.Code == Tcode.Stream)
            packet.Q0 = (packet.Q0 & 0xFFFF) | ((uint)bytes << 16);
        else
            packet.Q3 = (packet.Q3 & 0xFFFF) | ((uint)bytes << 16);
    }

    /// <summary>Sends it as it is, once, whatever is acknowledged.</summary>
    internal void Send(Packet packet)
    {
        if (_raw.Count >= MostRaw || Phy.Segment.IsResetting)
        {
            _free.Push(packet);
            return;
        }
        Sendings++;
        _raw.Enqueue(packet);
        Phy.Segment.Request(Phy);
    }

    /// <summary>Sends it some steps later, unless a bus reset comes first.</summary>
    internal void SendLater(Packet packet, int steps) => _later.Add((Phy.Bus.Simulator.Now + (steps * _stepTicks), packet));

    /// <summary>Shows another ROM; null brings its own back.</summary>
    internal void ShowRom(uint[]? rom) => Rom = rom ?? _honestRom;

    /// <summary>What its ROM is when it behaves, to be changed.</summary>
    internal uint[] CopyRom() => [.. _honestRom];

    /// <summary>Stops to hear and to answer, as a node without power; or is there again. Nobody is told.</summary>
    internal void BeDeaf(bool isDeaf)
    {
        _isDeaf = isDeaf;
        Phy.Segment.CyclesChanged();
    }

    protected override Rcode Read(ushort source, ulong offset, Span<byte> data) => Rcode.AddressError;

    protected override Rcode Write(ushort source, ulong offset, ReadOnlySpan<byte> data, Speed speed) => Rcode.AddressError;

    // The unit has numbers that no driver knows.
    private static RomDirectory Directory(in BusInformation information) =>
        new RomDirectory().Value(0x03, (uint)(information.Guid >> 40)).Text("Sluice").Value(0x17, 6).Text("Hostile").Value(0x0C, 0x00_83C0)
            .Directory(0xD1, new RomDirectory().Value(0x12, 0x52_5400).Value(0x13, 0x66_6666));

    private ulong SomeOffset() => Random.Below(5) switch
    {
        0 => Csr.Base + (ulong)Random.Below(Csr.RomEnd),
        1 => Csr.Base + Csr.Rom + (ulong)(Random.Below(32) * 4),
        2 => Csr.Base + (ulong)(Random.Below(0x1000) * 4) + 0x1_0000,
        3 => Random.Next() & 0xFFFF_FFFF,
        _ => Random.Next() & 0xFFFF_FFFF_FFFF,
    };

    private Packet Free() => _free.TryPop(out Packet? packet) ? packet : new Packet();

    private void NextStep()
    {
        Phy.Bus.Simulator.After(_stepTicks, _player, 0, Pace.RealTime);
        SendDue();
        if (_step == 0)
            Begin();
        else if (_step == StepsOfPlay)
            End();
        if (_step < StepsOfPlay)
            Current?.Step?.Invoke(this);
        _step = (_step + 1) % (StepsOfPlay + StepsOfRest);
    }

    private void Begin()
    {
        Current = _scripts[_turn];
        _turn = (_turn + 1) % _scripts.Length;
        Current.Begin?.Invoke(this);
        if (Current.NeedsReset)
            Phy.InitiateReset(isLong: false);
    }

    private void End()
    {
        bool resets = Current!.NeedsReset;
        Current = null;
        IsThief = false;
        ShowRom(null);
        BeDeaf(false);
        foreach (Port port in Phy.Ports)
            Phy.Bus.Disable(port, false);
        Plays++;
        if (resets)
            Phy.InitiateReset(isLong: false);
    }

    private void SendDue()
    {
        for (int i = _later.Count - 1; i >= 0; i--)
        {
            if (_later[i].Time > Phy.Bus.Simulator.Now)
                continue;
            Packet packet = _later[i].Packet;
            _later.RemoveAt(i);
            Send(packet);
        }
    }

    private sealed class Player(HostileNode node) : ITimed
    {
        void ITimed.Due(int what) => node.NextStep();
    }
}
