using System.Collections.Generic;
using FsCheck.Fluent;
using Sluice.Arch;
using Xunit;

namespace Sluice.Tests.Arch;

public sealed class VectorAllocatorTests
{
    [Fact]
    public void Blocks_are_aligned_never_overlap_and_come_back_whole() =>
        Properties.ForAll(Gen.Choose(0, 7).Zip(Gen.Choose(0, 1000)).ListOf(120).ToArbitrary(), steps =>
        {
            var allocator = new VectorAllocator();
            var taken = new bool[256];
            var blocks = new List<(byte First, int Count)>();
            foreach ((int action, int choice) in steps)
            {
                if (action >= 6 && blocks.Count != 0)
                {
                    (byte first, int count) = blocks[choice % blocks.Count];
                    blocks.RemoveAt(choice % blocks.Count);
                    allocator.Give(first, count);
                    for (int i = 0; i < count; i++)
                        taken[first + i] = false;
                    continue;
                }
                int wanted = 1 << (action % 6);
                bool possible = HasRoom(taken, wanted);
                Assert.Equal(possible, allocator.TryTake(wanted, out byte vector));
                if (!possible)
                    continue;
                Assert.Equal(0, vector % wanted);
                Assert.InRange(vector, VectorAllocator.First, VectorAllocator.End - wanted);
                for (int i = 0; i < wanted; i++)
                {
                    Assert.False(taken[vector + i]);
                    taken[vector + i] = true;
                }
                blocks.Add((vector, wanted));
            }
        });

    [Fact]
    public void All_vectors_can_be_had_one_by_one_and_then_no_more()
    {
        var allocator = new VectorAllocator();
        for (int i = VectorAllocator.First; i < VectorAllocator.End; i++)
        {
            Assert.True(allocator.TryTake(1, out byte vector));
            Assert.Equal(i, vector);
        }
        Assert.False(allocator.TryTake(1, out _));
        allocator.Give(100, 1);
        Assert.False(allocator.TryTake(2, out _));
        Assert.True(allocator.TryTake(1, out byte again));
        Assert.Equal(100, again);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(64)]
    public void Blocks_of_other_sizes_are_a_bug(int count) =>
        Assert.Throws<BugException>(() => new VectorAllocator().TryTake(count, out _));

    [Fact]
    public void Giving_what_was_not_taken_is_a_bug()
    {
        var allocator = new VectorAllocator();
        Assert.True(allocator.TryTake(4, out byte first));
        allocator.Give(first, 4);
        Assert.Throws<BugException>(() => allocator.Give(first, 4));
    }

    private static bool HasRoom(bool[] taken, int count)
    {
        for (int first = (VectorAllocator.First + count - 1) / count * count; first + count <= VectorAllocator.End; first += count)
        {
            if (!System.Array.Exists(taken[first..(first + count)], vector => vector))
                return true;
        }
        return false;
    }
}
