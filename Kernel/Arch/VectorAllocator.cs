namespace Sluice.Arch;

/// <summary>
/// The CPU's vectors that devices may have: 48 to 239. Below are exceptions and what a stray 8259 sends, above the kernel's own. Blocks
/// for MSI are powers of two, aligned to their size, as the function puts the message's number in the low bits of the vector.
/// Source: PCI Local Bus 3.0, section 6.8.1.6.
/// </summary>
internal struct VectorAllocator
{
    /// <summary>Vectors that are handed out: from the first, below the end.</summary>
    public const int First = 48, End = 240;

    // A bit for each vector that is taken; vectors 0 to 63 in the first word.
    private ulong _word0, _word1, _word2, _word3;

    /// <summary>Takes the lowest free block of 1, 2, 4, 8, 16 or 32 vectors; false if there is none.</summary>
    public bool TryTake(int count, out byte first)
    {
        Bug.If(count is < 1 or > 32 || (count & count - 1) != 0, "message blocks have 1, 2, 4, 8, 16 or 32 messages"u8);
        ulong block = (1UL << count) - 1;
        for (int vector = First & -count; vector + count <= End; vector += count)
        {
            if (vector < First || (Word(ref this, vector) >> (vector & 63) & block) != 0)
                continue;
            Word(ref this, vector) |= block << (vector & 63);
            first = (byte)vector;
            return true;
        }
        first = 0;
        return false;
    }

    /// <summary>Gives a block back.</summary>
    public void Give(byte first, int count)
    {
        ulong block = ((1UL << count) - 1) << (first & 63);
        Bug.If((Word(ref this, first) & block) != block, "vectors given back that were not taken"u8);
        Word(ref this, first) &= ~block;
    }

    // Blocks are aligned and at most 32 long, so each lies in one word.
    private static ref ulong Word(ref VectorAllocator allocator, int vector)
    {
        switch (vector >> 6)
        {
            case 0:
                return ref allocator._word0;
            case 1:
                return ref allocator._word1;
            case 2:
                return ref allocator._word2;
            default:
                return ref allocator._word3;
        }
    }
}
