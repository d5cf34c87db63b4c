using System;
using Sluice.Arch;

namespace Sluice.Panic;

/// <summary>A method's name in the image.</summary>
internal readonly unsafe struct SymbolName(byte* text) : IUtf8Formattable
{
    private readonly byte* _text = text;

    public void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format)
    {
        int length = 0;
        while (length < 200 && _text[length] != 0)
            length++;
        writer.Append(new ReadOnlySpan<byte>(_text, length));
    }
}

/// <summary>
/// Names of all methods by address, put into the image by a second link (Kernel/symbols.awk): a count, pairs of (address below the
/// kernel's base, offset of the name) sorted by address, then the names, each ended by a zero.
/// </summary>
internal static unsafe class SymbolTable
{
    /// <summary>Finds the method that holds an address, and how far in.</summary>
    public static bool TryFind(ulong address, out SymbolName name, out uint offset)
    {
        ImageLayout* layout = ImageLayout.Current;
        name = default;
        offset = 0;
        byte* table = layout->SymbolsStart;
        if (table + 4 > layout->SymbolsEnd || address < layout->TextStart || address >= layout->TextEnd)
            return false;
        uint count = *(uint*)table;
        Pair* pairs = (Pair*)(table + 4);
        byte* names = (byte*)(pairs + count);
        uint wanted = (uint)(address - ImageLayout.KernelBase);
        uint low = 0, high = count;
        while (low < high)
        {
            uint middle = (low + high) / 2;
            if (pairs[middle].Address <= wanted)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == 0)
            return false;
        name = new SymbolName(names + pairs[low - 1].Name);
        offset = wanted - pairs[low - 1].Address;
        return true;
    }

    private struct Pair
    {
        public uint Address, Name;
    }
}
