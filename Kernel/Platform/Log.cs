using System;
using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice;

/// <summary>How much a line of the log matters.</summary>
public enum LogLevel : byte
{
    Debug,
    Info,
    Warn,
}

/// <summary>
/// The kernel's log: lines with time stamps in a ring of 64 KiB that the shell shows again; the oldest give way. Lines at or above
/// <see cref="ConsoleLevel"/> go to the console as well. Allocates nothing; any context.
/// </summary>
public static unsafe class Log
{
    private const int RingBytes = 64 * 1024;

    // A line in the ring: time stamp (8), level (1), length (2), text. _first and _next count bytes since boot.
    private const int HeaderBytes = 11;

    private static ulong _first, _next;

    /// <summary>The lowest level that the console shows.</summary>
    public static LogLevel ConsoleLevel { get; set; } = LogLevel.Info;

    /// <summary>Where lines for the console go: microseconds, level, text.</summary>
    public static delegate*<ulong, LogLevel, ReadOnlySpan<byte>, void> Console { get; set; }

    /// <summary>For those who look for a fault.</summary>
    public static void Debug(scoped in Utf8Message message) => Write(LogLevel.Debug, message.Text);

    /// <summary>What the kernel found and did.</summary>
    public static void Info(scoped in Utf8Message message) => Write(LogLevel.Info, message.Text);

    /// <summary>What somebody should look at.</summary>
    public static void Warn(scoped in Utf8Message message) => Write(LogLevel.Warn, message.Text);

    /// <summary>Writes a line.</summary>
    public static void Write(LogLevel level, ReadOnlySpan<byte> text)
    {
        ulong time = Clock.Microseconds;
        bool interrupts = Cpu.DisableInterrupts();
        while (_next + HeaderBytes + (uint)text.Length - _first > RingBytes)
            _first += HeaderBytes + (ulong)ReadHeader(_first, out _, out _);
        for (int i = 0; i < 8; i++)
            Put((byte)(time >> (8 * i)));
        Put((byte)level);
        Put((byte)text.Length);
        Put((byte)(text.Length >> 8));
        foreach (byte character in text)
            Put(character);
        Cpu.RestoreInterrupts(interrupts);
        if (level >= ConsoleLevel && Console != null)
            Console(time, level, text);
    }

    /// <summary>Position of the oldest line, to start <see cref="TryRead"/> with.</summary>
    public static ulong Oldest => _first;

    /// <summary>Position behind the newest line.</summary>
    public static ulong Newest => System.Threading.Volatile.Read(ref _next);

    /// <summary>
    /// Reads the line at a position and moves on; false at the end. A position that the ring has overwritten goes on at the oldest line.
    /// </summary>
    public static bool TryRead(ref ulong position, Span<byte> buffer, out ulong microseconds, out LogLevel level, out int length)
    {
        bool interrupts = Cpu.DisableInterrupts();
        if (position < _first)
            position = _first;
        bool any = position < _next;
        length = 0;
        microseconds = 0;
        level = default;
        if (any)
        {
            int bytes = ReadHeader(position, out microseconds, out level);
            length = bytes < buffer.Length ? bytes : buffer.Length;
            for (int i = 0; i < length; i++)
                buffer[i] = At(position + HeaderBytes + (uint)i);
            position += HeaderBytes + (uint)bytes;
        }
        Cpu.RestoreInterrupts(interrupts);
        return any;
    }

    private static int ReadHeader(ulong position, out ulong time, out LogLevel level)
    {
        time = 0;
        for (uint i = 0; i < 8; i++)
            time |= (ulong)At(position + i) << (int)(8 * i);
        level = (LogLevel)At(position + 8);
        return At(position + 9) | At(position + 10) << 8;
    }

    private static byte At(ulong position) => Memory.Ring[(int)(position % RingBytes)];

    private static void Put(byte value) => Memory.Ring[(int)(_next++ % RingBytes)] = value;

    // In the image, so that the very first line has a place; a class of its own, as the compiler puts all fields of one
    // that has first values into the file.
    private static class Memory
    {
        public static Ring Ring;
    }

    [InlineArray(RingBytes)]
    private struct Ring
    {
        private byte _first;
    }
}
