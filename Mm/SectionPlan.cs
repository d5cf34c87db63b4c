using System;
using Sluice.Platform;

namespace Sluice.Mm;

/// <summary>Which frames of a section can be handed out and where its metadata goes; follows from the memory map alone.</summary>
internal readonly struct SectionPlan
{
    private readonly uint _section;

    private SectionPlan(uint section, uint metadata)
    {
        _section = section;
        Metadata = metadata;
    }

    /// <summary>First frame of the metadata; 0 if there is no room for it, and then the section is left alone.</summary>
    public uint Metadata { get; }

    /// <summary>Whether the section can be used.</summary>
    public bool IsUsable => Metadata != 0;

    /// <summary>First frame after the metadata.</summary>
    public uint MetadataEnd => Metadata + SectionTable.MetadataFrames;

    /// <summary>
    /// Puts the metadata at the end of the highest range that has room. Highest, so that the first section spares the
    /// zone for 24-bit devices.
    /// </summary>
    public static SectionPlan For(RangeSet free, uint section)
    {
        uint first = section << SectionTable.Order, end = EndOf(section), metadata = 0;
        for (int i = free.IndexEndingAfter(first); i < free.Count && free[i].First < end; i++)
        {
            uint from = Math.Max(free[i].First, first), to = Math.Min(free[i].End, end);
            if (to - from >= SectionTable.MetadataFrames)
                metadata = to - SectionTable.MetadataFrames;
        }
        return new SectionPlan(section, metadata);
    }

    /// <summary>First frame after a section.</summary>
    public static uint EndOf(uint section) => (uint)Math.Min(((ulong)section + 1) << SectionTable.Order, MemoryMap.FrameLimit);

    /// <summary>Clears the section's metadata and enters it in the table.</summary>
    public unsafe void LayMetadata(SectionTable sections) =>
        sections.Open(_section, PhysicalMemory.At(PhysAddr.FromFrame(Metadata)));

    /// <summary>The frames that can be handed out, each range within one zone.</summary>
    public PartEnumerator Parts(RangeSet free) => new(this, free);

    /// <summary>Runs over what <see cref="Parts"/> says.</summary>
    public ref struct PartEnumerator
    {
        private readonly RangeSet _free;
        private readonly SectionPlan _plan;
        private int _index;
        private uint _next;

        internal PartEnumerator(SectionPlan plan, RangeSet free)
        {
            _free = free;
            _plan = plan;
            _next = plan._section << SectionTable.Order;
            _index = plan.IsUsable ? free.IndexEndingAfter(_next) : free.Count;
        }

        public FrameRange Current { get; private set; }

        public readonly PartEnumerator GetEnumerator() => this;

        public bool MoveNext()
        {
            uint sectionEnd = EndOf(_plan._section);
            for (; _index < _free.Count && _free[_index].First < sectionEnd; _index++)
            {
                uint first = Math.Max(_free[_index].First, _next), end = Math.Min(_free[_index].End, sectionEnd);
                if (end == _plan.MetadataEnd)
                    end = _plan.Metadata;
                if (first >= end)
                    continue;
                if (first < Zones.DmaEnd && end > Zones.DmaEnd)
                    end = Zones.DmaEnd;
                _next = end;
                Current = new FrameRange(first, end);
                return true;
            }
            return false;
        }
    }
}
