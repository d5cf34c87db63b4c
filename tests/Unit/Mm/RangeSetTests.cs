using System.Linq;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Mm;
using Xunit;

namespace Sluice.Tests.Mm;

public sealed class RangeSetTests
{
    private const int Frames = 64;

    public readonly record struct Change(bool Add, uint First, uint End);

    private static readonly Gen<Change[]> _changes =
        (from add in Gen.Elements(true, true, false)
         from first in Gen.Choose(0, Frames)
         from end in Gen.Choose(0, Frames)
         select new Change(add, (uint)first, (uint)end)).ArrayOf();

    [Fact]
    public void Equals_a_bit_for_each_frame() => Properties.ForAll(_changes, changes =>
    {
        var set = new RangeSet(Frames);
        var model = new bool[Frames];
        foreach (Change change in changes)
        {
            Apply(set, change);
            for (uint frame = change.First; frame < change.End; frame++)
                model[frame] = change.Add;
            Assert.Equal(model, Enumerable.Range(0, Frames).Select(frame => set.Contains((uint)frame)));
            AssertSortedAndApart(set);
        }
        Assert.Equal(0u, set.Lost);
        Assert.Equal((ulong)model.Count(bit => bit), set.Frames);
    }, times: 500);

    [Fact]
    public void Without_room_it_forgets_frames_but_never_keeps_a_removed_one() => Properties.ForAll(_changes, changes =>
    {
        var set = new RangeSet(3);
        var model = new bool[Frames];
        foreach (Change change in changes)
        {
            ulong missing = Missing(set, model);
            ulong lost = set.Lost;
            Apply(set, change);
            for (uint frame = change.First; frame < change.End; frame++)
                model[frame] = change.Add;
            AssertSortedAndApart(set);
            Assert.All(Enumerable.Range(0, Frames), frame => Assert.True(model[frame] || !set.Contains((uint)frame)));
            Assert.True(Missing(set, model) <= missing + (set.Lost - lost));
        }
    }, times: 500);

    [Fact]
    public void The_ends_of_the_number_range_are_frames_like_others()
    {
        var set = new RangeSet(4);
        set.Add(0, MemoryMap.FrameLimit);
        Assert.True(set.Contains(0));
        Assert.True(set.Contains(MemoryMap.FrameLimit - 1));
        set.Remove(0, 1);
        set.Remove(MemoryMap.FrameLimit - 1, MemoryMap.FrameLimit);
        Assert.Equal(MemoryMap.FrameLimit - 2ul, set.Frames);
    }

    private static void Apply(RangeSet set, Change change)
    {
        if (change.Add)
            set.Add(change.First, change.End);
        else
            set.Remove(change.First, change.End);
    }

    private static ulong Missing(RangeSet set, bool[] model) =>
        (ulong)model.Where((bit, frame) => bit && !set.Contains((uint)frame)).Count();

    private static void AssertSortedAndApart(RangeSet set)
    {
        for (int i = 0; i < set.Count; i++)
        {
            Assert.True(set[i].First < set[i].End);
            Assert.True(i == 0 || set[i - 1].End < set[i].First);
        }
    }
}
