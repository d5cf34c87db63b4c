using System.Collections.Generic;
using System.IO;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot.Self;

/// <summary>The reader of benchmark lines.</summary>
public sealed class BenchResultsTests
{
    [Fact]
    public void Figures_are_found_among_other_lines() =>
        Assert.Equal(new Dictionary<string, double> { ["a"] = 5, ["b-c"] = 0.25 }, BenchResults.Parse("KTAP version 1\n1..0\nBENCH sluice a 5\r\nBENCH sluice b-c 0.25\nBENCH linux a 7\n"));

    [Theory]
    [InlineData("BENCH sluice a 5")]
    [InlineData("BENCH sluice a\n")]
    [InlineData("BENCH sluice a five\n")]
    [InlineData("BENCH sluice a -5\n")]
    [InlineData("BENCH sluice a 5 6\n")]
    [InlineData("BENCH sluice a 5\nBENCH sluice a 5\n")]
    public void What_is_cut_or_odd_is_not_believed(string results) => Assert.Throws<InvalidDataException>(() => BenchResults.Parse(results));
}
