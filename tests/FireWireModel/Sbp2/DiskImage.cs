using System;
using System.IO;
using Microsoft.Win32.SafeHandles;

namespace Sluice.FireWire.Sbp2;

/// <summary>Blocks of a disk, in a file or in memory.</summary>
public sealed class DiskImage : IDisposable
{
    public const int BlockBytes = 512;

    private readonly SafeFileHandle? _file;
    private readonly byte[] _memory = [];

    /// <summary>A disk in memory, all zero.</summary>
    public DiskImage(int bytes)
    {
        _memory = new byte[bytes];
        Blocks = (ulong)bytes / BlockBytes;
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
        long at = (long)block * BlockBytes;
        if (_file == null)
        {
            _memory.AsSpan((int)at, data.Length).CopyTo(data);
            return true;
        }
        try
        {
            while (data.Length != 0)
            {
                int read = RandomAccess.Read(_file, data, at);
                if (read == 0)
                    return false;
                data = data[read..];
                at += read;
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
        long at = (long)block * BlockBytes;
        if (_file == null)
        {
            data.CopyTo(_memory.AsSpan((int)at));
            return true;
        }
        try
        {
            RandomAccess.Write(_file, data, at);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    public void Dispose() => _file?.Dispose();
}
