using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace Sluice.Build;

/// <summary>A linked file of 64-bit ELF: its sections and their symbols. Source: System V ABI, edition 4.1, chapter 4; ELF-64 1.5.</summary>
public sealed class ElfImage
{
    private const int NoBits = 8, Symtab = 2, SymbolBytes = 24;

    private readonly byte[] _file;
    private readonly List<Header> _sections = [];

    /// <summary>A section: where it is when loaded, and its bytes.</summary>
    public sealed record Section(string Name, ulong Address, byte[] Bytes)
    {
        /// <summary>The address behind it.</summary>
        public ulong End => Address + (ulong)Bytes.Length;
    }

    private readonly record struct Header(string Name, int Type, ulong Address, int Offset, int Size, int Link);

    /// <summary>Reads a file; <see cref="InvalidDataException"/> says what is wrong with it.</summary>
    public ElfImage(byte[] file)
    {
        _file = file;
        if (file.Length < 64 || !file.AsSpan().StartsWith("\u007fELF\u0002\u0001"u8))
            throw new InvalidDataException("this is no 64-bit little-endian ELF file");
        int table = (int)Long(0x28), count = Half(0x3C), names = (int)Long(table + 64 * Half(0x3E) + 24);
        for (int i = 0; i < count; i++)
        {
            int at = table + 64 * i;
            _sections.Add(new Header(Text(names + (int)Word(at)), (int)Word(at + 4), Long(at + 16), (int)Long(at + 24), (int)Long(at + 32), (int)Word(at + 40)));
        }
    }

    /// <summary>The section of that name.</summary>
    public Section this[string name]
    {
        get
        {
            Header found = _sections.Find(section => section.Name == name);
            return found.Name != null && found.Type != NoBits
                ? new Section(name, found.Address, _file.AsSpan(found.Offset, found.Size).ToArray())
                : throw new InvalidDataException($"the file has no section {name} with bytes in it");
        }
    }

    /// <summary>Names and addresses of the symbols in a section, in the file's order.</summary>
    public IEnumerable<(string Name, ulong Address)> SymbolsIn(string section)
    {
        int number = _sections.FindIndex(header => header.Name == section);
        foreach (Header symbols in _sections.FindAll(header => header.Type == Symtab))
        {
            for (int at = symbols.Offset; at < symbols.Offset + symbols.Size; at += SymbolBytes)
            {
                if (Half(at + 6) == number)
                    yield return (Text(_sections[symbols.Link].Offset + (int)Word(at)), Long(at + 8));
            }
        }
    }

    private int Half(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan(at));
    private uint Word(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_file.AsSpan(at));
    private ulong Long(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_file.AsSpan(at));

    private string Text(int at) => Encoding.UTF8.GetString(_file.AsSpan(at, _file.AsSpan(at).IndexOf((byte)0)));
}
