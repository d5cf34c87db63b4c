using System;
using Sluice.Platform;

namespace Sluice.Mm;

public sealed unsafe partial class PageAllocator
{
    private MemoryMap _map = null!;

    /// <summary>
    /// Takes over what is free in the map. The map must not change any more, nor early memory be taken.
    /// False if the machine has too little memory for the allocator's own tables; then it must not be used.
    /// </summary>
    /// <param name="map">The machine's memory.</param>
    /// <param name="early">Where the tables come from: 16 bytes for each 64 MiB up to the highest page, and 10 KiB.</param>
    /// <param name="reach">The end of the memory that the caller can reach by now.</param>
    /// <param name="poison">See <see cref="Poison"/>.</param>
    public bool Start(MemoryMap map, EarlyMemory early, PhysAddr reach, bool poison = false)
    {
        Bug.If(_cpus != null, "a page allocator was started twice"u8);
        Poison = poison;
        _map = map;
        RangeSet free = map.Free;
        free.Remove(0, 1);      // address 0 means "none" to too many; and so does the run that starts there
        if (free.Count == 0)
            return false;

        uint sections = ((free[free.Count - 1].End - 1) >> SectionTable.Order) + 1;
        ulong tableBytes = SectionTable.Bytes(sections);
        ulong bytes = tableBytes + Cpu.MaxCount * (uint)sizeof(RunLists*) + RunLists.ClosedBytes + RunLists.Bytes;
        if (!early.TryTake((uint)((bytes + PhysAddr.PageSize - 1) / PhysAddr.PageSize), reach, out PhysAddr tables))
            return false;
        byte* memory = PhysicalMemory.At(tables);
        new Span<byte>(memory, (int)bytes).Clear();
        _sections = new SectionTable(memory, sections);
        _cpus = (RunLists**)(memory + tableBytes);

        for (int zone = 0; zone < Zones.Count; zone++)
        {
            uint firstSection = zone == 0 ? 0 : Zones.End((Zone)zone - 1) >> SectionTable.Order;
            _zones[zone].Start(_sections, free, Math.Max(firstSection, 1), (Zones.End((Zone)zone) - 1 >> SectionTable.Order) + 1);
        }
        CountPages(free);
        OpenFirstSection(free);
        SetReserves();
        memory = (byte*)(_cpus + Cpu.MaxCount);
        _closed = RunLists.LayClosed(memory, _sections);
        _cpus[Cpu.Id] = RunLists.Lay(memory + RunLists.ClosedBytes, _sections, _zones);
        ChooseWay();
        return true;
    }

    /// <summary>
    /// Gives another CPU lists of its own; called on any CPU, before that one's first request. False if memory ran out.
    /// </summary>
    public bool TryAddCpu(int id)
    {
        Bug.If(_cpus == null || (uint)id >= Cpu.MaxCount || _cpus[id] != null, "a CPU was added to the page allocator twice"u8);
        int order = 0;
        while (PhysAddr.PageSize << order < RunLists.Bytes)
            order++;
        if (!TryTake(order, Zone.Any, OwnerTag.Register("page allocator"u8), out PageRun run))
            return false;
        _cpus[id] = RunLists.Lay(run.Address, _sections, _zones);
        Own.KeepForGood(ref run);
        ChooseWay();
        return true;
    }

    private void ChooseWay()
    {
        int cpus = 0;
        RunLists* lists = null;
        for (int i = 0; i < Cpu.MaxCount; i++)
        {
            if (_cpus[i] == null)
                continue;
            lists = _cpus[i];
            cpus++;
        }
        _only = cpus == 1 && !Poison ? lists : _closed;
    }

    // Tells each zone what it will have, without touching the memory: whole sections are counted, not visited.
    private void CountPages(RangeSet free)
    {
        for (uint section = 0; section < _sections.Count;)
        {
            int index = free.IndexEndingAfter(section << SectionTable.Order);
            if (index == free.Count)
                return;
            FrameRange range = free[index];
            section = Math.Max(section, range.First >> SectionTable.Order);
            uint wholeEnd = range.End >> SectionTable.Order;
            if (section < Zones.Dma32End >> SectionTable.Order)
                wholeEnd = Math.Min(wholeEnd, Zones.Dma32End >> SectionTable.Order);
            if (range.First <= section << SectionTable.Order && section < wholeEnd)
            {
                ulong pages = (ulong)(wholeEnd - section) * (SectionTable.Frames - SectionTable.MetadataFrames);
                _zones[(int)Zones.Of(section << SectionTable.Order)].Expect(pages);
                section = wholeEnd;
                continue;
            }
            foreach (FrameRange part in SectionPlan.For(free, section).Parts(free))
                _zones[(int)Zones.Of(part.First)].Expect(part.Count);
            section++;
        }
    }

    // The only section with two zones in it; so that later each section is opened under the lock of one zone.
    private void OpenFirstSection(RangeSet free)
    {
        SectionPlan plan = SectionPlan.For(free, 0);
        if (!plan.IsUsable)
            return;
        plan.LayMetadata(_sections);
        _sections.PageAt(0)->State = ushort.MaxValue;        // so that the empty run is not taken for one that starts there
        foreach (FrameRange part in plan.Parts(free))
            _zones[(int)Zones.Of(part.First)].Insert(part);
    }

    // Some of a lower zone is kept from those who could be served elsewhere, too: devices that cannot depend on it.
    private void SetReserves()
    {
        bool higher = false;
        for (int zone = Zones.Count - 1; zone >= 0; zone--)
        {
            _zones[zone].Reserve = !higher ? 0 : _zones[zone].Managed >> ((Zone)zone == Zone.Dma ? 3 : 5);
            higher |= _zones[zone].Managed != 0;
        }
    }
}
