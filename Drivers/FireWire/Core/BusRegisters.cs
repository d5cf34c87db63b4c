using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>
/// Our registers, as others see them: quadlets. What a controller answers by itself does not come here. Source: IEEE 1394-1995, section
/// 8.3.2; 1394a-2000 for the broadcast channel.
/// </summary>
public sealed class BusRegisters : AddressHandler
{
    public const ulong Base = 0xFFFF_F000_0000;

    public const int StateClear = 0x000, StateSet = 0x004, NodeIds = 0x008, ResetStart = 0x00C, SplitTimeoutHi = 0x018, SplitTimeoutLo = 0x01C;
    public const int CycleTime = 0x200, BusTime = 0x204, BusyTimeout = 0x210, BusManagerId = 0x21C, BandwidthAvailable = 0x220;
    public const int ChannelsHi = 0x224, ChannelsLo = 0x228, BroadcastChannel = 0x234;

    /// <summary>In <see cref="StateClear"/>: sends cycle starts.</summary>
    public const uint CycleMaster = 0x100;

    /// <summary>In <see cref="StateClear"/>: another is to be bus manager after the next reset. Source: IEEE 1394a-2000, section 8.3.2.2.1.</summary>
    public const uint Abdicate = 0x400;

    /// <summary>In <see cref="BroadcastChannel"/>: the channel in bits 5:0 is allocated.</summary>
    public const uint IsValid = 1 << 30;

    // SPLIT_TIMEOUT: seconds 2:0, cycles 31:19. 1394a-2000, 8.3.2.2.6: less than 100 ms counts as that.
    private const uint LeastCycles = 800, CyclesPerSecond = 8000;

    private readonly FireWireBus _bus;
    private readonly IFireWireController _controller;
    private uint _splitHi, _splitLo = LeastCycles << 19, _busyTimeout;
    private ulong _secondsBase;
    private bool _isAbdicating;

    internal BusRegisters(FireWireBus bus, IFireWireController controller) : base(Base, 0x400)
    {
        _bus = bus;
        _controller = controller;
        Measure();
    }

    /// <summary>Whether we send cycle starts as long as we are root.</summary>
    public bool IsCycleMaster { get; private set; }

    /// <summary>Of isochronous streams for all; channel 31 unless somebody says otherwise.</summary>
    public uint Broadcast { get; private set; } = 0x8000_001F;

    /// <summary>How long a request waits for its response: 100 ms to 8 s.</summary>
    public uint SplitMicroseconds { get; private set; }

    /// <summary>The same in ticks of <see cref="Cpu.Timestamp"/>.</summary>
    public ulong SplitTicks { get; private set; }

    /// <summary>The same in cycles of 125 us.</summary>
    public uint SplitCycles { get; private set; }

    /// <summary>How long a response is good for, as <see cref="CycleMath"/> adds it: not longer, and what times of three bits of seconds can tell from the past.</summary>
    public uint ResponseTime { get; private set; }

    /// <summary>Becomes cycle master if we are root, or stops to be.</summary>
    public void SetCycleMaster(bool isMaster)
    {
        IsCycleMaster = isMaster && _bus.IsUp && _bus.Topology.Local == _bus.Topology.Root;
        _controller.SetCycleMaster(IsCycleMaster);
    }

    /// <summary>Has requests wait for their responses for so many seconds, 7 at most; 0 for the 100 ms that are the least.</summary>
    public void SetSplitSeconds(uint seconds)
    {
        (_splitHi, _splitLo) = (seconds & 7, LeastCycles << 19);
        Measure();
    }

    /// <summary>The channel for broadcast is allocated, or is not any more.</summary>
    public void SetBroadcastValid(bool isValid) => Broadcast = isValid ? Broadcast | IsValid : Broadcast & ~IsValid;

    /// <inheritdoc/>
    public override ResponseCode Read(in IncomingRequest request, ulong offset, Span<byte> data)
    {
        if (data.Length != 4 || (offset & 3) != 0)
            return ResponseCode.TypeError;
        if (!TryRead((int)(offset - Base), out uint value))
            return ResponseCode.AddressError;
        BinaryPrimitives.WriteUInt32BigEndian(data, value);
        return ResponseCode.Complete;
    }

    /// <inheritdoc/>
    public override ResponseCode Write(in IncomingRequest request, ulong offset, ReadOnlySpan<byte> data)
    {
        if (data.Length != 4 || (offset & 3) != 0)
            return ResponseCode.TypeError;
        uint value = BinaryPrimitives.ReadUInt32BigEndian(data);
        switch ((int)(offset - Base))
        {
            case StateClear:
                if ((value & CycleMaster) != 0)
                    SetCycleMaster(false);
                _isAbdicating &= (value & Abdicate) == 0;
                break;
            case StateSet:
                if ((value & CycleMaster) != 0)
                    SetCycleMaster(true);
                _isAbdicating |= (value & Abdicate) != 0;
                break;
            // There are no other buses; the cycle timer is the cycle master's; a command reset has nothing to reset.
            case NodeIds or CycleTime or ResetStart:
                break;
            case SplitTimeoutHi:
                _splitHi = value & 7;
                Measure();
                break;
            case SplitTimeoutLo:
                _splitLo = value & 0xFFF8_0000;
                Measure();
                break;
            case BusTime:
                _secondsBase = (value & ~0x7Ful) - (Clock.Microseconds / 1_000_000 & ~0x7Ful);
                break;
            case BusyTimeout:
                _busyTimeout = value & 0xF;
                break;
            case BroadcastChannel:
                SetBroadcastValid((value & IsValid) != 0);
                break;
            default:
                return TryRead((int)(offset - Base), out _) ? ResponseCode.TypeError : ResponseCode.AddressError;
        }
        return ResponseCode.Complete;
    }

    /// <inheritdoc/>
    public override ResponseCode Lock(in IncomingRequest request, ulong offset, LockOperation operation, ReadOnlySpan<byte> data, Span<byte> old)
    {
        int register = (int)(offset - Base);
        if (register is < BusManagerId or > ChannelsLo || (register & 3) != 0)
            return TryRead(register, out _) ? ResponseCode.TypeError : ResponseCode.AddressError;
        if (operation != LockOperation.CompareSwap || data.Length != 8)
            return ResponseCode.TypeError;
        uint expected = BinaryPrimitives.ReadUInt32BigEndian(data), value = BinaryPrimitives.ReadUInt32BigEndian(data[4..]);
        if (_controller.LockRegister((register - BusManagerId) / 4, expected, value, out uint was) != Error.None)
            return ResponseCode.ConflictError;
        BinaryPrimitives.WriteUInt32BigEndian(old, was);
        return ResponseCode.Complete;
    }

    // 1394a-2000, 8.3.2.3.11: after a reset the channel is to be allocated anew. 1394-1995, 8.3.2.2.1: who is root no more is no cycle master.
    internal void ResetEnded()
    {
        SetBroadcastValid(false);
        SetCycleMaster(IsCycleMaster);
    }

    /// <summary>Whether somebody told us to leave the bus to another manager; asked once after a reset.</summary>
    internal bool TakeAbdication()
    {
        bool isAbdicating = _isAbdicating;
        _isAbdicating = false;
        return isAbdicating;
    }

    private void Measure()
    {
        SplitCycles = Math.Max(_splitHi * CyclesPerSecond + Math.Min(_splitLo >> 19, CyclesPerSecond - 1), LeastCycles);
        ResponseTime = CycleMath.Of(Math.Min(SplitCycles, 3 * CyclesPerSecond));
        SplitMicroseconds = SplitCycles * 125;
        SplitTicks = Clock.ToTicks(SplitMicroseconds);
    }

    private bool TryRead(int register, out uint value)
    {
        value = 0;
        switch (register)
        {
            case StateClear or StateSet:
                value = (IsCycleMaster ? CycleMaster : 0) | (_isAbdicating ? Abdicate : 0);
                break;
            case NodeIds:
                value = (uint)_bus.NodeId << 16;
                break;
            case SplitTimeoutHi:
                value = _splitHi;
                break;
            case SplitTimeoutLo:
                value = _splitLo;
                break;
            case CycleTime:
                value = _controller.CycleTime;
                break;
            case BusTime:
                value = ReadBusTime();
                break;
            case BusyTimeout:
                value = _busyTimeout;
                break;
            case >= BusManagerId and <= ChannelsLo:
                // No change: 0 becomes 0.
                return (register & 3) == 0 && _controller.LockRegister((register - BusManagerId) / 4, 0, 0, out value) == Error.None;
            case BroadcastChannel:
                value = Broadcast;
                break;
            default:
                return false;
        }
        return true;
    }

    // Seconds: the cycle timer's low 7 bits, and above them what our own clock says, to the nearest.
    private uint ReadBusTime()
    {
        ulong near = Clock.Microseconds / 1_000_000 + _secondsBase;
        uint low = _controller.CycleTime >> 25;
        ulong seconds = (near & ~0x7Ful) | low;
        if (seconds + 64 < near)
            seconds += 128;
        else if (seconds > near + 64)
            seconds -= 128;
        return (uint)seconds;
    }
}

/// <summary>Our configuration ROM, where the controller does not answer for it itself.</summary>
internal sealed class RomRegisters(FireWireBus bus) : AddressHandler(Rom.Address, 4 * Rom.Quadlets)
{
    /// <inheritdoc/>
    public override ResponseCode Read(in IncomingRequest request, ulong offset, Span<byte> data) =>
        Quadlets.Copy(bus.OwnRom.Current, (int)(offset - Start), data);
}

/// <summary>The tree as the bus manager publishes it: length and check, generation, counts, self-IDs. Source: IEEE 1394-1995, section 8.3.2.4.1.</summary>
internal sealed class TopologyMap(FireWireBus bus) : AddressHandler(0xFFFF_F000_1000, 0x400)
{
    private const int Header = 3;

    private readonly uint[] _map = new uint[Header + SelfId.MostOfBus];
    private ulong _madeAfter;

    /// <inheritdoc/>
    public override ResponseCode Read(in IncomingRequest request, ulong offset, Span<byte> data)
    {
        // Once for each reset: who reads it quadlet by quadlet shall not cost a check of it all each time.
        if (_madeAfter != bus.LastReset)
            Make(bus.Topology);
        return Quadlets.Copy(new ReadOnlySpan<uint>(_map, 0, Header + bus.Topology.Packets.Length), (int)(offset - Start), data);
    }

    private void Make(Topology topology)
    {
        int count = topology.Packets.Length;
        _map[1] = bus.Generation;
        _map[2] = (uint)topology.Count << 16 | (uint)count;
        topology.Packets.CopyTo(new Span<uint>(_map, Header, count));
        _map[0] = (uint)(count + 2) << 16 | Rom.Crc(new ReadOnlySpan<uint>(_map, 1, count + 2));
        _madeAfter = bus.LastReset;
    }
}

/// <summary>Registers that are read as quadlets or blocks of them.</summary>
internal static class Quadlets
{
    /// <summary>What is behind the end is 0; only whole quadlets are read.</summary>
    public static ResponseCode Copy(ReadOnlySpan<uint> quadlets, int offset, Span<byte> data)
    {
        if (((offset | data.Length) & 3) != 0)
            return ResponseCode.TypeError;
        for (int i = 0; i < data.Length; i += 4)
        {
            int index = (offset + i) / 4;
            BinaryPrimitives.WriteUInt32BigEndian(data[i..], index < quadlets.Length ? quadlets[index] : 0);
        }
        return ResponseCode.Complete;
    }
}

/// <summary>Times as packets carry them: seconds 15:13, cycles 12:0.</summary>
public static class CycleMath
{
    private const uint CyclesPerSecond = 8000, CycleMask = 0x1FFF, SecondMask = 0xE000;

    /// <summary>What a cycle timer shows that was 0 so many microseconds ago: seconds 31:25, cycles 24:12, offset 11:0.</summary>
    public static uint TimerAt(ulong microseconds) =>
        (uint)(microseconds / 1_000_000 << 25 | microseconds % 1_000_000 / 125 << 12 | microseconds % 125 * 3072 / 125);

    /// <summary>So many cycles, below 8 seconds, as seconds 15:13 and cycles 12:0.</summary>
    public static uint Of(uint cycles) => cycles / CyclesPerSecond << 13 | cycles % CyclesPerSecond;

    /// <summary>A time that much later. A cycle that there is not counts as the last of its second.</summary>
    /// <param name="time">Seconds 15:13, cycles 12:0.</param>
    /// <param name="span">As <see cref="Of"/> makes it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Add(ushort time, uint span)
    {
        uint cycles = Math.Min(time & CycleMask, CyclesPerSecond - 1) + (span & CycleMask);
        if (cycles >= CyclesPerSecond)
            cycles += CycleMask + 1 - CyclesPerSecond;
        return (ushort)((time & SecondMask) + (span & SecondMask) + cycles);
    }
}
