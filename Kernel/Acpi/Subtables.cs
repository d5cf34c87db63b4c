namespace Sluice.Acpi;

/// <summary>Entries of a table that each begin with a byte of kind and one of length, as in MADT and SRAT.</summary>
internal static class Subtables
{
    /// <summary>
    /// Walks on; start with a position of 0. False at the end, or where a length is 0 or leads outside: what follows cannot be told
    /// from noise.
    /// </summary>
    public static bool TryNext(TableBytes table, int first, ref int position, out byte kind, out TableBytes entry)
    {
        if (position < first)
            position = first;
        kind = table.U8(position);
        byte length = table.U8(position + 1);
        bool sound = length >= 2 && table.Has(position, length);
        entry = sound ? table.Slice(position, length) : default;
        position += length;
        return sound;
    }
}
