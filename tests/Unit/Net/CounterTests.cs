using System;
using System.Linq;
using System.Text;
using Sluice.Net;
using Xunit;

namespace Sluice.Tests.Net;

/// <summary>Each counter has a name that tells which it is.</summary>
public sealed class CounterTests
{
    [Fact]
    public void Each_has_a_name_of_its_own_that_begins_with_its_layer()
    {
        IpCounter[] all = [.. Enum.GetValues<IpCounter>().Where(counter => counter != IpCounter.Count)];
        string[] names = [.. all.Select(counter => Encoding.UTF8.GetString(IpCounters.NameOf(counter)))];
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.All(all.Zip(names), pair => Assert.StartsWith(pair.Second.Split(':')[0][..3], pair.First.ToString(), StringComparison.OrdinalIgnoreCase));
    }
}
