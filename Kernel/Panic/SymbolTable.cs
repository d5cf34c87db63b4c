using System;
using System.Runtime.CompilerServices;
using Sluice.Arch;

namespace Sluice.Panic;

/// <summary>A method's name in the image.</summary>
internal unsafe struct SymbolName : IUtf8Formattable
{
    private const int MostBytes = 200;      // symbols.awk cuts longer ones

    private Bytes _bytes;
    private int _length;

    /// <summary>Becomes the next name of the table: a number of bytes that stay, then what follows them, ended by a zero. Returns what is behind.</summary>
    public byte* ReadNext(byte* entry)
    {
        _length = *entry++;
        for (; *entry != 0; entry++)
            _bytes[_length++] = *entry;
        return entry + 1;
    }

    public readonly void Format(ref Utf8Writer writer, scoped ReadOnlySpan<char> format) =>
        writer.Append(((ReadOnlySpan<byte>)_bytes).Slice(0, _length));

    [InlineArray(MostBytes)]
    private struct Bytes
    {
        private byte _first;
    }
}

/// <summary>
/// Names of all methods by address, put into the image by a second link (Kernel/symbols.awk): the first method's address below the
/// kernel's base, then for each method how far it is from the one before (16 bits) and what its name does not share with that one's.
/// It is read from the front, once for each line of a backtrace: a third of the bytes that a table for binary search would take.
/// </summary>
internal static unsafe class SymbolTable
{
    /// <summary>Finds the method that holds an address, and how far in.</summary>
    public static bool TryFind(ulong address, out SymbolName name, out uint offset)
    {
        ImageLayout* layout = ImageLayout.Current;
        name = default;
        offset = 0;
        byte* at = layout->SymbolsStart;
        if (at == layout->SymbolsEnd || address < layout->TextStart || address >= layout->TextEnd)
            return false;
        ulong start = ImageLayout.KernelBase + *(uint*)at;
        at += 4;
        bool found = false;
        while (at < layout->SymbolsEnd)
        {
            start += *(ushort*)at;
            if (start > address)
                break;
            at = name.ReadNext(at + 2);
            offset = (uint)(address - start);
            found = true;
        }
        return found;
    }
}
