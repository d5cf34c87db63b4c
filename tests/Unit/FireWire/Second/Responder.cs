using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>
/// What the controller answers without software: memory of who is let in, the ROM, and the four registers of the resource manager.
/// Source: 1394 OHCI 1.1, sections 5.5 and 12.
/// </summary>
internal sealed class Responder(SecondController controller) : Unit(controller), ISender
{
    private const ulong Manager = 0xFFFF_F000_021C, Rom = 0xFFFF_F000_0400;

    private readonly Queue<Packet> _answers = new();
    private int _retries;
    private bool _isReady, _isLock;

    public long PhysicalRequests { get; private set; }

    public bool IsReady => _isReady;

    public Packet? Begin() => _answers.Peek();

    public void Ended(Ack ack)
    {
        if (ack.IsBusy && _retries-- > 0)
            return;
        _answers.Dequeue();
        _isReady = false;
        // 6.1: the lock was done, and who asked does not know.
        if (_isLock && ack != Ack.Complete)
            Controller.Raise(Bits.LockResponseError);
        Kick();
    }

    public void BusReset(bool wasSending) => Forget();

    public override void Forget()
    {
        base.Forget();
        _answers.Clear();
        _isReady = false;
    }

    /// <summary>Answers if it is for this to answer.</summary>
    /// <param name="isLetIn">Who asks may use memory.</param>
    public bool TryAnswer(Packet packet, bool isLetIn, out Ack ack)
    {
        ack = Ack.Pending;
        ulong offset = packet.Offset;
        bool isRom = offset is >= Rom and < Rom + 0x400, isManager = offset is >= Manager and < Manager + 16;
        bool isMemory = isLetIn && offset < Controller.PhysicalEnd && packet.Code != Tcode.Lock;
        if (!isRom && !isManager && !isMemory)
            return false;
        if (_answers.Count > 4)
        {
            ack = (Ack)Lot.BusyAck;
            return true;
        }
        if (isMemory)
            AnswerMemory(packet, ref ack);
        else if (isManager)
            AnswerManager(packet, ref ack);
        else
            AnswerRom(packet, ref ack);
        return true;
    }

    protected override bool Step()
    {
        if (_isReady || !_answers.TryPeek(out Packet? answer))
            return false;
        _isReady = true;
        _isLock = answer.Code == Tcode.LockResponse;
        _retries = Controller.Retries(ofResponses: true);
        Controller.WantBus();
        return false;
    }

    private void AnswerMemory(Packet packet, ref Ack ack)
    {
        PhysicalRequests++;
        switch (packet.Code)
        {
            case Tcode.WriteQuadlet or Tcode.WriteBlock:
                byte[] data = new byte[4];
                BinaryPrimitives.WriteUInt32BigEndian(data, packet.Q3);
                if (packet.Code == Tcode.WriteBlock)
                    data = packet.Data.ToArray();
                bool isThere = !Controller.FailsWrites && Controller.Host.TryWrite(packet.Offset, data);
                if (!Controller.IsPosting)
                {
                    Answer(packet, Tcode.WriteResponse, isThere ? Rcode.Complete : Rcode.DataError, []);
                    break;
                }
                ack = Ack.Complete;
                if (!isThere)
                    Controller.TellOfPostedError(packet.Source, packet.Offset);
                break;
            default:
                byte[] read = new byte[packet.Code == Tcode.ReadQuadlet ? 4 : packet.LengthField];
                Rcode code = packet.Code == Tcode.ReadBlock && read.Length > packet.Speed.MostAsynchronousBytes ? Rcode.TypeError
                    : Controller.Host.TryRead(packet.Offset, read) ? Rcode.Complete : Rcode.DataError;
                Answer(packet, packet.Code == Tcode.ReadQuadlet ? Tcode.ReadQuadletResponse : Tcode.ReadBlockResponse, code, read);
                break;
        }
    }

    // 5.5.1: quadlets are read, and compared and swapped; nothing else.
    private void AnswerManager(Packet packet, ref Ack ack)
    {
        ref uint register = ref Controller.Csr[(int)(packet.Offset - Manager) / 4];
        byte[] old = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(old, register);
        if (packet.Code == Tcode.ReadQuadlet && (packet.Offset & 3) == 0)
        {
            Answer(packet, Tcode.ReadQuadletResponse, Rcode.Complete, old);
        }
        else if (packet.Code == Tcode.Lock && packet.Operation == LockOperation.CompareSwap && packet.DataBytes == 8 && (packet.Offset & 3) == 0)
        {
            if (BinaryPrimitives.ReadUInt32BigEndian(packet.Data) == register)
                register = BinaryPrimitives.ReadUInt32BigEndian(packet.Data[4..]);
            Answer(packet, Tcode.LockResponse, Rcode.Complete, old);
        }
        else
        {
            Refuse(packet, ref ack);
        }
    }

    // 5.5: the first five quadlets are registers, the rest is in memory; blocks only once there is a whole image.
    private void AnswerRom(Packet packet, ref Ack ack)
    {
        uint offset = (uint)(packet.Offset - Rom);
        bool isBlock = packet.Code == Tcode.ReadBlock, isRegister = packet.Code == Tcode.ReadQuadlet && offset < 20;
        int length = isBlock ? packet.LengthField : 4;
        if ((!isBlock && packet.Code != Tcode.ReadQuadlet) || (!isRegister && !Controller.IsImageValid) || (offset & 3) != 0 || offset + length > 0x400)
        {
            Refuse(packet, ref ack);
            return;
        }
        byte[] data = new byte[length];
        Rcode code = Rcode.Complete;
        if (isRegister)
            BinaryPrimitives.WriteUInt32BigEndian(data, Controller.RomRegisters[(int)offset / 4]);
        else if (!Controller.Host.TryRead(Controller.RomMap + offset, data))
            code = Rcode.DataError;
        Answer(packet, isBlock ? Tcode.ReadBlockResponse : Tcode.ReadQuadletResponse, code, data);
    }

    private void Refuse(Packet packet, ref Ack ack)
    {
        if (Lot.Takes(Freedom.RefusesAtOnce))
        {
            ack = Ack.TypeError;
            return;
        }
        Answer(packet, packet.Code switch
        {
            Tcode.ReadQuadlet => Tcode.ReadQuadletResponse,
            Tcode.ReadBlock => Tcode.ReadBlockResponse,
            Tcode.Lock => Tcode.LockResponse,
            _ => Tcode.WriteResponse,
        }, Rcode.TypeError, packet.Code == Tcode.ReadQuadlet ? [0, 0, 0, 0] : []);
    }

    private void Answer(Packet request, Tcode code, Rcode rcode, ReadOnlySpan<byte> data)
    {
        var answer = new Packet { Speed = request.Speed };
        answer.Response(code, request.Label, request.Source, (ushort)(0xFFC0 | Phy), rcode);
        if (code == Tcode.ReadQuadletResponse)
            answer.Q3 = BinaryPrimitives.ReadUInt32BigEndian(data);
        else if (code != Tcode.WriteResponse)
            answer.SetData(rcode == Rcode.Complete ? data : []);
        if (code == Tcode.LockResponse)
            answer.Q3 |= (uint)request.Operation;
        _answers.Enqueue(answer);
        Kick();
    }

    private uint Phy => (uint)Controller.Phy.PhysicalId;
}
