using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Boot;

/// <summary>A picture that the firmware shows: 32-bit words or fewer bytes a pixel, or text cells.</summary>
internal struct Framebuffer
{
    public PhysAddr Start;
    public uint Pitch, Width, Height;
    public byte BitsPerPixel;

    /// <summary>1 direct RGB, 2 EGA text (width and height in characters), 0 none. Source: Multiboot2 2.0, section 3.6.12.</summary>
    public byte Type;

    public byte RedPosition, RedBits, GreenPosition, GreenBits, BluePosition, BlueBits;
}

/// <summary>
/// What the boot loader tells, copied out of its memory and checked on the way. Source: Multiboot2 Specification 2.0, section 3.6.
/// </summary>
internal static unsafe class BootInformation
{
    private const int MaxRanges = 256;
    private const uint MaxBytes = 1 << 20;
    private const uint EndTag = 0, CommandLineTag = 1, LoaderNameTag = 2, MemoryMapTag = 6, FramebufferTag = 8, OldRsdpTag = 14, NewRsdpTag = 15;

    private static RangeStore _ranges;
    private static int _rangeCount, _commandLineLength, _loaderLength, _rsdpLength;
    private static TextStore _commandLine, _loader;
    private static RsdpStore _rsdp;
    private static Framebuffer _framebuffer;

    /// <summary>Firmware's memory map, as it came.</summary>
    public static ReadOnlySpan<MemoryRange> MemoryMap => ((ReadOnlySpan<MemoryRange>)_ranges).Slice(0, _rangeCount);

    /// <summary>Ranges of the map beyond those that there is room for: 256.</summary>
    public static int IgnoredRanges { get; private set; }

    /// <summary>Arguments behind the kernel's name.</summary>
    public static ReadOnlySpan<byte> CommandLine => ((ReadOnlySpan<byte>)_commandLine).Slice(0, _commandLineLength);

    /// <summary>The boot loader's name.</summary>
    public static ReadOnlySpan<byte> LoaderName => ((ReadOnlySpan<byte>)_loader).Slice(0, _loaderLength);

    /// <summary>ACPI's root pointer, 20 or 36 bytes, unchecked; empty if the loader found none.</summary>
    public static ReadOnlySpan<byte> Rsdp => ((ReadOnlySpan<byte>)_rsdp).Slice(0, _rsdpLength);

    /// <summary>The screen; type 0 if there is none.</summary>
    public static ref readonly Framebuffer Framebuffer => ref _framebuffer;

    /// <summary>The tags that the loader left at a physical address below 4 GiB; at most 1 MiB.</summary>
    public static ReadOnlySpan<byte> At(PhysAddr start)
    {
        byte* information = PhysicalMemory.At(start);
        uint total = *(uint*)information;
        return new ReadOnlySpan<byte>(information, (int)(total < MaxBytes ? total : MaxBytes));
    }

    /// <summary>
    /// Reads the tags. Malformed ones are left out, and what follows one whose size cannot be believed. Once, before anything
    /// writes to free memory: the tags lie there.
    /// </summary>
    public static void Read(ReadOnlySpan<byte> tags)
    {
        _rangeCount = _commandLineLength = _loaderLength = _rsdpLength = IgnoredRanges = 0;
        _framebuffer = default;
        int offset = 8;
        while (offset <= tags.Length - 8)
        {
            uint type = Word(tags, offset), size = Word(tags, offset + 4);
            if (type == EndTag || size < 8 || size > (uint)(tags.Length - offset))
                return;
            ReadTag(type, tags.Slice(offset + 8, (int)size - 8));
            offset += (int)((size + 7) & ~7U);
        }
    }

    private static void ReadTag(uint type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case CommandLineTag:
                _commandLineLength = CopyText(body, _commandLine);
                break;
            case LoaderNameTag:
                _loaderLength = CopyText(body, _loader);
                break;
            case MemoryMapTag when body.Length >= 8:
                ReadMemoryMap(body);
                break;
            case FramebufferTag when body.Length >= 24:
                ReadFramebuffer(body);
                break;
            case OldRsdpTag when body.Length >= 20 && _rsdpLength == 0:
            case NewRsdpTag when body.Length >= 36:
                _rsdpLength = type == NewRsdpTag ? 36 : 20;
                body.Slice(0, _rsdpLength).CopyTo(_rsdp);
                break;
        }
    }

    private static void ReadMemoryMap(ReadOnlySpan<byte> body)
    {
        uint entryBytes = Word(body, 0);
        if (entryBytes < 24 || entryBytes > 4096)
            return;
        for (int at = 8; at + 24 <= body.Length; at += (int)entryBytes)
        {
            if (_rangeCount == MaxRanges)
            {
                IgnoredRanges++;
                continue;
            }
            uint kind = Word(body, at + 16);
            MemoryKind known = kind is >= 1 and <= 5 ? (MemoryKind)kind : MemoryKind.Reserved;
            _ranges[_rangeCount++] = new MemoryRange(new PhysAddr(LongWord(body, at)), LongWord(body, at + 8), known);
        }
    }

    private static void ReadFramebuffer(ReadOnlySpan<byte> body)
    {
        _framebuffer.Start = new PhysAddr(LongWord(body, 0));
        _framebuffer.Pitch = Word(body, 8);
        _framebuffer.Width = Word(body, 12);
        _framebuffer.Height = Word(body, 16);
        _framebuffer.BitsPerPixel = body[20];
        byte type = body[21];
        if (type == 1 && body.Length >= 30)
        {
            _framebuffer.RedPosition = body[24];
            _framebuffer.RedBits = body[25];
            _framebuffer.GreenPosition = body[26];
            _framebuffer.GreenBits = body[27];
            _framebuffer.BluePosition = body[28];
            _framebuffer.BlueBits = body[29];
            _framebuffer.Type = 1;
        }
        else if (type == 2)
        {
            _framebuffer.Type = 2;
        }
    }

    private static int CopyText(ReadOnlySpan<byte> body, Span<byte> store)
    {
        int length = 0;
        while (length < body.Length && length < store.Length && body[length] != 0)
        {
            store[length] = body[length];
            length++;
        }
        return length;
    }

    private static uint Word(ReadOnlySpan<byte> bytes, int at) => MemoryMarshal.Read<uint>(bytes.Slice(at));

    private static ulong LongWord(ReadOnlySpan<byte> bytes, int at) => MemoryMarshal.Read<ulong>(bytes.Slice(at));

    [InlineArray(MaxRanges)]
    private struct RangeStore
    {
        private MemoryRange _first;
    }

    [InlineArray(1024)]
    private struct TextStore
    {
        private byte _first;
    }

    [InlineArray(36)]
    private struct RsdpStore
    {
        private byte _first;
    }
}
