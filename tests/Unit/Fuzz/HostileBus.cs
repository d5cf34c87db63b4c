using System;
using System.Collections.Generic;
using Sluice.Devices;
using Sluice.Devices.Pci;
using Sluice.Platform;

namespace Sluice.Tests.Fuzz;

/// <summary>
/// What stands between a driver and a device that misbehaves: each access to registers, to configuration space and each read of shared memory is a
/// turn, at which something that was planned may happen; reads of registers may give what is not so; and the device's own writes go where the machine lets them.
/// For a device of any kind. One life.
/// </summary>
internal sealed class HostileBus(FuzzMachine machine, SimulatedFunction device) : IDeviceMemory
{
    private const int MostTurns = 30_000, MostDepth = 4;

    private readonly List<(bool AtReads, long At, Action What)> _planned = [];
    private readonly List<Lie> _lies = [];
    private readonly List<(ulong Start, ulong Bytes)> _writable = [], _shared = [];
    private long _turns, _reads, _limit = MostTurns;
    private int _depth;

    /// <summary>Memory that the device and its driver use at all times, as the device was told: start and length of each part.</summary>
    public Action<List<(ulong Start, ulong Bytes)>> FindShared { get; init; } = _ => { };

    /// <summary>Turns so far.</summary>
    public long Turns => _turns;

    /// <summary>Writes that the machine let through, and those that went nowhere.</summary>
    public ulong Written { get; private set; }

    /// <inheritdoc cref="Written"/>
    public ulong Refused { get; private set; }

    /// <summary>From now on nothing happens but what a good device does.</summary>
    public bool IsHonest { get; private set; }

    /// <summary>Has something happen so many turns later, or so many reads of shared memory.</summary>
    public void Plan(int turns, bool atReads, Action what) => _planned.Add((atReads, (atReads ? _reads : _turns) + turns, what));

    /// <summary>Lets the next reads of a register, or of any for null, give something else.</summary>
    public void PlanLie(uint? offset, int times, Func<ulong, ulong> change) => _lies.Add(new Lie { Offset = offset, Left = times, Change = change });

    /// <summary>Forgets all plans.</summary>
    public void ForgetPlans()
    {
        _planned.Clear();
        _lies.Clear();
    }

    /// <summary>Forgets all plans, and makes no others.</summary>
    public void Behave()
    {
        IsHonest = true;
        ForgetPlans();
    }

    /// <summary>The driver is called: it may take so many turns.</summary>
    public void BeginCall(int mostTurns = MostTurns) => _limit = _turns + mostTurns;

    /// <summary>The driver is about to read memory that it shares with the device.</summary>
    public void TurnAtRead()
    {
        _reads++;
        Turn();
    }

    /// <summary>An access of the driver's; before it, whatever is planned happens.</summary>
    public void Turn()
    {
        if (++_turns > _limit)
            throw new FuzzFailureException("a call of the driver does not end", $"{MostTurns} accesses");
        if (_planned.Count == 0 || _depth == MostDepth)
            return;
        for (int i = 0; i < _planned.Count; i++)
        {
            if (_planned[i].At > (_planned[i].AtReads ? _reads : _turns))
                continue;
            Action what = _planned[i].What;
            _planned.RemoveAt(i--);
            Do(what);
            if (_planned.Count == 0)
                return;
        }
    }

    /// <summary>Does something of the device's; what it causes (interrupts) may go on to more.</summary>
    public void Do(Action what)
    {
        _depth++;
        what();
        _depth--;
    }

    /// <summary>What a read of a register gives.</summary>
    public ulong Read(uint offset, int bytes, ulong truth)
    {
        for (int i = 0; i < _lies.Count; i++)
        {
            Lie lie = _lies[i];
            if (lie.Offset is { } only && only != offset)
                continue;
            if (--lie.Left <= 0)
                _lies.RemoveAt(i);
            return lie.Change(truth) & ulong.MaxValue >> (64 - 8 * bytes);
        }
        return truth;
    }

    /// <summary>The right to be bus master is about to end: until then the driver may have let go of nothing.</summary>
    public void BeforeMasterEnds()
    {
        _shared.Clear();
        FindShared(_shared);
        if (_shared.Count != 0 && !machine.HoldsAnything)
            throw new FuzzFailureException("memory was given back while the device could write it");
    }

    /// <summary>A place that the device may write, chosen by two numbers; null if there is none.</summary>
    public ulong? Place(int which, int offset)
    {
        _writable.Clear();
        FindShared(_writable);
        machine.FindWritable(_writable);
        if (_writable.Count == 0)
            return null;
        (ulong start, ulong bytes) = _writable[which % _writable.Count];
        return start + (ulong)offset % bytes;
    }

    /// <summary>The device reads memory.</summary>
    public void Read(ulong address, Span<byte> bytes)
    {
        if (device.IsBusMaster && (IsHonest || address + (uint)bytes.Length <= machine.Dma.Memory.Memory.Bytes && address >= 0x10_0000))
            machine.Dma.Ram.Read(address, bytes);
        else
            bytes.Fill(0xFF);
    }

    /// <summary>The device writes memory: what it may, if the machine lets it.</summary>
    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || !device.IsBusMaster)
            return;
        bool isShared = IsShared(address, bytes.Length);
        if (isShared && !machine.HoldsAnything)
            throw new FuzzFailureException("a device's write was accepted into memory that its driver gave back", $"{bytes.Length} bytes at {address:x}");
        if (!isShared && !machine.IsWritable(address, bytes.Length))
        {
            Refused++;
            return;
        }
        Written++;
        machine.Dma.Ram.Write(address, bytes);
    }

    private bool IsShared(ulong address, int bytes)
    {
        _shared.Clear();
        FindShared(_shared);
        foreach ((ulong start, ulong length) in _shared)
        {
            if (address - start < length && (ulong)bytes <= length - (address - start) && start >= 0x10_0000 && start + length <= machine.Dma.Memory.Memory.Bytes)
                return true;
        }
        return false;
    }

    private sealed class Lie
    {
        public uint? Offset;
        public int Left;
        public required Func<ulong, ulong> Change;
    }
}
