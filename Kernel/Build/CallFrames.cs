using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using Sluice.Runtime;

namespace Sluice.Build;

/// <summary>The call frame information of one method: where it lies, and DWARF's instructions for it.</summary>
public sealed record CallFrame(ulong Start, uint Length, byte[] Instructions);

/// <summary>
/// From an offset of a method's code on: where its frame ends (a register and bytes above it), and by register how many bytes below
/// the end it is saved. The return address is the frame's topmost word.
/// </summary>
public sealed record FrameRow(uint Offset, int Register, uint Above, IReadOnlyDictionary<int, uint> Saved);

/// <summary>
/// Reads .eh_frame as ILC writes it, and says what is new when it writes something else.
/// Source: DWARF 5, section 6.4; Linux Standard Base 5.0, section 10.6.1.
/// </summary>
public static class CallFrames
{
    private const int StackPointer = 7, ReturnAddress = 16, Word = 8;

    // The common part that all methods have: version 1, augmentation zLR, factors 1 and -8, return address in column 16, both pointers
    // relative to their place in 4 bytes; the frame ends 8 bytes above rsp, just above the return address.
    private static ReadOnlySpan<byte> Common => [1, (byte)'z', (byte)'L', (byte)'R', 0, 1, 0x78, 16, 2, 0x1B, 0x1B, 0x0C, 7, 8, 0x90, 1];

    /// <summary>All frames of a section that is linked to an address.</summary>
    public static List<CallFrame> Read(ReadOnlySpan<byte> section, ulong address)
    {
        List<CallFrame> frames = [];
        for (int at = 0; at + 8 <= section.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt32LittleEndian(section[at..]);
            if (length == 0)
                break;
            ReadOnlySpan<byte> body = section.Slice(at + 4, length);
            if (BinaryPrimitives.ReadUInt32LittleEndian(body) == 0)
            {
                if (!body[4..].StartsWith(Common) || body[(4 + Common.Length)..].ContainsAnyExcept((byte)0))
                    throw new InvalidDataException($"the common frame information at {at} is not the one known: {Convert.ToHexString(body)}");
            }
            else
            {
                ulong place = address + (ulong)at + 8;
                ulong start = place + (ulong)(long)BinaryPrimitives.ReadInt32LittleEndian(body[4..]);
                uint bytes = BinaryPrimitives.ReadUInt32LittleEndian(body[8..]);
                int instructions = 12;
                int augmentation = (int)VariableLength.Read(body, ref instructions);
                frames.Add(new CallFrame(start, bytes, body[(instructions + augmentation)..].ToArray()));
            }
            at += 4 + length;
        }
        frames.Sort((left, right) => left.Start.CompareTo(right.Start));
        return frames;
    }

    /// <summary>What a frame's instructions say, by ascending offset; each row holds up to the next one.</summary>
    public static List<FrameRow> Rows(CallFrame frame)
    {
        List<FrameRow> rows = [];
        FrameRow row = new(0, StackPointer, Word, new Dictionary<int, uint>());
        ReadOnlySpan<byte> code = frame.Instructions;
        for (int at = 0; at < code.Length;)
        {
            byte instruction = code[at++];
            int operand = instruction & 0x3F;
            uint advance = 0;
            switch (instruction & 0xC0)
            {
                case 0x40:
                    advance = (uint)operand;
                    break;
                case 0x80 when operand < ReturnAddress:
                    row = row with { Saved = new Dictionary<int, uint>(row.Saved) { [operand] = Word * VariableLength.Read(code, ref at) } };
                    break;
                default:
                    switch (instruction)
                    {
                        case 0x00:
                            break;
                        case 0x02:
                            advance = code[at++];
                            break;
                        case 0x03:
                            advance = BinaryPrimitives.ReadUInt16LittleEndian(code[at..]);
                            at += 2;
                            break;
                        case 0x0D:
                            row = row with { Register = (int)VariableLength.Read(code, ref at) };
                            break;
                        case 0x0E:
                            row = row with { Above = VariableLength.Read(code, ref at) };
                            break;
                        default:
                            throw new InvalidDataException($"frame instruction 0x{instruction:X2} of the method at {frame.Start:x} is not known");
                    }
                    break;
            }
            if (advance == 0)
                continue;
            rows.Add(row);
            row = row with { Offset = row.Offset + advance };
        }
        rows.Add(row);
        return rows;
    }

    /// <summary>The same as a section .debug_frame, for debuggers: they do not look into what is not loaded.</summary>
    public static byte[] ToDebugFrame(IEnumerable<CallFrame> frames)
    {
        List<byte> section = [];
        Entry(section, [0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 1, 0x78, 16, 0x0C, 7, 8, 0x90, 1]);
        byte[] head = new byte[20];
        foreach (CallFrame frame in frames)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan(4), frame.Start);
            BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan(12), frame.Length);
            Entry(section, [.. head, .. frame.Instructions]);
        }
        return [.. section];
    }

    // Padded by instructions that do nothing, so that the next one is aligned.
    private static void Entry(List<byte> section, byte[] body)
    {
        int length = (body.Length + 4 + 7) / 8 * 8 - 4;
        section.AddRange([(byte)length, (byte)(length >> 8), 0, 0, .. body]);
        section.AddRange(new byte[length - body.Length]);
    }
}
