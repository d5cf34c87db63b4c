using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>Where a packet of a transmit context is on its way.</summary>
internal enum JobStage
{
    /// <summary>Its data is still in memory.</summary>
    Reading,

    /// <summary>It is in the FIFO.</summary>
    Ready,

    /// <summary>The other side was busy.</summary>
    BackingOff,

    /// <summary>Its status is to be written.</summary>
    Done,
}

/// <summary>A descriptor block of an asynchronous transmit context, and the packet that it makes. Source: 1394 OHCI 1.1, sections 7.1 and 7.8.</summary>
internal sealed class SendJob(SecondController controller, string name, bool isForResponses, uint[] block, uint at)
{
    private int _last, _headerBytes;

    public Packet Packet { get; } = new();

    public JobStage Stage { get; set; }

    public int Retries { get; set; }

    /// <summary>What became of it.</summary>
    public uint Event { get; set; }

    public bool Underran { get; set; }

    /// <summary>The last descriptor, which has the status.</summary>
    public uint Last => at + (uint)(16 * _last);

    public uint Branch => block[4 * _last + 2];

    public uint BranchPlace => Last + 8;

    /// <summary>i: 3 always, 1 if it was not acknowledged as complete or pending.</summary>
    public uint Interrupt => block[4 * _last] >> 20 & 3;

    /// <summary>The first descriptor has the header; then come those of data, the last of which is OUTPUT_LAST (7.1).</summary>
    public bool TryFindLast()
    {
        int count = block.Length / 4;
        uint first = block[0];
        if ((first >> 24 & 7) != 2 || count < 2)
            return Complain("the first descriptor has no header");
        _headerBytes = (int)(first & 0xFFFF);
        if (_headerBytes is not (8 or 12 or 16))
            return Complain($"a header of {_headerBytes} bytes");
        for (int i = 0; i < count; i += (block[4 * i] >> 24 & 7) == 2 ? 2 : 1)
        {
            uint command = block[4 * i] >> 28, branches = block[4 * i] >> 18 & 3;
            if (command is not (0 or 1) || branches != (command == 1 ? 3u : 0u))
                return Complain($"descriptor {i} is {block[4 * i]:x8}");
            if (command == 1)
            {
                _last = i;
                int length = (block[4 * i] >> 24 & 7) == 2 ? 2 : 1;
                return i + length == count || Complain($"Z is {count} and the last descriptor {i}");
            }
        }
        return Complain("no last descriptor");
    }

    /// <summary>Reads what is in memory. False if that cannot be read.</summary>
    /// <param name="isPacket">It is a packet of those that this context sends.</param>
    public bool TryRead(out bool isPacket)
    {
        isPacket = false;
        Span<byte> room = Packet.Room;
        int bytes = 0;
        for (int i = 2; i <= _last; i++)
        {
            int length = (int)(block[4 * i] & 0xFFFF);
            if (!controller.Host.TryRead(block[4 * i + 1], room.Slice(bytes, length)))
                return false;
            bytes += length;
        }
        isPacket = TryBuild(bytes);
        return true;
    }

    /// <summary>7.1.5.3.3: the time until which a response may be sent, 3 bits of seconds and 13 of cycles, with its header.</summary>
    public bool IsExpired(uint now)
    {
        int late = (int)Cycles(now) - (int)Cycles(block[3] & 0xFFFF);
        late = (late % 64_000 + 64_000) % 64_000;
        return late is > 0 and < 32_000;
    }

    private static uint Cycles(uint stamp) => (stamp >> 13) * 8000 + (stamp & 0x1FFF);

    // 7.8: headers in memory have the speed where those on the bus have the destination.
    private bool TryBuild(int dataBytes)
    {
        uint q0 = block[4], q1 = block[5], q2 = block[6], q3 = block[7];
        var code = (Tcode)(q0 >> 4 & 0xF);
        Packet.Speed = (Speed)(q0 >> 16 & 7);
        if (code == Tcode.Phy)
        {
            if (q2 != ~q1)
                Complain("a PHY packet whose second quadlet is not the first's inverse");
            Packet.Phy(q1);
            return _headerBytes == 12;
        }
        uint speed = (uint)Packet.Speed;
        if (code == Tcode.Stream)
        {
            byte[] data = Packet.Room[..dataBytes].ToArray();
            Packet.Stream((int)(q0 >> 8) & 0x3F, (int)(q0 >> 14) & 3, (int)q0 & 0xF, data);
            Packet.Speed = (Speed)speed;
            return _headerBytes == 8 && q1 >> 16 == dataBytes || Complain("a stream of another length");
        }
        uint source = (q0 & 1 << 23) != 0 ? controller.NodeId & 0xFFFF : 0xFFC0 | controller.NodeId & 0x3F;
        if (code.HeaderQuadlets * 4 != _headerBytes || code.IsResponse != isForResponses)
            return Complain($"a header of {_headerBytes} bytes for {code}");
        uint length = _headerBytes == 16 && code.HasData ? q3 >> 16 : 0;
        if (length != dataBytes)
            return Complain($"{dataBytes} bytes of data where {length} are told");
        Packet.Request(code, 0, 0, 0, 0);
        Packet.Q0 = (q1 & 0xFFFF_0000) | (q0 & 0xFFFF);
        Packet.Q1 = source << 16 | (q1 & 0xFFFF);
        Packet.Q2 = q2;
        bool isQuadlet = code is Tcode.WriteQuadlet or Tcode.ReadQuadletResponse;
        Packet.Q3 = _headerBytes < 16 ? 0 : isQuadlet && !controller.SwapsData ? BinaryPrimitives.ReverseEndianness(q3) : q3;
        Packet.DataBytes = dataBytes;
        return true;
    }

    private bool Complain(string what)
    {
        controller.Complain($"{name}: {what} (7.1)");
        return false;
    }
}
