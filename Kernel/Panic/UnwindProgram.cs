using System;
using Sluice.Runtime;

namespace Sluice.Panic;

/// <summary>
/// How a method's prologue changes its frame, as steps of a byte, ended by a zero. The upper half of a step is how many bytes of code
/// it comes after the one before, the lower half what is then done:
/// <code>
/// 1      nothing; that many more bytes of code follow as a number
/// 2      rbp tells where the frame is from now on: this many words below its end (a number)
/// 7      the stack pointer is this many words below the frame's end (a number)
/// others the register of that number was pushed (System V ABI x86-64, figure 3.36)
/// </code>
/// A frame ends above its return address. Epilogues are not described, as the compiler does not.
/// Hosted tests and the build's tool compile this file, too.
/// </summary>
internal readonly ref struct UnwindProgram(ReadOnlySpan<byte> steps)
{
    /// <summary>What a step does, in its lower half; others push a register.</summary>
    internal const int Far = 1, FramePointer = 2, Allocate = 7;

    private readonly ReadOnlySpan<byte> _steps = steps;

    /// <summary>Where things are when the code stands at an offset from the method's beginning.</summary>
    public FrameRules At(uint offset)
    {
        FrameRules rules = new() { Register = FrameRules.StackPointer, Words = 1 };
        uint location = 0;
        for (int at = 0; _steps[at] != 0;)
        {
            byte step = _steps[at++];
            location += (uint)step >> 4;
            int what = step & 15;
            uint number = HasNumber(what) ? VariableLength.Read(_steps, ref at) : 0;
            if (what == Far)
                location += number;
            if (location > offset)
                break;
            if (what is FramePointer or Allocate)
            {
                rules.Register = what == FramePointer ? FrameRules.FramePointer : FrameRules.StackPointer;
                rules.Words = number;
            }
            else if (what != Far)
            {
                rules.Push(what);
            }
        }
        return rules;
    }

    /// <summary>Goes behind the program at a place.</summary>
    public static void Skip(ReadOnlySpan<byte> programs, ref int at)
    {
        byte step;
        while ((step = programs[at++]) != 0)
        {
            if (HasNumber(step & 15))
                VariableLength.Read(programs, ref at);
        }
    }

    private static bool HasNumber(int what) => what is Far or FramePointer or Allocate;
}

/// <summary>Where a frame ends, and which of the caller's registers are saved in it. Its topmost word is the return address.</summary>
internal unsafe struct FrameRules
{
    /// <summary>Numbers of registers: System V ABI x86-64, figure 3.36.</summary>
    public const int StackPointer = 7, FramePointer = 6, Registers = 16;

    /// <summary>The frame ends this many words of 8 bytes above where the register points.</summary>
    public int Register;
    public uint Words;

    /// <summary>By register: how many words below the frame's end it is saved; 0 if it is not.</summary>
    public fixed byte Saved[Registers];

    internal void Push(int register)
    {
        Words++;
        Saved[register] = (byte)Words;
    }
}
