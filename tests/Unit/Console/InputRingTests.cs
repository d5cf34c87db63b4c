using System.Collections.Generic;
using System.Threading;
using Sluice.Console;
using Xunit;

namespace Sluice.Tests.Terminals;

public sealed class InputRingTests
{
    [Fact]
    public void What_does_not_fit_is_dropped_and_the_rest_keeps_its_order()
    {
        InputRing ring = default;
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < InputRing.Capacity; i++)
                Assert.True(ring.TryAdd((byte)i));
            Assert.False(ring.TryAdd(0xEE));
            for (int i = 0; i < InputRing.Capacity; i++)
            {
                Assert.True(ring.TryTake(out byte value));
                Assert.Equal((byte)i, value);
            }
            Assert.False(ring.TryTake(out _));
            Assert.True(ring.IsEmpty);
        }
    }

    private sealed class Shared
    {
        public InputRing Ring;
    }

    [Fact]
    public void One_puts_in_while_another_takes_out()
    {
        const int count = 200_000;
        Shared shared = new();
        Thread writer = new(() =>
        {
            for (int i = 0; i < count;)
            {
                if (shared.Ring.TryAdd((byte)(i * 7)))
                    i++;
                else
                    Thread.Yield();
            }
        });
        writer.Start();
        List<int> wrong = [];
        for (int i = 0; i < count;)
        {
            if (!shared.Ring.TryTake(out byte value))
                Thread.Yield();
            else if (value != (byte)(i++ * 7))
                wrong.Add(i);
        }
        writer.Join();
        Assert.Empty(wrong);
    }
}
