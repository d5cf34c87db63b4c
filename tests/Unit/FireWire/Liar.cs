using System;
using System.Collections.Generic;
using Sluice.FireWire.Core;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>A contender that answers each request as told, and may hold off at each reset.</summary>
internal sealed class Liar(Func<Model.Packet, Model.Rcode> code, Func<Model.Packet, uint> quadlet) : Model.Link
{
    private readonly Queue<Model.Packet> _queue = new();

    /// <summary>What BUS_MANAGER_ID is said to be.</summary>
    public uint Manager { get; set; }

    public bool InsistsOnRoot { get; set; }

    /// <summary>What it acknowledges and never answers.</summary>
    public Func<Model.Packet, bool>? Ignores { get; set; }

    public override void ResetStarted()
    {
        _queue.Clear();
        if (InsistsOnRoot)
            Phy.HoldsForRoot = true;
    }

    public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
    {
    }

    public override Model.Ack Receive(Model.Packet request)
    {
        if (Ignores?.Invoke(request) == true)
            return Model.Ack.Pending;
        var answer = new Model.Packet();
        Model.Rcode result = code(request);
        uint value = request.Code == Model.Tcode.Lock ? Manager : request.Offset == Rom.Address ? 0x0404_0000 : request.Offset == Rom.Address + 8 ? quadlet(request) : 0;
        Model.Tcode tcode = request.Code switch
        {
            Model.Tcode.Lock => Model.Tcode.LockResponse,
            Model.Tcode.ReadQuadlet => Model.Tcode.ReadQuadletResponse,
            _ => Model.Tcode.WriteResponse,
        };
        answer.Response(tcode, request.Label, request.Source, (ushort)(0xFFC0 | Phy.PhysicalId), result);
        answer.Q3 = tcode == Model.Tcode.ReadQuadletResponse ? value : 0;
        if (tcode == Model.Tcode.LockResponse && result == Model.Rcode.Complete)
            answer.SetData([(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value]);
        _queue.Enqueue(answer);
        Phy.Segment.Request(Phy);
        return Model.Ack.Pending;
    }

    public override Model.Packet? NextPacket() => _queue.TryPeek(out Model.Packet? packet) ? packet : null;

    public override void Sent(Model.Packet packet, Model.Ack ack)
    {
        _queue.Dequeue();
        if (_queue.Count != 0)
            Phy.Segment.Request(Phy);
    }
}
