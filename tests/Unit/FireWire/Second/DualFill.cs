using System;
using System.Collections.Generic;

namespace Sluice.Tests.FireWire.Second;

/// <summary>
/// Pairs of buffers of dual-buffer mode: the first bytes of each packet, as many of each, go into the first one, and the rest into the second, across
/// its end. A pair is done when either is full. No first bytes are divided, and no status tells of a packet. Source: 1394 OHCI 1.1, sections 10.1.2
/// and 10.2.3.
/// </summary>
internal sealed class DualFill(SecondController controller, string name)
{
    private readonly List<Pair> _untold = [];
    private Pair? _pair;
    private int _written;

    /// <summary>There is no pair behind the full one.</summary>
    public bool IsStuck { get; set; }

    public bool IsBetweenPackets => _written == 0;

    public bool HasBegun => _pair != null;

    /// <summary>There is a pair with room.</summary>
    public bool HasPair => _pair is { IsFull: false };

    /// <summary>The next packet would be the first in its pair, and must have the synchronization code.</summary>
    public bool Waits => _pair is { Waits: true, FirstUsed: 0, SecondUsed: 0 };

    public void Begin()
    {
        _untold.Clear();
        _pair = null;
        _written = 0;
        IsStuck = false;
    }

    /// <summary>Something is in memory of which no descriptor tells.</summary>
    /// <param name="fullAlone">Only of pairs that are done.</param>
    public bool HasUntold(bool fullAlone) => _untold.Exists(pair => IsToTell(pair, fullAlone));

    /// <summary>As of <see cref="BufferFill.TryGetBranch"/>.</summary>
    public bool TryGetBranch(out uint branch, out uint place)
    {
        branch = _pair?.Branch ?? 0;
        place = (_pair?.At ?? 0) + 8;
        return _pair != null;
    }

    public void Enter(uint at, uint[] words)
    {
        var pair = new Pair
        {
            At = at,
            Portion = (int)(words[0] & 0xFFFF),
            FirstBytes = (int)(words[1] >> 16),
            SecondBytes = (int)(words[1] & 0xFFFF),
            Branch = words[2],
            FirstAddress = words[5],
            SecondAddress = words[6],
            Interrupts = (words[0] >> 20 & 3) == 3,
            Waits = (words[0] >> 16 & 3) == 3,
            Tells = (words[0] >> 27 & 1) != 0,
        };
        if (words[0] >> 28 != 0 || (words[0] >> 24 & 7) != 0 || (words[0] >> 18 & 3) != 3)
            controller.Complain($"{name}: a descriptor of dual-buffer mode begins with {words[0]:x8} (10.1.2)");
        if (pair.Portion == 0 || (pair.Portion & 3) != 0 || pair.FirstBytes == 0 || pair.FirstBytes % pair.Portion != 0 || pair.SecondBytes == 0 || (pair.FirstAddress & 3) != 0)
            controller.Complain($"{name}: {pair.FirstBytes} and {pair.SecondBytes} bytes for portions of {pair.Portion} (10.1.2)");
        IsStuck = false;
        _pair = pair;
        _untold.Add(pair);
    }

    /// <summary>Writes a part of a packet, or all that is left of it.</summary>
    /// <param name="packet">Time, header and data, or data alone.</param>
    /// <returns>Whether memory was there.</returns>
    public bool TryWrite(ReadOnlySpan<byte> packet, out bool isWhole)
    {
        Pair pair = _pair!;
        isWhole = false;
        if (_written == 0)
        {
            int front = Math.Min(pair.Portion, packet.Length);
            if (!controller.Host.TryWrite(pair.FirstAddress + (uint)pair.FirstUsed, packet[..front]))
                return false;
            // However short the packet is, the next one's portion has its own place.
            pair.FirstUsed += pair.Portion;
            _written = pair.Portion;
        }
        int rest = Math.Max(0, Math.Min(packet.Length - _written, pair.SecondBytes - pair.SecondUsed));
        if (rest != 0 && !controller.Host.TryWrite(pair.SecondAddress + (uint)pair.SecondUsed, packet.Slice(_written, rest)))
            return false;
        pair.SecondUsed += rest;
        _written += rest;
        isWhole = _written >= packet.Length;
        if (!isWhole && controller.Lot.Takes(Freedom.GathersPackets))
            return true;
        // A pair that is full is done, also in the middle of a packet.
        foreach (Pair one in _untold)
            (one.FirstKnown, one.SecondKnown) = (one.FirstUsed, one.SecondUsed);
        _written = isWhole ? 0 : _written;
        return true;
    }

    /// <summary>What is to be written where: descriptor, what is left of both, and whether it interrupts.</summary>
    public List<(uint At, uint Left, bool Interrupts)> TakeUntold(bool fullAlone)
    {
        List<(uint, uint, bool)> told = [];
        foreach (Pair pair in _untold)
        {
            if (!IsToTell(pair, fullAlone))
                continue;
            (pair.FirstTold, pair.SecondTold) = (pair.FirstKnown, pair.SecondKnown);
            if (pair.Tells)
                told.Add((pair.At, (uint)(pair.FirstBytes - pair.FirstTold) << 16 | (uint)(pair.SecondBytes - pair.SecondTold), pair.Interrupts && IsKnownFull(pair)));
        }
        if (controller.Lot.Takes(Freedom.TellsLastFirst))
            told.Reverse();
        _untold.RemoveAll(pair => pair != _pair && (pair.FirstTold, pair.SecondTold) == (pair.FirstUsed, pair.SecondUsed));
        return told;
    }

    private static bool IsToTell(Pair pair, bool fullAlone) =>
        (pair.FirstKnown, pair.SecondKnown) != (pair.FirstTold, pair.SecondTold) && (!fullAlone || IsKnownFull(pair));

    private static bool IsKnownFull(Pair pair) => pair.FirstKnown == pair.FirstBytes || pair.SecondKnown == pair.SecondBytes;

    private sealed class Pair
    {
        public uint At, Branch, FirstAddress, SecondAddress;
        public int Portion, FirstBytes, SecondBytes, FirstUsed, SecondUsed, FirstKnown, SecondKnown, FirstTold, SecondTold;
        public bool Interrupts, Waits, Tells;

        public bool IsFull => FirstUsed == FirstBytes || SecondUsed == SecondBytes;
    }
}
