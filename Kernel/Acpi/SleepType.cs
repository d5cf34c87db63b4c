using System;

namespace Sluice.Acpi;

/// <summary>
/// What to write into the PM1 control registers to switch the machine off: found in AML without interpreting it.
/// <para>
/// Looked for is Name (_S5_, Package (n) {a, b, ...}) or Name (\_S5_, ...) whose first two elements are integer constants, which is
/// how firmware writes it: ACPI asks for a package of integers. Not found: an _S5_ that is a method, is named by a longer path
/// (\X._S5_), is an alias, or has elements that are computed. The first fitting place wins, even inside an If that the firmware
/// would not enter; the search knows nothing of scopes.
/// </para>
/// Source: ACPI 6.5, sections 7.4.2.6 (\_S5), 20.2.3 to 20.2.5 (AML names, constants, packages).
/// </summary>
internal readonly struct SleepType(byte a, byte b)
{
    private const byte ZeroOp = 0x00, OneOp = 0x01, NameOp = 0x08, BytePrefix = 0x0A, WordPrefix = 0x0B, DWordPrefix = 0x0C,
        PackageOp = 0x12, RootChar = 0x5C, OnesOp = 0xFF;

    private const byte Mask = 7;

    /// <summary>For PM1a, 0 to 7.</summary>
    public byte A { get; } = a;

    /// <summary>For PM1b, 0 to 7.</summary>
    public byte B { get; } = b;

    /// <summary>Searches a DSDT or SSDT, once from front to back.</summary>
    public static bool TryFindSoftOff(ReadOnlySpan<byte> table, out SleepType type)
    {
        type = default;
        for (int at = TableDirectory.HeaderBytes + 1; at <= table.Length - 4; at++)
        {
            if (table[at] != (byte)'_' || table[at + 1] != (byte)'S' || table[at + 2] != (byte)'5' || table[at + 3] != (byte)'_')
                continue;
            bool named = table[at - 1] == NameOp || (table[at - 1] == RootChar && table[at - 2] == NameOp);
            if (named && TryReadPackage(new TableBytes(table), at + 4, out type))
                return true;
        }
        return false;
    }

    private static bool TryReadPackage(TableBytes code, int at, out SleepType type)
    {
        type = default;
        if (code.U8(at++) != PackageOp)
            return false;
        // Package length: bits 7:6 of the first byte say how many bytes follow it. It counts itself.
        int start = at, lead = code.U8(at++), more = lead >> 6;
        int length = more == 0 ? lead : lead & 0xF;
        for (int i = 0; i < more; i++)
            length |= code.U8(at++) << (4 + 8 * i);
        int elements = code.U8(at++);
        if (elements < 2 || !code.Has(start, length))
            return false;
        int end = start + length;
        if (!TryReadInteger(code, ref at, end, out uint a) || !TryReadInteger(code, ref at, end, out uint b))
            return false;
        type = new SleepType((byte)(a & Mask), (byte)(b & Mask));
        return true;
    }

    private static bool TryReadInteger(TableBytes code, ref int at, int end, out uint value)
    {
        byte prefix = code.U8(at);
        int bytes = 1 + prefix switch { BytePrefix => 1, WordPrefix => 2, DWordPrefix => 4, _ => 0 };
        value = prefix switch
        {
            BytePrefix => code.U8(at + 1),
            WordPrefix => code.U16(at + 1),
            DWordPrefix => code.U32(at + 1),
            OnesOp => uint.MaxValue,
            _ => prefix,
        };
        at += bytes;
        return at <= end && prefix is ZeroOp or OneOp or BytePrefix or WordPrefix or DWordPrefix or OnesOp;
    }
}
