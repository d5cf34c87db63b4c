using System;
using System.Buffers.Binary;
using System.Collections.Generic;

namespace Sluice.Devices;

// Rings of queue 0: legacy receive descriptors, all kinds of transmit descriptors. Source: Intel 82574 datasheet 3.4, sections 7.1, 7.2.
public partial class Simulated82574
{
    public const int BufferBytes = 2048, LongestPlain = 1518, LongestJumbo = 9018, FcsBytes = 4;

    /// <summary>Offsets of the rings' registers, and of some within them.</summary>
    protected const uint Rdba = 0x2800, Tdba = 0x3800, LengthAt = 8, HeadAt = 0x10, TailAt = 0x18;

    private const uint Crc = 0x4000, Missed = 0x4010, GoodReceived = 0x4074, GoodSent = 0x4080, NoBuffers = 0x40A0, Undersize = 0x40A4, Oversize = 0x40AC;
    private const uint Enable = 1 << 1, StatusDone = 1, StatusEnd = 2;

    private readonly List<byte> _partial = [];
    private int _contextStart = -1, _contextAt = -1;

    /// <summary>Packets that went to the wire, with what the card put in, without the frame check sequence.</summary>
    public List<byte[]> Sent { get; } = [];

    /// <summary>Where they go as well.</summary>
    public Action<byte[]>? Wire { get; set; }

    /// <summary>Takes descriptors to send and does nothing with them.</summary>
    public bool IsTransmitStuck { get; set; }

    /// <summary>Sends, and never says so.</summary>
    public bool ReportsNothing { get; set; }

    /// <summary>Changes the word that says what was received (second of a descriptor, as written), for each descriptor.</summary>
    public Func<ulong, ulong>? Lie { get; set; }

    /// <summary>Descriptors that it may receive into now.</summary>
    public int ReceiveDescriptorsFree => (int)((this[Rdba + TailAt] - this[Rdba + HeadAt]) & (Descriptors(Rdba) - 1));

    /// <summary>Where a receive descriptor is in memory.</summary>
    public ulong ReceiveDescriptorAt(uint index) => Base(Rdba) + 16 * index;

    /// <summary>Where a transmit descriptor is in memory.</summary>
    public ulong TransmitDescriptorAt(uint index) => Base(Tdba) + 16 * index;

    /// <summary>A frame comes from the wire, without its check sequence. False if it goes nowhere.</summary>
    /// <param name="isDamaged">Whether its check sequence is wrong.</param>
    public bool Receive(ReadOnlySpan<byte> frame, bool isDamaged = false)
    {
        if (IsGone || !HasLink || (this[Rctl] & Enable) == 0 || !Passes(frame))
            return false;
        bool isTagged = frame.Length >= 16 && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == this[Vet];
        int longest = ((this[Rctl] & 1 << 5) != 0 ? LongestJumbo : LongestPlain) - FcsBytes + (isTagged ? 4 : 0);
        if (frame.Length > longest || frame.Length < 60 || isDamaged)
        {
            Count(isDamaged ? Crc : frame.Length < 60 ? Undersize : Oversize);
            return false;
        }
        ulong findings = ChecksumFindings(frame);
        byte[] data = frame.ToArray();
        if (isTagged && (this[Ctrl] & VlanMode) != 0)
        {
            findings |= (ulong)BinaryPrimitives.ReadUInt16BigEndian(frame[14..]) << 48 | 8UL << 32;
            data = [.. frame[..12], .. frame[16..]];
        }
        return Deliver(data, findings);
    }

    /// <summary>Writes received data, buffer by buffer, and says so; whatever was received.</summary>
    public bool Deliver(ReadOnlySpan<byte> data, ulong findings)
    {
        int needed = Math.Max(1, (data.Length + BufferBytes - 1) / BufferBytes);
        if (Memory == null || !IsBusMaster || ReceiveDescriptorsFree < needed)
        {
            Count(Missed);
            Count(NoBuffers);
            SetCauses(Overrun);
            return false;
        }
        for (int at = 0, part = 0; part < needed; part++, at += BufferBytes)
        {
            uint head = this[Rdba + HeadAt];
            ReadOnlySpan<byte> piece = data.Slice(at, Math.Min(BufferBytes, data.Length - at));
            Memory.Write(Read64(ReceiveDescriptorAt(head)), piece);
            bool isLast = part == needed - 1;
            ulong result = (uint)piece.Length | (ulong)(isLast ? StatusDone | StatusEnd : StatusDone) << 32 | (isLast ? findings : 0);
            this[Rdba + HeadAt] = (head + 1) & (Descriptors(Rdba) - 1);
            WriteResult(head, Lie == null ? result : Lie(result));
        }
        Count(GoodReceived);
        SetCauses(Received);
        return true;
    }

    /// <summary>Writes a receive descriptor's second word.</summary>
    public void WriteResult(uint index, ulong result) => Write64(ReceiveDescriptorAt(index) + 8, result);

    /// <summary>Says that a transmit descriptor is done, whether or not it is.</summary>
    public void ReportDone(uint index) => Write64(TransmitDescriptorAt(index) + 8, Read64(TransmitDescriptorAt(index) + 8) | 1UL << 32);

    /// <summary>Sends what it was given, if it was held up.</summary>
    public void Transmit()
    {
        // A tail that it never comes to costs it one turn of the ring.
        for (uint left = Descriptors(Tdba); left != 0 && CanTransmit; left--)
        {
            uint head = this[Tdba + HeadAt];
            ulong first = Read64(TransmitDescriptorAt(head)), command = Read64(TransmitDescriptorAt(head) + 8);
            Execute(first, command);
            this[Tdba + HeadAt] = (head + 1) & (Descriptors(Tdba) - 1);
            if ((command & 1 << 27) != 0 && !ReportsNothing)
                Write32(TransmitDescriptorAt(head) + 12, (uint)(command >> 32) | 1);
        }
    }

    private bool CanTransmit => !IsGone && !IsTransmitStuck && Memory != null && IsBusMaster && (this[Tctl] & Enable) != 0 && this[Tdba + HeadAt] != this[Tdba + TailAt];

    private void Execute(ulong first, ulong command)
    {
        const uint extended = 1 << 29;
        uint kind = (uint)(command >> 20) & 0xF;
        if ((command & extended) != 0 && kind == 0)
        {
            _contextStart = (byte)(first >> 32);
            _contextAt = (byte)(first >> 40);
            if ((command & 1 << 26) != 0)
                Violations.Add("a context that asks for segmentation");
            return;
        }
        bool isData = (command & extended) != 0;
        if (isData && kind != 1)
            Violations.Add($"a transmit descriptor of kind {kind}");
        int length = isData ? (int)command & 0xF_FFFF : (int)command & 0xFFFF;
        if (length == 0 || length > 16288)
            Violations.Add($"a part of {length} bytes to send");
        byte[] part = new byte[length];
        Memory!.Read(first, part);
        _partial.AddRange(part);
        if ((command & 1 << 24) == 0)
            return;
        byte[] packet = [.. _partial];
        _partial.Clear();
        if ((command & 1 << 25) == 0)
            Violations.Add("a packet without a frame check sequence");
        if (isData && (command >> 41 & 1) != 0)
            InsertChecksum(packet);
        if ((command & 1 << 30) != 0 && (this[Ctrl] & VlanMode) != 0 && packet.Length >= 12)
            packet = [.. packet[..12], (byte)(this[Vet] >> 8), (byte)this[Vet], (byte)(command >> 56), (byte)(command >> 48), .. packet[12..]];
        if (packet.Length < 17 || packet.Length > LongestJumbo - FcsBytes + 4)
            Violations.Add($"a packet of {packet.Length} bytes sent");
        if (packet.Length < 60)
            Array.Resize(ref packet, 60);
        if (!HasLink)
            return;
        Count(GoodSent);
        Sent.Add(packet);
        Wire?.Invoke(packet);
    }

    private void InsertChecksum(byte[] packet)
    {
        if (_contextStart < 0 || _contextStart >= packet.Length || _contextAt + 2 > packet.Length)
        {
            Violations.Add($"a checksum from {_contextStart} to be put at {_contextAt} of {packet.Length} bytes");
            return;
        }
        ushort sum = Sum(packet.AsSpan(_contextStart), 0);
        // Of UDP, zero means that there is none; what is all ones is as good.
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(_contextAt), sum == 0xFFFF ? sum : (ushort)~sum);
    }

    // What it finds out about an IPv4 packet's sums, as bits of the descriptor's second word.
    private ulong ChecksumFindings(ReadOnlySpan<byte> frame)
    {
        const ulong ignore = 4UL << 32, udp = 0x10UL << 32, transport = 0x20UL << 32, header = 0x40UL << 32, inexact = 0x80UL << 32, transportWrong = 0x20UL << 40, headerWrong = 0x40UL << 40;
        int at = frame.Length >= 16 && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == 0x8100 ? 18 : 14;
        if ((this[Rxcsum] & 0x300) == 0 || BinaryPrimitives.ReadUInt16BigEndian(frame[(at - 2)..]) != 0x0800 || frame[at] != 0x45)
            return ignore;
        ulong findings = (Sum(frame.Slice(at, 20), 0) == 0xFFFF ? header : header | headerWrong) | ((frame[0] & 1) != 0 ? inexact : 0);
        int total = BinaryPrimitives.ReadUInt16BigEndian(frame[(at + 2)..]);
        byte protocol = frame[at + 9];
        if (protocol is not (6 or 17) || total > frame.Length - at || total < 28)
            return findings;
        ReadOnlySpan<byte> segment = frame.Slice(at + 20, total - 20);
        uint pseudo = (uint)Sum(frame.Slice(at + 12, 8), 0) + protocol + (uint)segment.Length;
        findings |= protocol == 17 ? udp | transport : transport;
        return Sum(segment, pseudo) == 0xFFFF ? findings : findings | transportWrong;
    }

    /// <summary>The Internet's sum in ones' complement, not inverted. Source: RFC 1071.</summary>
    public static ushort Sum(ReadOnlySpan<byte> bytes, uint start)
    {
        uint sum = start;
        for (int i = 0; i < bytes.Length; i++)
            sum += (i & 1) == 0 ? (uint)bytes[i] << 8 : bytes[i];
        while (sum > 0xFFFF)
            sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)sum;
    }

    private bool Passes(ReadOnlySpan<byte> frame)
    {
        ulong address = BinaryPrimitives.ReadUInt32LittleEndian(frame) | (ulong)BinaryPrimitives.ReadUInt16LittleEndian(frame[4..]) << 32;
        uint control = this[Rctl];
        if ((address & 1) == 0)
            return (control & 1 << 3) != 0 || (this[Rah] & 1u << 31) != 0 && address == (this[Ral] | (ulong)(ushort)this[Rah] << 32);
        if (address == 0xFFFF_FFFF_FFFF && (control & 1 << 15) != 0 || (control & 1 << 4) != 0)
            return true;
        uint hash = (uint)(address >> (Is82574 ? 36 : 38)) & (Is82574 ? 0xFFFu : 0x3FF);
        return (this[Mta + (hash >> 5) * 4] >> (int)(hash & 31) & 1) != 0;
    }

    private void WriteTail(uint offset, uint tail)
    {
        uint ring = offset - TailAt;
        if (tail != 0 && (tail >= Descriptors(ring) || Base(ring) % 16 != 0 || this[ring + LengthAt] % 128 != 0))
            Violations.Add($"tail {tail} of a ring of {this[ring + LengthAt]} bytes at {Base(ring):x}");
        this[offset] = tail;
        if (ring == Tdba)
            Transmit();
    }

    /// <summary>How many descriptors a ring has.</summary>
    protected uint Descriptors(uint ring) => Math.Max(1, this[ring + LengthAt] / 16);

    /// <summary>Where a ring is in memory.</summary>
    protected ulong Base(uint ring) => this[ring] | (ulong)this[ring + 4] << 32;

    private ulong Read64(ulong address)
    {
        Span<byte> bytes = stackalloc byte[8];
        Memory!.Read(address, bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Writes to memory.</summary>
    protected void Write64(ulong address, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Memory!.Write(address, bytes);
    }

    private void Write32(ulong address, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        Memory!.Write(address, bytes);
    }
}
