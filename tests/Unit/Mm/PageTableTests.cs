using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Mm;

/// <summary>Page tables against a dictionary of 4 KiB pages.</summary>
public sealed unsafe class PageTableTests : IDisposable
{
    private const ulong Page = 4096, Large = 2 << 20, Huge = 1 << 30;

    [ThreadStatic] private static ulong _next;
    [ThreadStatic] private static ulong _limit;

    private readonly SimulatedMemory _memory = new(64 << 20);

    public PageTableTests()
    {
        _next = Page;
        _limit = 64 << 20;
    }

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData(0, Page)]
    [InlineData(1, Large)]
    [InlineData(2, Huge)]
    public void The_largest_allowed_pages_are_used(int level, ulong pageBytes)
    {
        PageTable table = NewTable();
        Assert.True(table.TryMap(0xFFFF_8000_0000_0000, default, Huge, PageAccess.ReadWrite, CacheMode.WriteBack, level));
        Assert.True(table.TryTranslate(0xFFFF_8000_0000_0000 + 0x1234_5678, out Translation found));
        Assert.Equal(pageBytes, found.PageBytes);
        Assert.Equal(0x1234_5678UL, found.Physical.Value);
    }

    [Fact]
    public void Unaligned_ends_get_small_pages_and_the_middle_large_ones()
    {
        PageTable table = NewTable();
        Assert.True(table.TryMap(Large - Page, new PhysAddr(Large - Page), 2 * Large + 2 * Page, PageAccess.Read, CacheMode.WriteBack, 2));
        Assert.True(table.TryTranslate(Large - 1, out Translation first));
        Assert.True(table.TryTranslate(Large, out Translation middle));
        Assert.True(table.TryTranslate(3 * Large, out Translation last));
        Assert.Equal([Page, Large, Page], [first.PageBytes, middle.PageBytes, last.PageBytes]);
        Assert.False(table.TryTranslate(Large - Page - 1, out _));
        Assert.False(table.TryTranslate(3 * Large + Page, out _));
    }

    [Theory]
    [InlineData(PageAccess.Read, false, false)]
    [InlineData(PageAccess.ReadWrite, true, false)]
    [InlineData(PageAccess.Execute, false, true)]
    public void Access_is_never_write_and_execute(PageAccess access, bool writable, bool executable)
    {
        PageTable table = NewTable();
        Assert.True(table.TryMap(Page, default, Page, access, CacheMode.WriteCombining, 0));
        Assert.True(table.TryTranslate(Page, out Translation found));
        Assert.Equal((writable, executable, CacheMode.WriteCombining), (found.Writable, found.Executable, found.Cache));
    }

    [Fact]
    public void Mapping_twice_and_unmapping_what_is_not_there_are_bugs()
    {
        PageTable table = NewTable();
        Assert.True(table.TryMap(0, default, Large, PageAccess.Read, CacheMode.WriteBack, 1));
        Assert.Throws<BugException>(() => table.TryMap(Page, default, Page, PageAccess.Read, CacheMode.WriteBack, 0));
        Assert.Throws<BugException>(() => table.Unmap(0, Page));
        Assert.Throws<BugException>(() => table.Unmap(Large, Page));
        Assert.Throws<BugException>(() => table.TryMap(Huge + 1, default, Page, PageAccess.Read, CacheMode.WriteBack, 0));
    }

    [Fact]
    public void Without_memory_for_tables_nothing_stays_mapped()
    {
        PageTable table = NewTable();
        _limit = _next + 3 * Page;
        Assert.False(table.TryMap(0, default, 2 * Large, PageAccess.Read, CacheMode.WriteBack, 0));
        ulong address = 0;
        Assert.False(table.TryFindMapped(ref address, out _));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Random_mappings_agree_with_a_dictionary(int seed)
    {
        var random = new Random(seed);
        PageTable table = NewTable();
        var model = new SortedDictionary<ulong, ulong>();
        var mapped = new List<(ulong Address, ulong Bytes)>();
        for (int step = 0; step < 300; step++)
        {
            if (mapped.Count > 0 && random.Next(3) == 0)
            {
                (ulong start, ulong length) = mapped[random.Next(mapped.Count)];
                mapped.Remove((start, length));
                table.Unmap(start, length);
                for (ulong at = start; at < start + length; at += Page)
                    model.Remove(at);
                continue;
            }
            ulong address = (ulong)random.Next(0, 4096) * Page + (random.Next(2) == 0 ? 0 : 0xFFFF_C000_0000_0000);
            ulong bytes = (ulong)random.Next(1, 1200) * Page;
            if (mapped.Any(m => address < m.Address + m.Bytes && m.Address < address + bytes))
                continue;
            ulong physical = (address + (random.Next(2) == 0 ? 0 : Page)) & 0xFFFF_FFFF;
            Assert.True(table.TryMap(address, new PhysAddr(physical), bytes, PageAccess.Read, CacheMode.WriteBack, 2));
            mapped.Add((address, bytes));
            for (ulong at = 0; at < bytes; at += Page)
                model.Add(address + at, physical + at);
        }
        var seen = new List<KeyValuePair<ulong, ulong>>();
        for (ulong at = 0; table.TryFindMapped(ref at, out Translation page); at += page.PageBytes)
        {
            for (ulong offset = 0; offset < page.PageBytes; offset += Page)
                seen.Add(new(at + offset, page.Physical.Value + offset));
        }
        Assert.Equal(model, seen);
    }

    private static PageTable NewTable()
    {
        Assert.True(TakeTable(out PhysAddr root));
        return new PageTable(root, &TakeTable);
    }

    private static bool TakeTable(out PhysAddr table)
    {
        table = new PhysAddr(_next);
        if (_next + Page > _limit)
            return false;
        new Span<byte>(PhysicalMemory.At(table), (int)Page).Clear();
        _next += Page;
        return true;
    }
}
