using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Dma;

public sealed unsafe partial class DmaChecker
{
    // More ended mappings, or more bytes in them, are let go: the oldest first.
    private const uint MostEnded = 128;

    private readonly ulong _endedLimit;
    private CheckRecord* _oldestEnded, _newestEnded;
    private ulong _endedBytes;
    private uint _ended;

    /// <summary>Lets all memory of ended mappings go, after a look at it.</summary>
    public void Drain()
    {
        while (_ended != 0)
            LetGo();
    }

    /// <summary>
    /// A mapping has ended: where the device worked is kept and filled with what nobody writes by chance. The mapping's record is kept, too.
    /// </summary>
    internal void End(CheckRecord* record)
    {
        Mapping* mapping = record->Mapping;
        record->HasEnded = true;
        record->Ended = Clock.Microseconds;
        mapping->Kind = MappingKind.Ended;
        _lock.Acquire();
        Unlink(record);
        if (_newestEnded != null)
            _newestEnded->Next = record;
        else
            _oldestEnded = record;
        _newestEnded = record;
        _ended++;
        _lock.Release();
        if (record->Shadow != 0)
        {
            _endedBytes += record->End - record->First;
            Pattern.Fill(record->First, record->End - record->First, Pattern.Ended);
            CheckedPath.Clean(record);
        }
        while (_ended > MostEnded || _endedBytes > _endedLimit)
            LetGo();
    }

    private void Unlink(CheckRecord* record)
    {
        if (record->Next != null)
            record->Next->Previous = record->Previous;
        if (record->Previous != null)
            record->Previous->Next = record->Next;
        else
            _newest = record->Next;
        record->Next = record->Previous = null;
        _live--;
    }

    private void LetGo()
    {
        CheckRecord* record = _oldestEnded;
        CheckEnded(record);
        _lock.Acquire();
        _oldestEnded = record->Next;
        if (_oldestEnded == null)
            _newestEnded = null;
        _ended--;
        _lock.Release();
        Mapping* mapping = record->Mapping;
        if (record->Shadow != 0)
        {
            _endedBytes -= record->End - record->First;
            Path.GiveShadow(record);
        }
        mapping->Checked = 0;
        _system.Table.Give(mapping);
        _records.Give(ref record);
    }

    private void CheckEnded(CheckRecord* record)
    {
        if (record->Shadow == 0)
            return;
        CheckedPath.Look(record);
        ulong bytes = record->End - record->First, intact = Pattern.Intact(record->First, bytes, Pattern.Ended);
        if (intact == bytes)
            return;
        ulong changed = Pattern.Changed(record->First + intact, bytes - intact, Pattern.Ended);
        Report(DmaFault.DeviceWroteLate, record, record->First + intact, changed);
        Pattern.Fill(record->First + intact, changed, Pattern.Ended);
        CheckedPath.Clean(record);
    }
}
