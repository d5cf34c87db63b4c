using System.Numerics;

namespace Sluice.Mm;

internal sealed unsafe partial class BuddyZone
{
    /// <summary>
    /// Takes the highest free run of an order that does not go beyond a frame; false if there is none. Looks through all lists: for what is
    /// seldom done. The handle gets <paramref name="state"/> and a generation of its own.
    /// </summary>
    public bool TryTakeHighest(int order, uint lastFrame, uint state, out PageRun run)
    {
        run = default;
        _lock.Acquire();
        OpenHighest(lastFrame);
        bool found;
        uint frame, number;
        while (!(found = TryFindHighest(order, lastFrame, out frame, out number)) && _nextSection << SectionTable.Order <= lastFrame && TryOpenSection())
        {
        }
        if (found)
        {
            Split(order, frame, number);
            run = new PageRun(frame, state | (ushort)(++_batches * 0x9E37 << Page.GenerationShift));
            Listed -= 1UL << order;
            ulong used = Managed - Available;
            if (used > HighWater)
                HighWater = used;
        }
        _lock.Release();
        return found;
    }

    // The section with the highest memory up to a frame, if it was never used; the others up to there come in their turn.
    private void OpenHighest(uint lastFrame)
    {
        uint end = _endSection << SectionTable.Order, section = 0;
        if (lastFrame < end - 1)
            end = lastFrame + 1;
        for (int index = _map.IndexEndingAfter(0); index < _map.Count && _map[index].First < end; index++)
            section = ((_map[index].End < end ? _map[index].End : end) - 1) >> SectionTable.Order;
        if (section >= _nextSection && !_sections.IsOpen(section))
            TryOpen(section).Ignore("a section without room for its metadata has nothing to take"u8);
    }

    private bool TryFindHighest(int order, uint lastFrame, out uint frame, out uint number)
    {
        frame = number = 0;
        bool found = false;
        for (int list = order; list <= PageAllocator.MaxOrder; list++)
        {
            if ((_nonEmpty & 1u << list) == 0)
                continue;
            for (uint candidate = _heads[list]; candidate != Chunk.None; candidate = At(candidate)->Next)
            {
                if (!TryFindHighestIn(candidate, list, order, lastFrame, out uint first) || (found && first < frame))
                    continue;
                found = true;
                frame = first;
                number = candidate;
            }
        }
        return found;
    }

    private bool TryFindHighestIn(uint number, int list, int order, uint lastFrame, out uint frame)
    {
        frame = number << Chunk.Order;
        uint pages = 1u << order;
        if (frame > lastFrame || lastFrame - frame + 1 < pages)
            return false;
        if (list >= Chunk.Order)
        {
            uint room = lastFrame - frame + 1 < 1u << list ? lastFrame - frame + 1 : 1u << list;
            frame = (frame + room - pages) & ~(pages - 1);
            return true;
        }
        ulong starts = ChunkBits.Runs(At(number)->Free, order);
        uint reach = lastFrame - frame;
        if (reach < 63)
            starts &= (1UL << (int)(reach - pages + 2)) - 1;
        if (starts == 0)
            return false;
        frame += (uint)BitOperations.Log2(starts);
        return true;
    }

    // Takes a run out of the free block or chunk that it lies in; the rest stays free.
    private void Split(int order, uint frame, uint number)
    {
        int list = At(number)->List - 1;
        Unlink(number);
        ulong free = At(number)->Free;
        if (list >= Chunk.Order)
        {
            int least = order > Chunk.Order ? order : Chunk.Order;
            while (list > least)
            {
                uint upper = number + (1u << (--list - Chunk.Order));
                bool isUpper = frame >> Chunk.Order >= upper;
                Link(isUpper ? number : upper, list);
                if (isUpper)
                    number = upper;
            }
            if (order >= Chunk.Order)
                return;
            free = ulong.MaxValue;
        }
        free &= ~(ChunkBits.Run(order) << (int)(frame & 63));
        At(number)->Free = free;
        if (free != 0)
            Link(number, ChunkBits.LargestOrder(free));
    }
}
