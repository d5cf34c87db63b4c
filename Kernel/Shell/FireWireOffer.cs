using System;
using Sluice.Boot;
using Sluice.Console;
using Sluice.FireWire.Core;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Shell;

/// <summary>Memory of ours that every node on the first controller's bus may use, once somebody said so.</summary>
internal static unsafe class FireWireOffer
{
    /// <summary>Where others find it: among the units, behind what the standards put there.</summary>
    public const ulong Start = 0xFFFF_F001_0000;

    private const int Order = 4;

    private static SharedMemory? _memory;

    /// <summary>Whether others may use it now.</summary>
    public static bool IsOn { get; private set; }

    /// <summary>What they did.</summary>
    public static SharedMemoryCounters Counters => _memory != null ? _memory.Counters : default;

    /// <summary>Once, while starting, with a controller.</summary>
    public static void Initialize()
    {
        if (FireWireStart.Cards.Length == 0 || !Pages.TryTake(Order, Zone.Any, out PageRun pages))
            return;
        byte* memory = PhysicalMemory.At(pages.Start);
        _memory = new SharedMemory(Start, memory, 4096 << Order);
        _memory.Memory.Clear();
        Own.KeepForGood(ref pages);
    }

    /// <summary><c>offer</c>, <c>offer off</c>.</summary>
    public static bool Run(CommandWords words)
    {
        bool isOff = words.TryNext(out ReadOnlySpan<byte> word);
        if ((isOff && !word.SequenceEqual("off"u8)) || words.TryNext(out _))
            return false;
        if (Set(!isOff) == null)
            Terminal.WriteLine($"  there was no memory, or no room, to offer any");
        else if (!isOff)
            Terminal.WriteLine($"  all nodes may read, write and lock 64 KiB at {Start:x} now");
        return true;
    }

    /// <summary>Offers it, or no longer; null if that cannot be.</summary>
    public static SharedMemory? Set(bool isOn)
    {
        if (_memory == null || isOn == IsOn)
            return _memory;
        AddressSpaceTable table = FireWireStart.Cards[0].Bus.Addresses;
        if (isOn ? table.Add(_memory) != Error.None : !table.TryRemove(_memory))
            return null;
        IsOn = isOn;
        return _memory;
    }
}
