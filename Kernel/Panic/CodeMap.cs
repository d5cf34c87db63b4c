using System;
using System.Buffers.Binary;
using Sluice.Runtime;

namespace Sluice.Panic;

/// <summary>
/// What lies where in the image's code: for each method its name and how to unwind its frame. Made between the two links by
/// Kernel/Build/CodeMapBuilder.cs. Numbers are little-endian or of variable length:
/// <code>
/// where the first method begins, below the kernel's base (32 bits) | bytes of the programs, bytes of the list of methods (16 bits each)
/// programs to unwind by, one after another (UnwindProgram)
/// per method, ascending: bytes from the beginning of the one before, number of its program and 1, or 0 if there is none
/// table of pairs | packed names in the order of the methods (PackedName)
/// </code>
/// A method extends to the next one. The list is read from the front: a quarter of the bytes that a binary search would need.
/// Hosted tests and the build's tool compile this file, too.
/// </summary>
internal readonly ref struct CodeMap
{
    private const int HeaderBytes = 8;

    private readonly uint _first;
    private readonly ReadOnlySpan<byte> _programs, _methods, _pairs, _names;

    /// <summary>Takes the map's parts apart.</summary>
    public CodeMap(ReadOnlySpan<byte> map)
    {
        _first = BinaryPrimitives.ReadUInt32LittleEndian(map);
        int programs = BinaryPrimitives.ReadUInt16LittleEndian(map.Slice(4)), methods = BinaryPrimitives.ReadUInt16LittleEndian(map.Slice(6));
        ReadOnlySpan<byte> rest = map.Slice(HeaderBytes);
        _programs = rest.Slice(0, programs);
        _methods = rest.Slice(programs, methods);
        rest = rest.Slice(programs + methods);
        _pairs = rest.Slice(0, 2 * PackedName.PairCount);
        _names = rest.Slice(2 * PackedName.PairCount);
    }

    /// <summary>Finds the method that begins at or before an address, which must be in the image's code. Addresses are below the kernel's base.</summary>
    public bool TryFind(uint address, out Method method)
    {
        method = default;
        uint start = _first;
        int number = 0;
        for (int at = 0; at < _methods.Length; number++)
        {
            start += VariableLength.Read(_methods, ref at);
            uint program = VariableLength.Read(_methods, ref at);
            if (start > address)
                break;
            method = new Method { Number = number, Start = start, Program = (int)program - 1 };
        }
        return number > 0 && address >= _first;
    }

    /// <summary>The program to unwind a method by; false where none is known.</summary>
    public bool TryGetProgram(Method method, out UnwindProgram program)
    {
        int at = 0;
        for (int i = 0; i < method.Program; i++)
            UnwindProgram.Skip(_programs, ref at);
        program = new UnwindProgram(_programs.Slice(at));
        return method.Program >= 0;
    }

    /// <summary>Reads a method's name, and all before it.</summary>
    public void ReadName(Method method, out PackedName name)
    {
        name = default;
        int at = 0;
        for (int i = 0; i <= method.Number; i++)
            name.ReadNext(_names, ref at, _pairs);
    }

    /// <summary>A method in the map.</summary>
    internal struct Method
    {
        /// <summary>Its number, its program's or -1.</summary>
        public int Number, Program;

        /// <summary>Where it begins, below the kernel's base.</summary>
        public uint Start;
    }
}
