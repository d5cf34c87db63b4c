using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using Microsoft.Win32.SafeHandles;

namespace Sluice.FireWire.Sbp2;

/// <summary>Blocks of a disk, in a file or in memory.</summary>
public sealed class DiskImage : IDisposable
{
    public const int BlockBytes = 512;

    private readonly SafeFileHandle? _file;
    // Of one in memory, those that were written: it may be larger than any memory.
    private readonly Dictionary<ulong, byte[]> _written = [];
    private readonly ulong? _numbers;

    /// <summary>A disk in memory.</summary>
    /// <param name="numbers">
    /// A block that was not written yet holds this and its own number together, 64 bits, over and over, the highest byte first; null: it is zero.
    /// </param>
    public DiskImage(long bytes, ulong? numbers = null)
    {
        Blocks = (ulong)bytes / BlockBytes;
        _numbers = numbers;
    }

    /// <summary>A file; what is behind its last whole block is not there.</summary>
    /// <exception cref="IOException">It cannot be opened, or is too short for a block.</exception>
    public DiskImage(string path, bool isReadOnly)
    {
        _file = File.OpenHandle(path, FileMode.Open, isReadOnly ? FileAccess.Read : FileAccess.ReadWrite, FileShare.Read);
        Blocks = (ulong)RandomAccess.GetLength(_file) / BlockBytes;
        IsReadOnly = isReadOnly;
        if (Blocks == 0)
        {
            _file.Dispose();
            throw new IOException($"{path} has no block of {BlockBytes} bytes");
        }
    }

    public ulong Blocks { get; }

    public bool IsReadOnly { get; }

    /// <summary>Reads whole blocks that are there.</summary>
    /// <returns>False if the file does not give them.</returns>
    public bool TryRead(ulong block, Span<byte> data)
    {
        if (_file == null)
        {
            for (int at = 0; at < data.Length; at += BlockBytes)
                ReadMemory(block++, data.Slice(at, BlockBytes));
            return true;
        }
        long from = (long)block * BlockBytes;
        try
        {
            while (data.Length != 0)
            {
                int read = RandomAccess.Read(_file, data, from);
                if (read == 0)
                    return false;
                data = data[read..];
                from += read;
            }
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Writes whole blocks that are there.</summary>
    /// <returns>False if the file does not take them.</returns>
    public bool TryWrite(ulong block, ReadOnlySpan<byte> data)
    {
        if (_file == null)
        {
            for (int at = 0; at < data.Length; at += BlockBytes)
                WriteMemory(block++, data.Slice(at, BlockBytes));
            return true;
        }
        try
        {
            RandomAccess.Write(_file, data, (long)block * BlockBytes);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    public void Dispose() => _file?.Dispose();

    private void ReadMemory(ulong block, Span<byte> data)
    {
        if (_written.TryGetValue(block, out byte[]? bytes))
            bytes.CopyTo(data);
        else if (_numbers == null)
            data.Clear();
        else
        {
            for (int at = 0; at < data.Length; at += sizeof(ulong))
                BinaryPrimitives.WriteUInt64BigEndian(data[at..], _numbers.Value + block);
        }
    }

    private void WriteMemory(ulong block, ReadOnlySpan<byte> data)
    {
        if (!_written.TryGetValue(block, out byte[]? bytes))
            _written.Add(block, bytes = new byte[BlockBytes]);
        data.CopyTo(bytes);
    }
}
