using System;
using System.Collections.Generic;
using System.Linq;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Tests.Mm;

namespace Sluice.Tests.Dma;

/// <summary>What is done in one step.</summary>
public enum DmaVerb
{
    SetMasks,
    AllocatePages,
    AllocateNoncoherent,
    AllocateCoherent,
    MapRun,
    MapBlock,
    TakeFromPool,
    GiveToPool,
    Give,
    GiveFront,
    CpuWrites,
    DeviceWrites,
    TakeBack,
    End,
    EndCoherent,
    LeavePages,
    ReturnPages,
}

/// <summary>One step: what, by which of the two devices, which way, how many bytes, and a number that makes all other choices.</summary>
public readonly record struct DmaStep(DmaVerb Verb, int Device, DmaDirection Direction, uint Bytes, int Number);

/// <summary>A device's demands.</summary>
public sealed record DeviceShape(int StreamingBits, int CoherentBits, uint MinAlignment, uint MaxSegmentBytes, ulong Boundary, bool Bounced);

/// <summary>A machine with two devices, and what is done with it.</summary>
public sealed record DmaScenario(
    MachineMap Map, MachineKind Kind, DeviceShape First, DeviceShape Second, ulong BounceLimit, uint PoolAlignment, uint PoolBoundary, DmaStep[] Steps)
{
    private const ulong KiB = Mm.Machine.KiB, MiB = Mm.Machine.MiB, GiB = Mm.Machine.GiB;

    public override string ToString() =>
        $"{Map}; {Kind}; {First}; {Second}; bounce limit {BounceLimit}, pool {PoolAlignment}/{PoolBoundary}: {string.Join("; ", Steps)}";

    // Memory where mistakes live: tiny, with holes, around the ends of masks, out of most devices' reach.
    private static readonly Gen<MachineMap> _maps = Gen.OneOf(
        Gen.Choose(40, 160).Select(pages => MachineMap.Of((MiB, (ulong)pages * 4 * KiB))),
        Gen.Choose(1, 24).Select(n => MachineMap.Of((MiB, (ulong)n * MiB))),
        Gen.Choose(1, 6).Select(n => MachineMap.Of((4 * GiB, (ulong)n * 3 * MiB))),
        Gen.Choose(1, 6).Select(n => MachineMap.Of((MiB, (ulong)n * MiB), (32 * MiB - 300 * KiB, 2 * MiB), (4 * GiB - MiB, 5 * MiB))),
        Gen.Choose(1, 60).Select(n => MachineMap.Of((MiB, 2 * MiB), (4 * GiB + (ulong)n * 52 * KiB, 8 * MiB), (64 * GiB - 2 * MiB, 4 * MiB))),
        Gen.Choose(2, 12).ArrayOf(12).Select(holes => MachineMap.Of(
            [.. holes.Select((pages, i) => (MiB + (ulong)i * 64 * KiB, (ulong)pages * 4 * KiB)), (16 * MiB - 64 * KiB, 512 * KiB), (256 * MiB, 2 * MiB)])));

    private static readonly Gen<int> _bits = Gen.Frequency((4, Gen.Choose(24, 64)), (3, Gen.Elements(24, 25, 28, 32, 36, 64)));

    private static readonly Gen<DeviceShape> _shapes =
        from streaming in _bits
        from coherent in Gen.OneOf(_bits, Gen.Constant(streaming))
        from alignment in Gen.Frequency((4, Gen.Constant(0)), (2, Gen.Choose(0, 18)))
        from segment in Gen.Elements(64u << 10, 64u << 10, 1u << 20, 4096u, 8191u, 1500u, 24u)
        from boundary in Gen.Frequency((4, Gen.Constant(32)), (2, Gen.Choose(5, 20)))
        from bounced in Gen.Frequency((5, Gen.Constant(false)), (1, Gen.Constant(true)))
        select new DeviceShape(streaming, coherent, 1u << alignment, segment, 1UL << boundary, bounced);

    private static readonly Gen<uint> _bytes = Gen.Frequency(
        (6, Gen.Choose(1, 300).Select(n => (uint)n)),
        (6, Gen.Choose(1, 9000).Select(n => (uint)n)),
        (4, Gen.Elements(1u, 31u, 64u, 128u, 1024u, 1025u, 1500u, 2048u, 2049u, 4095u, 4096u, 4097u, 8192u, 16384u)),
        (2, Gen.Choose(1, 70_000).Select(n => (uint)n)),
        (1, Gen.Elements(0u, 131072u, 262144u, 262145u, 1u << 24, (1u << 24) + 1, uint.MaxValue)));

    private static readonly Gen<DmaStep> _steps =
        from verb in Gen.Frequency(
            (1, Gen.Constant(DmaVerb.SetMasks)), (4, Gen.Constant(DmaVerb.AllocatePages)), (4, Gen.Constant(DmaVerb.AllocateNoncoherent)),
            (3, Gen.Constant(DmaVerb.AllocateCoherent)), (9, Gen.Constant(DmaVerb.MapRun)), (5, Gen.Constant(DmaVerb.MapBlock)),
            (3, Gen.Constant(DmaVerb.TakeFromPool)), (2, Gen.Constant(DmaVerb.GiveToPool)), (12, Gen.Constant(DmaVerb.Give)),
            (6, Gen.Constant(DmaVerb.GiveFront)), (8, Gen.Constant(DmaVerb.CpuWrites)), (10, Gen.Constant(DmaVerb.DeviceWrites)),
            (14, Gen.Constant(DmaVerb.TakeBack)), (7, Gen.Constant(DmaVerb.End)), (2, Gen.Constant(DmaVerb.EndCoherent)),
            (1, Gen.Constant(DmaVerb.LeavePages)), (1, Gen.Constant(DmaVerb.ReturnPages)))
        from device in Gen.Choose(0, 1)
        from direction in Gen.Elements(DmaDirection.ToDevice, DmaDirection.FromDevice, DmaDirection.Both)
        from bytes in _bytes
        from number in Gen.Choose(0, 1_000_000)
        select new DmaStep(verb, device, direction, bytes, number);

    /// <summary>Any scenario on some kinds of machine; smaller ones have fewer steps, less memory and plainer devices.</summary>
    public static Arbitrary<DmaScenario> Any(Gen<MachineKind> kinds) => Arb.From(
        from map in _maps
        from kind in kinds
        from first in _shapes
        from second in _shapes
        from limit in Gen.Frequency((3, Gen.Constant(64 * MiB)), (1, Gen.Choose(0, 600).Select(n => (ulong)n * KiB)))
        from alignment in Gen.Choose(0, 12)
        from boundary in Gen.OneOf(Gen.Constant(0u), Gen.Choose(5, 14).Select(bits => 1u << bits))
        from steps in _steps.ArrayOf(60)
        select new DmaScenario(map, kind, first, second, limit, 1u << alignment, boundary, steps),
        Smaller);

    private static IEnumerable<DmaScenario> Smaller(DmaScenario scenario)
    {
        for (int size = scenario.Steps.Length / 2; size > 0; size /= 2)
        {
            for (int at = 0; at + size <= scenario.Steps.Length; at += size)
                yield return scenario with { Steps = [.. scenario.Steps[..at], .. scenario.Steps[(at + size)..]] };
        }
        var plain = new DeviceShape(32, 32, 1, 64 << 10, 1UL << 32, false);
        if (scenario.First != plain)
            yield return scenario with { First = plain };
        if (scenario.Second != plain)
            yield return scenario with { Second = plain };
        if (scenario.BounceLimit != 64 * MiB)
            yield return scenario with { BounceLimit = 64 * MiB };
        for (int i = 0; i < scenario.Map.Firmware.Count && scenario.Map.Firmware.Count > 1; i++)
            yield return scenario with { Map = scenario.Map with { Firmware = [.. scenario.Map.Firmware.Where((_, at) => at != i)] } };
    }
}
