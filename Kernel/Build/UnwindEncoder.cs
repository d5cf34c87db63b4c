using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Sluice.Panic;

namespace Sluice.Build;

/// <summary>From what the compiler says of a frame to the kernel's program (Kernel/Panic/UnwindProgram.cs).</summary>
public static class UnwindEncoder
{
    /// <summary>The program for rows in ascending order, its zero with it.</summary>
    /// <exception cref="InvalidDataException">The kernel's programs cannot say it, as with a changed frame in an epilogue.</exception>
    public static byte[] Encode(IReadOnlyList<FrameRow> rows)
    {
        List<byte> program = [];
        FrameRow before = new(0, FrameRules.StackPointer, 8, new Dictionary<int, uint>());
        foreach (FrameRow row in rows)
        {
            Change(program, before, row);
            before = row;
        }
        program.Add(0);
        return [.. program];
    }

    private static void Change(List<byte> program, FrameRow before, FrameRow row)
    {
        KeyValuePair<int, uint>[] pushed = [.. row.Saved.Except(before.Saved)];
        uint advance = row.Offset - before.Offset;
        if (before.Saved.Keys.Except(row.Saved.Keys).Any() || row.Above % 8 != 0)
            throw Unknown(row);
        if (pushed.Length == 0 && row.Above == before.Above && row.Register == before.Register)
        {
            if (advance != 0)
                throw Unknown(row);
        }
        else if (pushed.Length == 0)
        {
            int what = row.Register switch
            {
                FrameRules.StackPointer when before.Register == FrameRules.StackPointer => UnwindProgram.Allocate,
                FrameRules.FramePointer => UnwindProgram.FramePointer,
                _ => throw Unknown(row),
            };
            Step(program, advance, what);
            Number(program, row.Above / 8);
        }
        else
        {
            bool isPush = pushed.Length == 1 && pushed[0].Value == row.Above && row.Above == before.Above + 8 &&
                row.Register == FrameRules.StackPointer && before.Register == FrameRules.StackPointer;
            if (!isPush || row.Above > 8 * byte.MaxValue ||
                pushed[0].Key is >= FrameRules.Registers or 0 or UnwindProgram.Far or UnwindProgram.FramePointer or UnwindProgram.Allocate)
            {
                throw Unknown(row);
            }
            Step(program, advance, pushed[0].Key);
        }
    }

    private static void Step(List<byte> program, uint advance, int what)
    {
        if (advance > 15)
        {
            program.Add(UnwindProgram.Far);
            Number(program, advance);
            advance = 0;
        }
        program.Add((byte)(advance << 4 | (uint)what));
    }

    /// <summary>Appends a number of seven bits a byte, the lowest first.</summary>
    internal static void Number(List<byte> bytes, uint value)
    {
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
    }

    private static InvalidDataException Unknown(FrameRow row) =>
        new($"a frame that changes like this cannot be told to the kernel: {row with { Saved = new Dictionary<int, uint>() }}, " +
            $"saved {string.Join(", ", row.Saved.Select(saved => $"{saved.Key} at -{saved.Value}"))}");
}
