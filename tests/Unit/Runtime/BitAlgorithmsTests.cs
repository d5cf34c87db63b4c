using System;
using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Runtime;
using Xunit;

namespace Sluice.Tests.Runtime;

/// <summary>Bit counts and products, beside the BCL's.</summary>
public sealed class BitAlgorithmsTests
{
    /// <summary>Numbers of 64 bits: edges, powers of two and their neighbours, few bits, any bits.</summary>
    internal static readonly Gen<ulong> Numbers = Gen.OneOf(
        Gen.Elements<ulong>(0, 1, ulong.MaxValue, 0x8000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, uint.MaxValue, 1UL << 32),
        from bit in Gen.Choose(0, 63) from off in Gen.Choose(-1, 1) select (1UL << bit) + (ulong)off,
        from low in Gen.Choose(0, int.MaxValue) select (ulong)low,
        from high in Gen.Choose(int.MinValue, int.MaxValue) from low in Gen.Choose(int.MinValue, int.MaxValue) select (ulong)(uint)high << 32 | (uint)low);

    [Fact]
    public void Ones_are_counted_as_by_the_BCL() => Properties.ForAll(Numbers, value =>
        Assert.Equal(BitOperations.PopCount(value), BitAlgorithms.PopCount(value)), times: 2000);

    [Fact]
    public void Products_of_128_bits_are_the_BCLs() => Properties.ForAll(Numbers.Zip(Numbers), pair =>
    {
        (ulong a, ulong b) = pair;
        ulong high = Math.BigMul(a, b, out ulong low);
        Assert.Equal(high, BitAlgorithms.BigMul(a, b, out ulong actualLow));
        Assert.Equal(low, actualLow);
    }, times: 2000);
}
