using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Nodes;

/// <summary>
/// A node in software: answers requests to its registers and configuration ROM itself, and those to the rest of its 48-bit space by what
/// derives from it; makes requests of its own. Source: IEEE 1394-1995, section 7 (transactions) and 8.3.2 (registers).
/// </summary>
public abstract partial class Node : Link
{
    /// <summary>Responses that wait for the bus; more requests are answered busy.</summary>
    private const int MostResponses = 16;

    private readonly Stack<Packet> _free = new();
    private readonly Queue<Packet> _responses = new();
    private readonly BusInformation _information;
    private uint[] _rom;

    /// <summary>A node with a ROM.</summary>
    protected Node(in BusInformation information, RomDirectory root)
    {
        _information = information;
        _rom = ConfigurationRom.Build(information, root);
        _registers = new NodeRegisters(this, hasManager: (information.CanManage & 8) != 0);
    }

    /// <summary>Its number on the bus, with the local bus in front.</summary>
    public ushort NodeId => (ushort)(0xFFC0 | Phy.PhysicalId);

    /// <summary>What it says of itself.</summary>
    public ref readonly BusInformation Information => ref _information;

    /// <summary>Whether writes are answered by their acknowledge; else a response follows, as to reads.</summary>
    public bool AnswersWritesAtOnce { get; init; } = true;

    /// <summary>Times that a request came when the node could not take it.</summary>
    public long Busy { get; private set; }

    /// <summary>Requests served.</summary>
    public long Served { get; private set; }

    /// <summary>Its ROM; others see a new one after a bus reset, so begin one.</summary>
    public ReadOnlyMemory<uint> Rom
    {
        get => _rom;
        set => _rom = value.ToArray();
    }

    public override bool IsCycleMaster => (_information.CanManage & 4) != 0 && _registers.IsCycleMaster;

    /// <summary>The most data that it takes or gives at once.</summary>
    protected int MostBytes => 2 << _information.MaxRecord;

    public override void ResetStarted()
    {
        foreach (Packet packet in _responses)
            _free.Push(packet);
        _responses.Clear();
        _registers.BusReset();
        AbandonRequests();
    }

    public override void SelfIdentified(ReadOnlySpan<uint> selfIds) => _registers.SelfIdentified();

    public override Ack Receive(Packet packet)
    {
        if (packet.Code.IsResponse)
            return TakeResponse(packet);
        if (!packet.Code.IsRequest)
            return Ack.TypeError;
        if (packet.IsMalformed)
            return Ack.DataError;
        bool isBroadcast = (packet.Destination & 0x3F) == 0x3F;
        bool isWrite = packet.Code is Tcode.WriteQuadlet or Tcode.WriteBlock;
        if (isBroadcast && !isWrite)
            return Ack.TypeError;
        if (!isBroadcast && _responses.Count >= MostResponses)
        {
            Busy++;
            return Ack.BusyX;
        }
        Served++;
        if (isWrite)
            return Write(packet, isBroadcast);
        Answer(packet);
        return Ack.Pending;
    }

    public override Packet? NextPacket() => _responses.TryPeek(out Packet? response) ? response : NextRequest();

    public override void Sent(Packet packet, Ack ack)
    {
        if (_responses.TryPeek(out Packet? response) && response == packet)
        {
            // A busy requester is tried again: its time-out ends that.
            if (!ack.IsBusy || --packet.Retries <= 0)
                _free.Push(_responses.Dequeue());
        }
        else
        {
            RequestSent(packet, ack);
        }
        if (_responses.Count != 0 || HasRequests)
            Phy.Segment.Request(Phy);
    }

    /// <summary>Whether a register is not one of those that all nodes have: it is read, written and locked as the rest of its space.</summary>
    protected virtual bool HasOwnRegister(int register) => false;

    /// <summary>Somebody reads from what is no register.</summary>
    /// <param name="offset">48 bits.</param>
    /// <param name="data">To be filled.</param>
    protected abstract Rcode Read(ushort source, ulong offset, Span<byte> data);

    /// <summary>Somebody writes to what is no register.</summary>
    /// <param name="speed">The packet's.</param>
    protected abstract Rcode Write(ushort source, ulong offset, ReadOnlySpan<byte> data, Speed speed);

    /// <summary>Somebody locks what is no register.</summary>
    /// <param name="old">4 or 8 bytes, to be filled with what was there.</param>
    protected virtual Rcode LockMemory(ushort source, ulong offset, LockOperation operation, ReadOnlySpan<byte> data, Span<byte> old) => Rcode.TypeError;

    private Ack Write(Packet packet, bool isBroadcast)
    {
        Span<byte> quadlet = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(quadlet, packet.Q3);
        ReadOnlySpan<byte> data = packet.Code == Tcode.WriteQuadlet ? quadlet : packet.Data;
        Rcode rcode = data.Length > MostBytes ? Rcode.TypeError
            : TryRegister(packet.Offset, out int register) ? _registers.Write(register, data)
            : Write(packet.Source, packet.Offset, data, packet.Speed);
        if (rcode == Rcode.Complete && AnswersWritesAtOnce)
            return Ack.Complete;
        if (!isBroadcast)
            Respond(Begin(packet, Tcode.WriteResponse, rcode));
        return Ack.Pending;
    }

    private void Answer(Packet request)
    {
        switch (request.Code)
        {
            case Tcode.ReadQuadlet:
                Packet quadlet = Begin(request, Tcode.ReadQuadletResponse, Rcode.Complete);
                Span<byte> value = stackalloc byte[4];
                SetRcode(quadlet, ReadAny(request, value));
                quadlet.Q3 = BinaryPrimitives.ReadUInt32BigEndian(value);
                Respond(quadlet);
                break;
            case Tcode.ReadBlock:
                Packet block = Begin(request, Tcode.ReadBlockResponse, Rcode.Complete);
                int length = request.LengthField;
                Rcode read = length > MostBytes || length > request.Speed.MostAsynchronousBytes ? Rcode.TypeError : ReadAny(request, block.Room[..length]);
                Finish(block, read, length);
                break;
            default:
                Packet locked = Begin(request, Tcode.LockResponse, Rcode.Complete);
                locked.Q3 = (uint)request.Operation;
                int width = LockMath.WidthOf(request.Operation, request.DataBytes);
                Rcode rcode = width == 0 ? Rcode.TypeError
                    : TryRegister(request.Offset, out int register) ? _registers.Lock(register, request.Operation, request.Data, locked.Room[..width])
                    : LockMemory(request.Source, request.Offset, request.Operation, request.Data, locked.Room[..width]);
                Finish(locked, rcode, width);
                break;
        }
    }

    private Rcode ReadAny(Packet request, Span<byte> data) =>
        TryRegister(request.Offset, out int register) ? _registers.Read(register, data) : Read(request.Source, request.Offset, data);

    private bool TryRegister(ulong offset, out int register)
    {
        register = (int)(offset - Csr.Base);
        return offset is >= Csr.Base and < Csr.Base + Csr.End && !HasOwnRegister(register);
    }

    private void Finish(Packet response, Rcode rcode, int bytes)
    {
        SetRcode(response, rcode);
        response.DataBytes = rcode == Rcode.Complete ? bytes : 0;
        response.Q3 = ((uint)response.DataBytes << 16) | (response.Q3 & 0xFFFF);
        Respond(response);
    }

    private static void SetRcode(Packet response, Rcode rcode) => response.Q1 = (response.Q1 & 0xFFFF_0000) | ((uint)rcode << 12);

    private Packet Begin(Packet request, Tcode code, Rcode rcode)
    {
        Packet response = TakeFree();
        response.Response(code, request.Label, request.Source, NodeId, rcode);
        response.Speed = request.Speed;
        return response;
    }

    private void Respond(Packet response)
    {
        _responses.Enqueue(response);
        Phy.Segment.Request(Phy);
    }

    private Packet TakeFree()
    {
        Packet packet = _free.TryPop(out Packet? free) ? free : new Packet();
        packet.Retries = MostRetries;
        return packet;
    }
}
