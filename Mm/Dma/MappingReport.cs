using System;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

/// <summary>A mapping as it stands, for people.</summary>
public readonly ref struct MappingReport
{
    internal unsafe MappingReport(Mapping* mapping)
    {
        Device = mapping->Device.Target;
        Family = mapping->Kind.PlainFamily;
        Direction = mapping->Direction;
        Bytes = mapping->Room;
        Address = new DmaAddr(mapping->Address);
        Path = mapping->Path.Target.Name;
        IsDevices = mapping->Side is Side.Device or Side.Watched or Side.Shared or Side.Parts;
        IsOld = mapping->Kind.IsMarked;
        Owner = mapping->Origin > uint.MaxValue ? new PageRunOwner(mapping->Origin).Tag : default;
        HasAge = mapping->Since != 0;
        AgeMicroseconds = HasAge ? Clock.ToMicroseconds(Cpu.Timestamp() - mapping->Since) : 0;
        if (mapping->Checked == 0)
            return;
        Method = CheckRecord.Of(mapping)->Method.Target;
        Line = CheckRecord.Of(mapping)->SourceLine;
    }

    public DmaDevice Device { get; }
    public DmaFamily Family { get; }
    public DmaDirection Direction { get; }
    public uint Bytes { get; }
    public DmaAddr Address { get; }

    /// <summary>The way that it takes: direct, bounce ...</summary>
    public ReadOnlySpan<byte> Path { get; }

    /// <summary>Whether the device may touch it now.</summary>
    public bool IsDevices { get; }

    /// <summary>Whether it was there at the last <see cref="DmaSystem.Mark"/>.</summary>
    public bool IsOld { get; }

    /// <summary>On whose behalf the memory was taken.</summary>
    public OwnerTag Owner { get; }

    /// <summary>Whether its age is known: of mappings that found a bounce slot at hand it is not.</summary>
    public bool HasAge { get; }

    public ulong AgeMicroseconds { get; }

    /// <summary>Who made it: method and line; null and 0 if the checker is off.</summary>
    public string? Method { get; }
    public int Line { get; }

    // The owner stands in the upper half of a run's word.
    private readonly struct PageRunOwner(ulong origin)
    {
        public OwnerTag Tag => OwnerTag.FromId((ushort)(origin >> 16));
    }
}

public sealed unsafe partial class DmaSystem
{
    private readonly ulong[] _markedDirect = new ulong[MostDevices];

    /// <summary>
    /// Finds the next mapping with a record, from a position that starts at 0; false at the end. Those that their devices reach where they
    /// lie have none: <see cref="DmaDevice.LiveDirect"/> counts them.
    /// </summary>
    public bool TryNext(ref int position, out MappingReport report)
    {
        for (; position < Table.Count; position++)
        {
            Mapping* mapping = Table.At(position);
            if (!mapping->IsLive)
                continue;
            position++;
            report = new MappingReport(mapping);
            return true;
        }
        report = default;
        return false;
    }

    /// <summary>Notes what lives now, so that what was made since can be told apart.</summary>
    public void Mark()
    {
        for (int i = 0; i < Table.Count; i++)
            Table.At(i)->Kind.IsMarked = true;
        for (int i = 0; i < _count; i++)
            _markedDirect[i] = _devices[i].LiveDirect;
    }

    /// <summary>How many of a device's mappings without a record live more than at the last <see cref="Mark"/>; negative if fewer.</summary>
    public long GrownDirect(int device) => (long)(_devices[device].LiveDirect - _markedDirect[device]);
}
