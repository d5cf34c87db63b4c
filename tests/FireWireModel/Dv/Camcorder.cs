using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Dv;

/// <summary>
/// A camcorder that plays a tape: AV/C commands make it, plugs say on which channel, and a packet goes out in each cycle, 480 bytes of DV
/// or none, as the rate of the frames wants it. Source: IEC 61883-1 (FCP, plugs, CIP headers) and IEC 61883-2 (SD-DVCR).
/// </summary>
public class Camcorder : Node
{
    /// <summary>Where commands come, and where responses go.</summary>
    public const ulong Command = Csr.Base + 0xB00, Response = Csr.Base + 0xD00;

    private const int CipBytes = 8, CyclesPerSecond = 8000, NoTime = 0xFFFF, Latency = 3;
    private const byte Quadlets = DvSystem.PacketBytes / 4;
    private static readonly long _patience = BusTime.TicksPerSecond;

    private readonly DvTape _tape;
    private readonly PlugRegisters _plugs = new((DvSystem.PacketBytes + CipBytes) / 4);
    private readonly Packet _packet = new();
    private readonly byte[] _frame, _data = new byte[DvSystem.PacketBytes + CipBytes];
    private long _phase, _reset = long.MinValue;
    private int _sent;
    private byte _continuity;
    private bool _isDue;

    public Camcorder(in BusInformation information, DvTape tape) : base(information, Directory(information))
    {
        _tape = tape;
        Recorder = new TapeRecorder(tape.System, (uint)(information.Guid >> 40));
        _frame = new byte[tape.System.FrameBytes];
        _sent = tape.System.FramePackets;
    }

    /// <summary>What answers commands.</summary>
    public TapeRecorder Recorder { get; }

    /// <summary>The number that its packets say they are of; null: its own.</summary>
    public int? Sender { get; set; }

    /// <summary>Frames that were sent whole.</summary>
    public long Frames { get; private set; }

    /// <summary>Packets that were sent without data.</summary>
    public long EmptyPackets { get; private set; }

    public override bool NeedsCycles => IsSending;

    // After a bus reset whoever was connected has a second to say so again.
    private bool IsSending => Recorder.Transport != Transport.Stop && (_plugs.IsConnected || (_reset != long.MinValue && Phy.Bus.Simulator.Now - _reset < _patience));

    private DvSystem System => _tape.System;

    public override void ResetStarted()
    {
        if (_plugs.IsConnected)
            _reset = Phy.Bus.Simulator.Now;
        _plugs.BusReset();
        base.ResetStarted();
    }

    public override void SelfIdentified(ReadOnlySpan<uint> selfIds)
    {
        base.SelfIdentified(selfIds);
        Phy.Segment.CyclesChanged();
    }

    public override void CycleStarted(uint cycleTime) => _isDue = IsSending;

    public override Packet? NextIsochronous(uint cycleTime)
    {
        if (!_isDue)
            return null;
        _isDue = false;
        // So many packets with data in 1,001 seconds, of so many cycles.
        const long cycles = CyclesPerSecond * 1001L;
        _phase += (long)System.FramePackets * System.FramesPer1001Seconds;
        bool hasData = _phase >= cycles;
        int time = NoTime;
        if (hasData)
        {
            _phase -= cycles;
            if (_sent == System.FramePackets)
            {
                BeginFrame();
                time = (int)((((cycleTime >> 12) & 0x1FFF) + Latency) & 0xF) << 12;
            }
            _frame.AsSpan(_sent * DvSystem.PacketBytes, DvSystem.PacketBytes).CopyTo(_data.AsSpan(CipBytes));
        }
        WriteHeader(time);
        _packet.Stream(_plugs.Channel, 1, 0, _data.AsSpan(0, hasData ? _data.Length : CipBytes));
        _packet.Speed = (Speed)Math.Min((byte)_plugs.Speed, (byte)Phy.MaxSpeed);
        if (!hasData)
        {
            EmptyPackets++;
            return _packet;
        }
        _continuity++;
        if (++_sent == System.FramePackets)
            Frames++;
        return _packet;
    }

    protected override bool HasOwnRegister(int register) => PlugRegisters.Owns(register) || register is >= (int)(Command - Csr.Base) and < (int)(Response - Csr.Base);

    protected override Rcode Read(ushort source, ulong offset, Span<byte> data)
    {
        if (data.Length != 4 || !_plugs.TryRead((int)(offset - Csr.Base), out uint value) || offset >= Csr.Base + Csr.End)
            return Rcode.AddressError;
        BinaryPrimitives.WriteUInt32BigEndian(data, value);
        return Rcode.Complete;
    }

    protected override Rcode Write(ushort source, ulong offset, ReadOnlySpan<byte> data, Speed speed)
    {
        if (offset != Command)
            return Rcode.AddressError;
        Span<byte> response = stackalloc byte[TapeRecorder.MostBytes];
        if (!Recorder.TryAnswer(data, response))
            return Rcode.TypeError;
        // What was left of a frame when the tape stopped does not come later.
        if (Recorder.Transport == Transport.Stop)
            _sent = System.FramePackets;
        else if (!_plugs.IsConnected)
            _plugs.ConnectToAll();
        Phy.Segment.CyclesChanged();
        return TryWrite(source, Response, response[..data.Length], (_, _) => { }) ? Rcode.Complete : Rcode.ConflictError;
    }

    protected override Rcode LockMemory(ushort source, ulong offset, LockOperation operation, ReadOnlySpan<byte> data, Span<byte> old)
    {
        if (offset >= Csr.Base + Csr.End)
            return Rcode.AddressError;
        Rcode rcode = _plugs.Lock((int)(offset - Csr.Base), operation, data, old);
        Phy.Segment.CyclesChanged();
        return rcode;
    }

    private void BeginFrame()
    {
        _tape.Read(Recorder.Position, _frame);
        if (Recorder.Transport == Transport.Play)
            Recorder.Position++;
        _sent = 0;
    }

    // Source: IEC 61883-1, section 6.2, and 61883-2, section 4: data blocks of 120 quadlets, not cut, without source packet headers.
    private void WriteHeader(int time)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_data, ((uint)(Sender ?? Phy.PhysicalId) << 24) | (Quadlets << 16) | _continuity);
        BinaryPrimitives.WriteUInt32BigEndian(_data.AsSpan(4), 0x8000_0000 | ((uint)System.Flag << 23) | (uint)time);
    }

    // Source: AV/C General 4.0, section 5.
    private static RomDirectory Directory(in BusInformation information) =>
        new RomDirectory().Value(0x03, (uint)(information.Guid >> 40)).Text("Sluice").Value(0x17, 5).Text("Camcorder").Value(0x0C, 0x00_83C0)
            .Directory(0xD1, new RomDirectory().Value(0x12, 0x00_A02D).Value(0x13, 0x01_0001).Value(0x17, 5).Text("Camcorder"));
}
