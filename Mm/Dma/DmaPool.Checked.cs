using System;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

// With the checker on the stack of free blocks is empty and full at once, so that all come here. A table holds all blocks: first the free
// ones, the longest free first, then those in use. Free blocks are filled with what nobody writes by chance, and so is what lies between.
public sealed unsafe partial class DmaPool<T>
{
    // Blocks rest before they are used again, so that late writes are found.
    private const ulong LeastResting = 8;

    private PageRun _checkedTable;
    private ulong _checkedFree, _checkedTotal;

    private PoolBlock<T>* Checked => (PoolBlock<T>*)_checkedTable.Address;

    // Puts the next block on the stack, from where it is taken at once.
    [OwnershipInternals("what lies in front of the count is nobody's handle")]
    private bool TryOfferChecked(DmaChecker checker, string method, int line)
    {
        if (_checkedFree < LeastResting && !TryAddChecked(method, line) && _checkedFree == 0)
            return false;
        PoolBlock<T> block = Checked[0];
        Check(checker, block, Pattern.Ended, 0, DmaFault.DeviceWroteLate, "after it was given back"u8);
        Move(0, --_checkedFree);
        *_top++ = block;
        return true;
    }

    [OwnershipInternals("here the handle ends")]
    private void GiveChecked(DmaChecker checker, T* first)
    {
        ulong at = 0;
        while (at < _checkedTotal && Checked[at].First != first)
            at++;
        if (at == _checkedTotal)
            Stop(checker, DmaFault.WrongKind, first, "was given back to a pool that it is not from"u8);
        if (at < _checkedFree)
            Stop(checker, DmaFault.UsedAfterEnd, first, "was given back twice"u8);
        PoolBlock<T> block = Checked[at];
        Check(checker, block, Pattern.Guard, (uint)sizeof(T), DmaFault.DeviceWroteOutside, "behind its end"u8);
        Pattern.Fill(block.Number, (uint)sizeof(T), Pattern.Ended);
        Move(at, _checkedFree++);
    }

    // New blocks come on the stack, and from there into the table.
    [OwnershipInternals("what lies in front of the count is nobody's handle")]
    private bool TryAddChecked(string method, int line)
    {
        if (!TryAddPage(method, line))
            return false;
        if (!TryFitChecked(_checkedTotal + (ulong)(_top - _free)))
        {
            // The page stays the device's; it is reported as what was not released.
            _top = _end = _free;
            return false;
        }
        while (_top != _free)
        {
            PoolBlock<T> added = *--_top;
            // The device's address is the physical one: shared memory lies where the device sees it.
            Pattern.Fill(added.Number, _step, Pattern.Guard);
            Pattern.Fill(added.Number, (uint)sizeof(T), Pattern.Ended);
            Checked[_checkedTotal] = added;
            Move(_checkedTotal++, _checkedFree++);
        }
        _end = _free;
        return true;
    }

    private bool TryFitChecked(ulong blocks)
    {
        while (blocks * (uint)sizeof(PoolBlock<T>) > _checkedTable.Bytes)
        {
            int order = _checkedTable.IsEmpty ? 0 : _checkedTable.Order + 1;
            if (!_device.System.Memory.Pages.TryTake(order, Zone.Any, _device.Owner, out PageRun larger))
                return false;
            if (!_checkedTable.IsEmpty)
            {
                _checkedTable.Memory.CopyTo(larger.Memory);
                _device.System.Memory.Give(ref _checkedTable);
            }
            _checkedTable = Own.Move(ref larger);
        }
        return true;
    }

    // Takes an entry out of its place and puts it in another; those between make way.
    [OwnershipInternals("what lies in front of the count is nobody's handle")]
    private void Move(ulong from, ulong to)
    {
        PoolBlock<T>* table = Checked;
        PoolBlock<T> moved = table[from];
        for (; from < to; from++)
            table[from] = table[from + 1];
        for (; from > to; from--)
            table[from] = table[from - 1];
        table[to] = moved;
    }

    // The block itself, or what lies between it and the next.
    [OwnershipInternals("it looks")]
    private void Check(DmaChecker checker, PoolBlock<T> block, ulong seed, uint offset, DmaFault fault, ReadOnlySpan<byte> where)
    {
        ulong address = block.Number + offset, bytes = offset == 0 ? (uint)sizeof(T) : _step - offset;
        ulong intact = Pattern.Intact(address, bytes, seed);
        if (intact == bytes)
            return;
        ulong changed = Pattern.Changed(address + intact, bytes - intact, seed);
        checker.Report(fault, _device, $"a pool's block of {sizeof(T)} bytes at 0x{block.Number:x} was written {where}: {changed} bytes from byte {offset + intact} on");
        Pattern.Fill(address, bytes, seed);
    }

    private void Stop(DmaChecker checker, DmaFault fault, T* block, ReadOnlySpan<byte> what)
    {
        checker.Report(fault, _device, $"a pool's block of {sizeof(T)} bytes at 0x{PhysicalMemory.Of(block).Value:x} {what}");
        Utf8Message text = $"dma: {_device.Name}: a pool's block {what}";
        Bug.Stop(text.Text);
    }
}
