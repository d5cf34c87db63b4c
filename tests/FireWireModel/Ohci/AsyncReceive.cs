using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;

namespace Sluice.FireWire.Ohci;

/// <summary>
/// A context that takes requests or responses of others into a stream of buffers: header, data in whole quadlets, trailer.
/// Source: 1394 OHCI 1.1, section 8.
/// </summary>
internal sealed class AsyncReceive(OhciController controller, IntEvent packetReceived, IntEvent bufferFilled) : DmaContext(controller)
{
    private readonly BufferStream _stream = new(controller.Host, controller.DescriptorBytes);
    private readonly byte[] _bytes = new byte[Packet.MostBytes + 32];

    /// <summary>Times that a packet came and there was no room.</summary>
    public long Full { get; private set; }

    /// <summary>Takes a packet.</summary>
    /// <param name="ack">What is acknowledged if there is room.</param>
    /// <returns>That, or busy.</returns>
    public Ack Take(Packet packet, Ack ack) => TryPut(Encode(packet), (int)packet.Speed, (EventCode)(0x10 | (int)ack)) ? ack : Ack.BusyX;

    /// <summary>Takes a packet between PHYs, or lets it be.</summary>
    public void TakePhy(uint first, uint second) => TryPut(EncodePhy(first, second), 0, EventCode.AckComplete);

    /// <summary>Says that a bus reset came, between the packets before and after it.</summary>
    public void TakeReset(int generation) => TryPut(EncodePhy(0, (uint)generation << 16), 0, EventCode.BusReset);

    /// <summary>Writes to the last buffer, if nobody let it.</summary>
    public void WriteStopped()
    {
        Span<byte> garbage = stackalloc byte[16];
        garbage.Fill(0x66);
        if (!IsRunning && _stream.BufferEnd != 0)
            Host.TryWrite(_stream.BufferEnd - (uint)_stream.BufferBytes, garbage);
    }

    protected override void Started() => Begin(CommandPtr);

    protected override void Woken()
    {
        if (!_stream.IsOpen)
            Begin(_stream.Last == 0 ? CommandPtr : ReadBranch());
    }

    protected override void Stopped() => _stream.Close();

    private uint ReadBranch() => Host.TryRead32(_stream.Last + 8, out uint branch) ? branch : 0;

    private void Begin(uint branch)
    {
        if (!Go(branch))
            return;
        EventCode error = _stream.Open(branch);
        if (error != EventCode.None)
            Die(error);
    }

    private bool TryPut(int bytes, int speed, EventCode code)
    {
        if (!IsRunning)
            return false;
        if (!_stream.IsOpen || !_stream.HasRoom(bytes + 4))
        {
            Full++;
            return false;
        }
        bool hasFaults = Controller.Faults != 0;
        _stream.ResidualError = 0;
        if (hasFaults)
        {
            if (Controller.FaultUnit.Has(OhciFaults.DeadContext))
                Die(EventCode.Unknown);
            if (IsDead)
                return false;
            bytes = Controller.FaultUnit.SpoilPacket(_bytes.AsSpan(0, bytes), (Tcode)(_bytes[0] >> 4));
            code = Controller.FaultUnit.SpoilCode(code);
            _stream.ResidualError = Controller.FaultUnit.ResidualError(_stream.BufferBytes);
        }
        uint status = Status(code, speed);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(bytes), status | Controller.TimeStamp);
        if (Controller.Has(OhciQuirks.BigEndianHeaders))
            _bytes.AsSpan(bytes, 4).Reverse();
        EventCode error = _stream.Put(_bytes.AsSpan(0, bytes + 4), status, out bool hasInterrupt);
        CommandPtrShown(_stream.Current);
        if (error != EventCode.None)
        {
            Die(error);
            return false;
        }
        if (hasFaults)
        {
            Controller.FaultUnit.Overrun(_stream.BufferEnd);
            if (_stream.Finished != 0)
                Controller.FaultUnit.SpoilDescriptor(_stream.Finished);
        }
        SetActive(_stream.IsOpen);
        Controller.Interrupts.Raise(packetReceived | (hasInterrupt ? bufferFilled : 0));
        return true;
    }

    private void CommandPtrShown(uint block)
    {
        if (block != 0)
            Go(block);
    }

    private int Encode(Packet packet)
    {
        int quadlets = packet.Code.HeaderQuadlets;
        Span<byte> bytes = _bytes;
        bool isData = packet.Code is Tcode.WriteQuadlet or Tcode.ReadQuadletResponse;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, packet.Q0);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], packet.Q1);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], packet.Q2);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], isData ? Controller.SwapData(packet.Q3) : packet.Q3);
        int header = quadlets * 4, padded = (packet.DataBytes + 3) & ~3;
        bytes.Slice(header, padded).Clear();
        packet.Data.CopyTo(bytes[header..]);
        Controller.SwapData(bytes.Slice(header, padded));
        if (Controller.Has(OhciQuirks.BigEndianHeaders))
            OhciController.ReverseWords(bytes[..(isData ? 12 : header)]);
        return header + padded;
    }

    private int EncodePhy(uint first, uint second)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes, (uint)Tcode.Phy << 4);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(4), first);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(8), second);
        if (Controller.Has(OhciQuirks.BigEndianHeaders))
            OhciController.ReverseWords(_bytes.AsSpan(0, 12));
        return 12;
    }
}
