using System;

namespace Sluice.Devices;

// Transfers between memory and 4096 bytes of its own, one at a time. What QEMU would end the machine for is a violation.
public sealed partial class SimulatedEdu
{
    public const uint TransferDone = 0x100, OwnBytes = 4096;

    private const ulong OwnStart = 0x40000;
    private const uint Start = 1, ToMemory = 2, InterruptAtEnd = 4;

    private ulong _source, _destination, _count, _command;

    /// <summary>Memory as it sees it; without, its reads give all ones and its writes go nowhere.</summary>
    public IDeviceMemory? Memory { get; set; }

    /// <summary>Calls something so many microseconds later. Without it, transfers never end.</summary>
    public Action<ulong, Action>? After { get; set; }

    /// <summary>How long a transfer takes.</summary>
    public ulong TransferMicroseconds { get; set; } = 100_000;

    /// <summary>Its own memory.</summary>
    public byte[] Own { get; } = new byte[OwnBytes];

    /// <summary>Transfers that ended.</summary>
    public int Transfers { get; private set; }

    /// <summary>Whether a transfer runs.</summary>
    public bool IsTransferring => (_command & Start) != 0;

    /// <summary>Never ends a transfer, and has moved half of it.</summary>
    public bool IsTransferStuck { get; set; }

    /// <summary>Goes when a transfer is half done.</summary>
    public bool GoesInTransfer { get; set; }

    /// <summary>Ends transfers without the interrupt.</summary>
    public bool LosesInterrupts { get; set; }

    /// <summary>Stays bus master whatever software says.</summary>
    public bool StaysBusMaster { get; set; }

    /// <summary>Called when a transfer has moved its bytes, before it says so.</summary>
    public Action? Moved { get; set; }

    public override void WriteConfiguration(int offset, int bytes, uint value)
    {
        const uint busMaster = 4;
        if (StaysBusMaster && offset == 4)
            value |= busMaster;
        base.WriteConfiguration(offset, bytes, value);
    }

    /// <summary>Starts a transfer as an earlier owner of the machine might have left it.</summary>
    public void StartTransfer(ulong source, ulong destination, uint count, uint command)
    {
        (_source, _destination, _count) = (source, destination, count);
        WriteTransfer(0x98, command | Start);
    }

    private ulong ReadTransfer(uint offset) => offset switch
    {
        0x80 => _source,
        0x88 => _destination,
        0x90 => _count,
        0x98 => _command,
        _ => 0,
    };

    private void WriteTransfer(uint offset, ulong value)
    {
        if (offset is not (0x80 or 0x88 or 0x90 or 0x98) || offset == 0x98 && (value & Start) == 0)
            return;
        if (IsTransferring)
        {
            Violations.Add($"register {offset:x} written while a transfer runs");
            return;
        }
        switch (offset)
        {
            case 0x80:
                _source = value;
                break;
            case 0x88:
                _destination = value;
                break;
            case 0x90:
                _count = value;
                break;
            default:
                _command = value;
                After?.Invoke(TransferMicroseconds / 2, Halfway);
                break;
        }
    }

    // All at once, but where it is to fail in the middle.
    private void Halfway()
    {
        if (!IsGone && (GoesInTransfer || IsTransferStuck))
            Move(_count / 2);
        IsGone |= GoesInTransfer;
        if (!IsTransferStuck)
            After?.Invoke(TransferMicroseconds - TransferMicroseconds / 2, Finish);
    }

    private void Finish()
    {
        if (IsGone)
            return;
        Move(_count);
        Moved?.Invoke();
        _command &= ~(ulong)Start;
        Transfers++;
        if ((_command & InterruptAtEnd) != 0 && !LosesInterrupts)
            Raise(TransferDone);
    }

    private void Move(ulong count)
    {
        bool toMemory = (_command & ToMemory) != 0;
        ulong own = (toMemory ? _source : _destination) - OwnStart, memory = toMemory ? _destination : _source;
        // As QEMU 7.2 has it, the end of the last byte is out of range.
        if (own >= OwnBytes || count >= OwnBytes - own)
        {
            Violations.Add($"a transfer of {count} bytes at {own:x} of its own memory");
            return;
        }
        Span<byte> bytes = Own.AsSpan((int)own, (int)count);
        if (!toMemory && (!IsBusMaster || Memory == null))
            bytes.Fill(0xFF);
        else if (!toMemory)
            Memory!.Read(memory, bytes);
        else if (IsBusMaster)
            Memory?.Write(memory, bytes);
    }
}
