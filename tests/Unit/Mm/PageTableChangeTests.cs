using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Mm;

/// <summary>Changes of mapped pages, against a dictionary of 4 KiB pages.</summary>
public sealed unsafe class PageTableChangeTests : IDisposable
{
    private const ulong Page = 4096, Large = 2 << 20, Huge = 1 << 30, Start = 0xFFFF_8000_0000_0000;

    [ThreadStatic] private static ulong _next;
    [ThreadStatic] private static ulong _limit;

    private readonly SimulatedMemory _memory = new(64 << 20);

    public PageTableChangeTests()
    {
        _next = Page;
        _limit = 64 << 20;
    }

    private record struct Shown(ulong Physical, bool Writable, bool Executable, CacheMode Cache);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Only_the_pages_at_the_ends_are_split()
    {
        PageTable table = NewTable();
        Assert.True(table.TryMap(Start, default, 2 * Huge, PageAccess.ReadWrite, CacheMode.WriteBack, 2));
        ulong before = _next;
        // One huge page is split at one end, one large page of it once more.
        Assert.True(table.TryChange(Start + Large + Page, Huge - Large - Page, new PageState(PageAccess.Read, CacheMode.WriteBack)));
        Assert.Equal(2 * Page, _next - before);
        Assert.Equal([Large, Page, Page, Large, Huge], ((ulong[])[0, Large, Large + Page, 2 * Large, Huge]).Select(offset => PageBytes(table, Start + offset)));
        // What is whole pages already takes no table.
        Assert.True(table.TryChange(Start + Huge, Huge, new PageState(PageAccess.Read, CacheMode.WriteBack)));
        Assert.Equal(2 * Page, _next - before);
        Assert.Equal(Huge, PageBytes(table, Start + Huge));
    }

    [Fact]
    public void Hidden_pages_are_not_found_not_mapped_anew_and_come_back_without_memory()
    {
        PageTable table = NewTable();
        Assert.True(table.TryMap(Start, new PhysAddr(Huge), Huge, PageAccess.ReadWrite, CacheMode.WriteBack, 2));
        var hidden = new PageState(PageAccess.ReadWrite, CacheMode.WriteBack, hidden: true);
        Assert.True(table.TryChange(Start + 5 * Page, 2 * Page, hidden));
        Assert.False(table.TryTranslate(Start + 5 * Page, out _));
        Assert.False(table.TryTranslate(Start + 7 * Page - 1, out _));
        Assert.True(table.IsHidden(Start + 6 * Page) && !table.IsHidden(Start + 7 * Page) && !table.IsHidden(Start + 2 * Huge));
        Assert.Throws<BugException>(() => table.TryMap(Start + 5 * Page, default, Page, PageAccess.Read, CacheMode.WriteBack, 0));
        Assert.Throws<BugException>(() => table.Unmap(Start + 5 * Page, Page));
        _limit = _next;
        Assert.True(table.TryChange(Start + 5 * Page, 2 * Page, new PageState(PageAccess.ReadWrite, CacheMode.WriteBack)));
        Assert.True(table.TryTranslate(Start + 6 * Page, out Translation page));
        Assert.Equal(Huge + 6 * Page, page.Physical.Value);
    }

    [Fact]
    public void A_hidden_large_page_is_split_when_a_part_of_it_comes_back()
    {
        PageTable table = NewTable();
        Assert.True(table.TryMap(Start, default, Large, PageAccess.ReadWrite, CacheMode.WriteBack, 2));
        Assert.True(table.TryChange(Start, Large, new PageState(PageAccess.ReadWrite, CacheMode.WriteBack, hidden: true)));
        Assert.True(table.TryChange(Start + 3 * Page, Page, new PageState(PageAccess.ReadWrite, CacheMode.WriteBack)));
        ulong at = 0;
        Assert.True(table.TryFindMapped(ref at, out Translation page));
        Assert.Equal((Start + 3 * Page, 3 * Page, Page), (at, page.Physical.Value, page.PageBytes));
        at += Page;
        Assert.False(table.TryFindMapped(ref at, out _));
    }

    [Fact]
    public void Changes_of_what_is_not_mapped_and_of_parts_of_pages_are_bugs()
    {
        PageTable table = NewTable();
        Assert.True(table.TryMap(Start, default, Page, PageAccess.ReadWrite, CacheMode.WriteBack, 0));
        var read = new PageState(PageAccess.Read, CacheMode.WriteBack);
        Assert.Throws<BugException>(() => table.TryChange(Start + 1, Page, read));
        Assert.Throws<BugException>(() => table.TryChange(Start, Page + 1, read));
        Assert.Throws<BugException>(() => table.TryChange(Start, 2 * Page, read));
    }

    [Fact]
    public void Translations_that_changed_are_forgotten()
    {
        PageTable table = NewTable();
        Assert.True(table.TryMap(Start, default, Large, PageAccess.ReadWrite, CacheMode.WriteBack, 2));
        AddressSpace.Invalidated.Clear();
        Assert.True(table.TryChange(Start + Page, 2 * Page, new PageState(PageAccess.Read, CacheMode.WriteBack)));
        // The large one when it was split, then each page.
        Assert.Equal([Start + Page, Start + Page, Start + 2 * Page], AddressSpace.Invalidated);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Random_changes_agree_with_a_dictionary_also_when_tables_run_out(int seed)
    {
        var random = new Random(seed);
        PageTable table = NewTable();
        var model = new SortedDictionary<ulong, Shown>();
        // Up to half a huge page before and behind its end, so that all three sizes are there.
        ulong first = Start + Huge - 300 * Large, pages = 2 * 300 * (Large / Page);
        Assert.True(table.TryMap(Start, new PhysAddr(Huge), 2 * Huge, PageAccess.ReadWrite, CacheMode.WriteBack, 2));
        int failed = 0;
        for (int step = 0; step < 150; step++)
        {
            ulong count = (ulong)random.Next(1, random.Next(3) == 0 ? 3000 : 20);
            ulong from = (ulong)random.NextInt64((long)(pages - count));
            if (random.Next(4) == 0)
                from &= ~511ul;
            var state = new PageState((PageAccess)random.Next(3), (new[] { CacheMode.WriteBack, CacheMode.WriteCombining, CacheMode.Uncached })[random.Next(3)], random.Next(3) == 0);
            _limit = random.Next(5) == 0 ? _next + (ulong)random.Next(2) * Page : 64 << 20;
            if (!table.TryChange(first + from * Page, count * Page, state))
            {
                failed++;
                continue;
            }
            for (ulong page = from; page < from + count; page++)
            {
                ulong at = first + page * Page;
                if (state.IsHidden)
                    model[at] = default;
                else
                    model[at] = new Shown(at - Start + Huge, state.Access == PageAccess.ReadWrite, state.Access == PageAccess.Execute, state.Cache);
            }
        }
        Assert.NotEqual(0, failed);
        for (ulong page = 0; page < pages; page++)
        {
            ulong at = first + page * Page;
            Shown expected = model.GetValueOrDefault(at, new Shown(at - Start + Huge, true, false, CacheMode.WriteBack));
            bool there = table.TryTranslate(at, out Translation found);
            Assert.Equal(expected, there ? new Shown(found.Physical.Value, found.Writable, found.Executable, found.Cache) : default);
        }
        // Around it nothing has changed.
        ulong walked = 0;
        for (ulong at = 0; table.TryFindMapped(ref at, out Translation page); at += page.PageBytes)
            walked += page.PageBytes;
        Assert.Equal(2 * Huge - (ulong)model.Values.Count(shown => shown == default) * Page, walked);
    }

    private static ulong PageBytes(PageTable table, ulong address)
    {
        Assert.True(table.TryTranslate(address, out Translation page));
        return page.PageBytes;
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
