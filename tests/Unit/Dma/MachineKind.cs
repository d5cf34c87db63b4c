using System;

namespace Sluice.Tests.Dma;

/// <summary>A kind of machine as the DMA layer tells them apart.</summary>
/// <param name="LineBytes">Of caches that devices do not look into; 0 where they do.</param>
/// <param name="Seed">Which lines move by themselves.</param>
/// <param name="Bounced">Whether all devices are forced to bounce.</param>
/// <param name="Checked">Whether the checker is on. What it reports fails the test, unless that expects it.</param>
public readonly record struct MachineKind(uint LineBytes = 0, int Seed = 0, bool Bounced = false, bool Checked = false)
{
    [ThreadStatic] private static MachineKind _current;

    /// <summary>All kinds that every test of the layer runs on.</summary>
    public static readonly MachineKind[] All =
    [
        new(), new(Bounced: true),
        new(32, 1), new(32, 2), new(64, 1), new(64, 2), new(64, 3), new(128, 1), new(128, 2),
        new(32, 4, true), new(64, 5, true), new(128, 6, true),
        new(Checked: true), new(Bounced: true, Checked: true), new(64, 7, Checked: true), new(128, 8, true, true),
    ];

    /// <summary>The kind that this thread's tests run on.</summary>
    public static MachineKind Current
    {
        get => _current;
        set => _current = value;
    }

    public bool IsCoherent => LineBytes == 0;

    public override string ToString() =>
        (LineBytes == 0 ? "coherent" : $"lines of {LineBytes} (seed {Seed})") + (Bounced ? ", bounced" : "") + (Checked ? ", checked" : "");
}
