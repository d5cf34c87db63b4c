using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>Who waits for a stream packet to be sent.</summary>
public interface IStreamHandler
{
    /// <summary>It is its owner's again, and may be used at once; <see cref="StreamPacket.Result"/> says how it ended. Work in the CPU's loop, or in the controller's.</summary>
    [PacketPath]
    void OnSent(StreamPacket packet);
}

/// <summary>
/// An asynchronous stream packet: to all who listen to a channel, without an acknowledge. Made while starting, filled, given to
/// <see cref="FireWireBus.Send(StreamPacket)"/>, and used again when its handler was called. Source: IEEE 1394a-2000, section 6.2.4
/// (asynchronous streams).
/// </summary>
public sealed unsafe class StreamPacket(IStreamHandler handler) : OutPacket
{
    /// <summary>Complete: it went out, whoever heard it. BusReset, OldGeneration, BadLength and NotSent: it did not.</summary>
    public TransactionResult Result { get; internal set; }

    /// <summary>Not with its owner.</summary>
    public bool IsUnderWay { get; internal set; }

    internal IStreamHandler Handler { get; } = handler;

    /// <summary>Says what is to be sent.</summary>
    /// <param name="generation">The bus that it is for, as a GASP header holds our number there.</param>
    /// <param name="tag">0, or what the data begins with: 3 a <see cref="GaspHeader"/>.</param>
    /// <param name="data">1 byte to <see cref="CodeFacts"/>' MostBytes of the speed: as it is when the packet is sent.</param>
    public StreamPacket Fill(byte generation, int channel, int tag, int sync, BusSpeed speed, byte* data, int bytes)
    {
        Begin(generation, PacketHeader.Stream(bytes, tag, channel, sync), speed, bytes);
        From = data;
        return this;
    }

    /// <summary>Says the same with the data of a frame, which lies in one part; the frame is given back to its pool when it was sent.</summary>
    public StreamPacket Fill(byte generation, int channel, int tag, int sync, BusSpeed speed, ref Frame frame)
    {
        var bytes = (int)frame.Length;
        Begin(generation, PacketHeader.Stream(bytes, tag, channel, sync), speed, bytes);
        Payload = Own.Move(ref frame);
        return this;
    }

    private void Begin(byte generation, PacketHeader header, BusSpeed speed, int bytes)
    {
        if (IsUnderWay)
            Bug.Stop("a stream packet is changed while it is under way"u8);
        // One that was filled and not sent.
        FreePayload();
        Generation = generation;
        Speed = speed;
        SetHeader(header, CodeFacts.OfStream);
        DataBytes = bytes;
        From = null;
    }
}

public sealed unsafe partial class FireWireBus
{
    /// <summary>Sends a stream packet. Its handler is called once, whatever happens, and not before this returns.</summary>
    [PacketPath]
    public void Send(StreamPacket packet)
    {
        if (packet.IsUnderWay)
            Bug.Stop("a stream packet is sent while it is under way"u8);
        packet.IsUnderWay = true;
        if (!IsUp)
            Finish(packet, TransactionResult.BusReset);
        else if (packet.Generation != Generation)
            Finish(packet, TransactionResult.OldGeneration);
        else if (packet.DataBytes < 1 || packet.DataBytes > packet.Speed.MostBytes)
            Finish(packet, TransactionResult.BadLength);
        else if (packet.From != null && !TryCopy(packet))
            Finish(packet, TransactionResult.NotSent);
        else
            GiveInTurn(packet);
    }

    private void StreamSent(StreamPacket packet, AckCode ack)
    {
        packet.Result = ack switch
        {
            AckCode.Complete or AckCode.Missing => TransactionResult.Complete,
            AckCode.Flushed => TransactionResult.BusReset,
            _ => TransactionResult.NotSent,
        };
        Call(packet);
    }

    private void Finish(StreamPacket packet, TransactionResult result)
    {
        packet.Result = result;
        _finished.Push(packet);
        _work.Mark();
    }

    private void Call(StreamPacket packet)
    {
        if (packet.Result == TransactionResult.Complete)
            Counters.StreamsSent++;
        else
            Counters.StreamsLost++;
        packet.FreePayload();
        packet.IsUnderWay = false;
        packet.Handler.OnSent(packet);
    }
}
