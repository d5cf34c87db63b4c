using System;
using System.Linq;
using FsCheck.Fluent;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Arch;

public sealed class TickScaleTests
{
    private const ulong SecondsInACentury = 3_155_760_000;

    [Fact]
    public void Microseconds_agree_with_exact_arithmetic_for_a_century() =>
        Properties.ForAll(Frequencies().Zip(Fractions()), pair =>
        {
            (ulong frequency, double part) = pair;
            TickScale scale = TickScale.PerSecond(frequency);
            var ticks = (ulong)(part * Math.Min(frequency * (double)SecondsInACentury, 1.5e19));
            UInt128 exact = (UInt128)ticks * 1_000_000 / frequency;
            UInt128 difference = exact - scale.ToMicroseconds(ticks);
            Assert.True(difference <= (exact >> 31) + 1, $"{ticks} ticks at {frequency}: {difference} us behind {exact}");
        }, 2000);

    [Fact]
    public void Ticks_reach_their_microsecond_and_hardly_more() =>
        Properties.ForAll(Frequencies().Zip(Fractions()), pair =>
        {
            (ulong frequency, double part) = pair;
            TickScale scale = TickScale.PerSecond(frequency);
            var microseconds = (ulong)(part * Math.Min(SecondsInACentury * 1e6, Math.Pow(2, 62.9) / frequency * 1e6));
            ulong ticks = scale.ToTicks(microseconds);
            Assert.True(scale.ToMicroseconds(ticks) >= microseconds, $"{microseconds} us at {frequency}: not reached after {ticks} ticks");
            UInt128 exact = (UInt128)microseconds * frequency / 1_000_000;
            Assert.True(ticks - exact <= (exact >> 30) + 2, $"{microseconds} us at {frequency}: {ticks} ticks instead of {exact}");
        }, 2000);

    [Fact]
    public void Time_never_goes_back()
    {
        foreach (ulong frequency in new ulong[] { 1_000_001, 999_999_999, 1_000_000_000, 2_399_999_993, 5_000_000_000 })
        {
            TickScale scale = TickScale.PerSecond(frequency);
            foreach (ulong start in new[] { 0UL, (1UL << 32) - 5000, (7UL << 32) - 5000, (1UL << 60) - 5000 })
            {
                ulong last = 0;
                for (ulong ticks = start; ticks < start + 10_000; ticks++)
                {
                    ulong now = scale.ToMicroseconds(ticks);
                    Assert.True(now >= last);
                    last = now;
                }
            }
        }
    }

    [Fact]
    public void The_far_end_of_time_is_a_number() =>
        Assert.Equal(ulong.MaxValue, TickScale.PerSecond(3_000_000_000).ToTicks(ulong.MaxValue));

    [Theory]
    [InlineData(0)]
    [InlineData(1_000_000)]
    [InlineData(1_000_000_000_000)]
    public void Implausible_frequencies_are_refused(ulong frequency) =>
        Assert.Throws<BugException>(() => TickScale.PerSecond(frequency));

    [Fact]
    public void A_better_rate_bends_time_and_does_not_make_it_jump() =>
        Properties.ForAll(Frequencies().Zip(Frequencies()).Zip(Fractions()), input =>
        {
            ((ulong before, ulong after), double part) = input;
            var line = new TickLine(1_000, before);
            ulong bend = 1_000 + (ulong)(part * before * 100);
            ulong at = line.MicrosecondsAt(bend);
            line = line.ChangedAt(bend, after);
            Assert.Equal(at, line.MicrosecondsAt(bend));
            Assert.Equal(at, line.MicrosecondsAt(bend - 1));
            Assert.InRange(line.MicrosecondsAt(bend + after), at + 999_999, at + 1_000_000);
            Assert.Equal(bend, line.TimestampOf(at));
            ulong due = at + 12_345;
            Assert.True(line.MicrosecondsAt(line.TimestampOf(due)) >= due);
            Assert.Equal(ulong.MaxValue, line.TimestampOf(ulong.MaxValue));
        });

    private static FsCheck.Gen<ulong> Frequencies() =>
        Gen.Choose(1_001, 10_000_000).Select(kilohertz => (ulong)kilohertz * 1000 + (ulong)kilohertz % 997);

    // Many scales of magnitude, not only large values.
    private static FsCheck.Gen<double> Fractions() =>
        Gen.Choose(0, 1_000_000).Zip(Gen.Choose(0, 60)).Select(pair => pair.Item1 / 1_000_000.0 / Math.Pow(2, pair.Item2));
}
