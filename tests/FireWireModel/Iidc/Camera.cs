using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Iidc;

/// <summary>
/// A camera that sends <see cref="TestPicture"/>s in the modes of Format_0, a packet each cycle, the first of a frame with sync 1.
/// Source: IIDC 1.31 (1394 Trade Association, TS 2003017).
/// </summary>
public sealed class Camera : Node
{
    /// <summary>Where its command registers are.</summary>
    public const ulong CommandBase = Csr.Base + 0xF0_0000;

    private const int CommandBytes = 0x1000, EighthsPerCycles = BusCycles * 8, BusCycles = (int)(BusTime.TicksPerSecond / BusTime.TicksPerCycle);

    private readonly CameraRegisters _registers = new();
    private readonly Packet _packet = new();
    private byte[] _frame = [];
    private int _sent, _phase;
    private bool _isDue;

    public Camera(in BusInformation information) : base(information, Directory(information))
    {
    }

    /// <summary>How it answers what its registers are asked before it looks; to be dequeued by each request. Null in it: it looks.</summary>
    public Queue<Rcode?> Refusals { get; } = new();

    /// <summary>Frames that were sent whole.</summary>
    public long Frames { get; private set; }

    public override bool NeedsCycles => _registers.IsSending || IsInFrame;

    private bool IsInFrame => _sent < _frame.Length;

    /// <summary>Switches its power off, as a register of it does.</summary>
    public void SwitchOff() => _registers.SwitchOff();

    public override void CycleStarted(uint cycleTime)
    {
        _isDue = true;
        _phase = Math.Min(_phase + (VideoMode.SlowestRate << _registers.Rate), EighthsPerCycles);
        if (IsInFrame || !_registers.IsSending || _phase < EighthsPerCycles)
            return;
        _phase -= EighthsPerCycles;
        if (_frame.Length != _registers.Mode.FrameBytes)
            _frame = new byte[_registers.Mode.FrameBytes];
        TestPicture.Draw(_registers.Mode, (uint)Frames, _registers.Brightness, _frame);
        _sent = 0;
    }

    public override Packet? NextIsochronous(uint cycleTime)
    {
        if (!_isDue || !IsInFrame)
            return null;
        _isDue = false;
        int bytes = Math.Min(_registers.Mode.PacketBytes(_registers.Rate), _frame.Length - _sent);
        _packet.Stream(_registers.Channel, 0, _sent == 0 ? 1 : 0, _frame.AsSpan(_sent, bytes));
        _packet.Speed = _registers.Speed;
        _sent += bytes;
        if (!IsInFrame)
        {
            Frames++;
            _registers.FrameSent();
        }
        return _packet;
    }

    protected override Rcode Read(ushort source, ulong offset, Span<byte> data)
    {
        if (offset - CommandBase >= CommandBytes || (offset & 3) != 0 || data.Length != 4)
            return Rcode.AddressError;
        if (Refusals.TryDequeue(out Rcode? refusal) && refusal != null)
            return refusal.Value;
        if (!_registers.TryRead((int)(offset - CommandBase), out uint value))
            return Rcode.AddressError;
        BinaryPrimitives.WriteUInt32BigEndian(data, value);
        return Rcode.Complete;
    }

    protected override Rcode Write(ushort source, ulong offset, ReadOnlySpan<byte> data, Speed speed)
    {
        if (offset - CommandBase >= CommandBytes || (offset & 3) != 0 || data.Length != 4)
            return Rcode.AddressError;
        if (Refusals.TryDequeue(out Rcode? refusal) && refusal != null)
            return refusal.Value;
        bool was = _registers.IsSending;
        if (!_registers.TryWrite((int)(offset - CommandBase), BinaryPrimitives.ReadUInt32BigEndian(data)))
            return Rcode.AddressError;
        if (!was && _registers.IsSending)
        {
            _phase = EighthsPerCycles;
            Phy.Segment.CyclesChanged();
        }
        return Rcode.Complete;
    }

    // Source: IIDC 1.31, section 1.3: specifier and version, then where the registers are, and names in minimal ASCII.
    private static RomDirectory Directory(in BusInformation information)
    {
        RomDirectory registers = new RomDirectory().Value(0x40, (uint)((CommandBase - Csr.Base) / 4)).Text("Sluice").Text("Test pictures", 0x82).Value(0x38, 0x10);
        RomDirectory unit = new RomDirectory().Value(0x12, 0x00_A02D).Value(0x13, 0x00_0102).Directory(0xD4, registers);
        return new RomDirectory().Value(0x03, (uint)(information.Guid >> 40)).Text("Sluice").Value(0x17, 4).Text("Camera").Value(0x0C, 0x00_83C0).Directory(0xD1, unit);
    }
}
