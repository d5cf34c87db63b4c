using System;
using System.Collections.Generic;
using Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>What a talker sends in a cycle: nothing at all, or a packet.</summary>
internal readonly record struct Spoken(byte[]? Data, int Channel = 5, int Tag = 0, int Sync = 0, bool IsDamaged = false, int SaysBytes = -1);

/// <summary>A node that says in each cycle what it was told to say, or nothing.</summary>
internal sealed class Talker : Link
{
    private readonly Packet _packet = new();
    private bool _isDue;

    /// <summary>For the cycles to come; a row of packets is said in one cycle.</summary>
    public Queue<Spoken[]> Script { get; } = new();

    public override bool NeedsCycles => Script.Count != 0;

    public Speed Speed { get; set; } = Speed.S400;

    private Queue<Spoken> Now { get; } = new();

    /// <summary>Begins to talk.</summary>
    public void Say(IEnumerable<Spoken> cycles)
    {
        foreach (Spoken spoken in cycles)
            Script.Enqueue([spoken]);
        Phy.Segment.CyclesChanged();
    }

    public override void CycleStarted(uint cycleTime)
    {
        Now.Clear();
        if (!Script.TryDequeue(out Spoken[]? spoken))
            return;
        foreach (Spoken one in spoken)
            Now.Enqueue(one);
        _isDue = true;
    }

    public override Packet? NextIsochronous(uint cycleTime)
    {
        while (_isDue && Now.TryDequeue(out Spoken spoken))
        {
            if (spoken.Data == null)
                continue;
            _packet.Stream(spoken.Channel, spoken.Tag, spoken.Sync, spoken.Data);
            _packet.Speed = Speed;
            _packet.HasDataError = spoken.IsDamaged;
            if (spoken.SaysBytes >= 0)
                _packet.Q0 = ((uint)spoken.SaysBytes << 16) | (_packet.Q0 & 0xFFFF);
            return _packet;
        }
        _isDue = false;
        return null;
    }

    public override void ResetStarted()
    {
    }

    public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
    {
    }

    public override Ack Receive(Packet packet) => Ack.AddressError;

    public override Packet? NextPacket() => null;

    public override void Sent(Packet packet, Ack ack)
    {
    }
}
