using Sluice.Arch;

namespace Sluice.Panic;

/// <summary>
/// Steps from a call to its caller by the call frame information in .eh_frame: as much of it as ILC emits.
/// Source: DWARF 5, section 6.4; Linux Standard Base 5.0, section 10.6.1.
/// </summary>
internal static unsafe class UnwindTable
{
    // Registers whose place a rule may give; 17 with the return address.
    private const int RegisterCount = 17, ReturnAddress = 16, StackPointer = 7;

    /// <summary>Replaces the state by the caller's; false where no entry covers the address or it says something unknown.</summary>
    public static bool TryStep(ref UnwindState state)
    {
        if (!TryFind(state.Rip, out Entry entry))
            return false;
        Rules rules = default;
        if (!Execute(entry.CommonProgram, entry.CommonEnd, ulong.MaxValue, ref rules, entry.Factor) ||
            !Execute(entry.Program, entry.End, state.Rip - entry.Start, ref rules, entry.Factor))
        {
            return false;
        }
        ulong frame = state[rules.FrameRegister] + rules.FrameOffset;
        UnwindState caller = state;
        for (int register = 0; register < RegisterCount; register++)
        {
            if ((rules.Saved >> register & 1) == 0)
                continue;
            ulong slot = frame + (ulong)rules.Offset[register];
            if (!Backtrace.IsReadable(slot, 8))
                return false;
            caller[register] = *(ulong*)slot;
        }
        if ((rules.Saved >> ReturnAddress & 1) == 0)
            return false;
        caller[StackPointer] = frame;
        state = caller;
        return true;
    }

    private static bool TryFind(ulong address, out Entry entry)
    {
        ImageLayout* layout = ImageLayout.Current;
        entry = default;
        for (byte* at = layout->UnwindStart; at + 8 <= layout->UnwindEnd;)
        {
            uint length = *(uint*)at;
            if (length == 0 || length >= 0xFFFF_FFF0)
                return false;
            byte* body = at + 4, end = body + length;
            uint common = *(uint*)body;
            if (common != 0 && TryReadEntry(body, body - common, end, address, out entry))
                return true;
            at = end;
        }
        return false;
    }

    // Pointers are relative to their place, 4 bytes (DW_EH_PE_pcrel | sdata4): ILC's only encoding.
    private static bool TryReadEntry(byte* body, byte* common, byte* end, ulong address, out Entry entry)
    {
        entry = default;
        byte* at = body + 4;
        entry.Start = (ulong)at + (ulong)*(int*)at;
        uint bytes = *(uint*)(at + 4);
        if (address < entry.Start || address >= entry.Start + bytes)
            return false;
        at += 8;
        ulong augmentation = ReadUnsigned(ref at);
        entry.Program = at + augmentation;
        entry.End = end;

        byte* commonEnd = common + 4 + *(uint*)common;
        at = common + 8;
        at++;                                   // version
        byte* text = at;
        while (*at != 0)
            at++;
        at++;
        ReadUnsigned(ref at);                   // code alignment: 1 on this architecture
        entry.Factor = ReadSigned(ref at);
        ReadUnsigned(ref at);                   // return address register: 16
        if (*text == (byte)'z')
        {
            ulong skip = ReadUnsigned(ref at);
            at += skip;
        }
        entry.CommonProgram = at;
        entry.CommonEnd = commonEnd;
        return true;
    }

    private static bool Execute(byte* at, byte* end, ulong upTo, ref Rules rules, long factor)
    {
        ulong location = 0;
        while (at < end)
        {
            byte code = *at++;
            int operand = code & 0x3F;
            switch (code & 0xC0)
            {
                case 0x40:
                    location += (ulong)operand;
                    break;
                case 0x80:
                    rules.Save(operand, (long)ReadUnsigned(ref at) * factor);
                    break;
                case 0xC0:
                    rules.Forget(operand);
                    break;
                default:
                    if (!ExecuteExtended(operand, ref at, ref location, ref rules))
                        return false;
                    break;
            }
            if (location > upTo)
                return true;
        }
        return true;
    }

    private static bool ExecuteExtended(int code, ref byte* at, ref ulong location, ref Rules rules)
    {
        switch (code)
        {
            case 0x00:                          // nop
                return true;
            case 0x02:
                location += *at++;
                return true;
            case 0x03:
                location += *(ushort*)at;
                at += 2;
                return true;
            case 0x04:
                location += *(uint*)at;
                at += 4;
                return true;
            case 0x0C:                          // def_cfa
                rules.FrameRegister = (int)ReadUnsigned(ref at);
                rules.FrameOffset = ReadUnsigned(ref at);
                return rules.FrameRegister < RegisterCount;
            case 0x0D:
                rules.FrameRegister = (int)ReadUnsigned(ref at);
                return rules.FrameRegister < RegisterCount;
            case 0x0E:
                rules.FrameOffset = ReadUnsigned(ref at);
                return true;
            default:
                return false;
        }
    }

    // LEB128. Source: DWARF 5, section 7.6.
    private static ulong ReadUnsigned(ref byte* at)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte part = *at++;
            value |= (ulong)(part & 0x7F) << shift;
            if ((part & 0x80) == 0)
                break;
        }
        return value;
    }

    private static long ReadSigned(ref byte* at)
    {
        long value = 0;
        for (int shift = 0; shift < 64;)
        {
            byte part = *at++;
            value |= (long)(part & 0x7F) << shift;
            shift += 7;
            if ((part & 0x80) != 0)
                continue;
            if ((part & 0x40) != 0 && shift < 64)
                value |= -1L << shift;
            break;
        }
        return value;
    }

    private struct Entry
    {
        public ulong Start;
        public byte* Program, End, CommonProgram, CommonEnd;
        public long Factor;
    }

    private struct Rules
    {
        public int FrameRegister;
        public ulong FrameOffset;
        public uint Saved;
        public fixed long Offset[RegisterCount];

        public void Save(int register, long offset)
        {
            if (register >= RegisterCount)
                return;
            Saved |= 1U << register;
            Offset[register] = offset;
        }

        public void Forget(int register)
        {
            if (register < RegisterCount)
                Saved &= ~(1U << register);
        }
    }
}
