using System;
using System.Buffers.Binary;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

namespace Sluice.Tests.FireWire.VfioUser;

/// <summary>What QEMU does on its side of the socket, written from the protocol alone, without the server's code.</summary>
internal sealed unsafe partial class Client : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 30_000 };
    private ushort _id;

    public Client(string path) => _socket.Connect(new UnixDomainSocketEndPoint(path));

    /// <summary>A client that agreed on the version.</summary>
    public static Client Agreed(string path)
    {
        var client = new Client(path);
        byte[] json = Encoding.UTF8.GetBytes("{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576,\"pgsizes\":4096,\"max_dma_maps\":65535,\"write_multiple\":true}}\0");
        (uint error, byte[] reply) = client.Call(1, [0, 0, 0, 0, .. json]);
        Xunit.Assert.Equal(0u, error);
        Xunit.Assert.Equal(0, BinaryPrimitives.ReadUInt16LittleEndian(reply));
        Xunit.Assert.InRange(reply.Length, 5, 4 + json.Length);
        Xunit.Assert.Equal(0, reply[^1]);
        return client;
    }

    /// <summary>Sends a request and waits for its reply: the error and what follows the header.</summary>
    public (uint Errno, byte[] Payload) Call(ushort command, ReadOnlySpan<byte> payload, params int[] files)
    {
        ushort id = Send(command, payload, flags: 0, files);
        byte[] header = Receive(16);
        Xunit.Assert.Equal(id, BinaryPrimitives.ReadUInt16LittleEndian(header));
        Xunit.Assert.Equal(command, BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(2)));
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8)), error = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(12));
        Xunit.Assert.Equal(error == 0 ? 1u : 0x21u, flags);
        return (error, Receive((int)BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4)) - 16));
    }

    /// <summary>Sends a request; with flag 0x10 nobody replies.</summary>
    public ushort Send(ushort command, ReadOnlySpan<byte> payload, uint flags, params int[] files)
    {
        byte[] message = new byte[16 + payload.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(message, ++_id);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(2), command);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(4), message.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(8), flags);
        payload.CopyTo(message.AsSpan(16));
        SendRaw(message, files);
        return _id;
    }

    public void SendRaw(byte[] message, params int[] files)
    {
        if (files.Length == 0)
        {
            _socket.Send(message);
            return;
        }
        byte* control = stackalloc byte[16 + (files.Length * 4)];
        *(nuint*)control = (nuint)(16 + (files.Length * 4));
        ((int*)control)[2] = 1;
        ((int*)control)[3] = 1;
        files.CopyTo(new Span<int>(control + 16, files.Length));
        fixed (byte* bytes = message)
        {
            void** vector = stackalloc void*[2];
            vector[0] = bytes;
            vector[1] = (void*)message.Length;
            void** header = stackalloc void*[7];
            new Span<nint>(header, 7).Clear();
            header[2] = vector;
            header[3] = (void*)1;
            header[4] = control;
            header[5] = (void*)(16 + (files.Length * 4));
            Xunit.Assert.Equal(message.Length, sendmsg((int)_socket.Handle, header, 0));
        }
    }

    public byte[] Read(uint region, ulong offset, uint count)
    {
        (uint error, byte[] payload) = Call(9, Access(region, offset, count, []));
        Xunit.Assert.Equal(0u, error);
        Xunit.Assert.Equal(16 + (int)count, payload.Length);
        return payload[16..];
    }

    public uint Read32(uint region, ulong offset) => BinaryPrimitives.ReadUInt32LittleEndian(Read(region, offset, 4));

    public void Write(uint region, ulong offset, ReadOnlySpan<byte> data)
    {
        (uint error, byte[] payload) = Call(10, Access(region, offset, (uint)data.Length, data));
        Xunit.Assert.Equal(0u, error);
        Xunit.Assert.Equal(16, payload.Length);
    }

    public void Write32(uint region, ulong offset, uint value)
    {
        byte[] data = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        Write(region, offset, data);
    }

    public static byte[] Access(uint region, ulong offset, uint count, ReadOnlySpan<byte> data)
    {
        byte[] payload = new byte[16 + data.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(payload, offset);
        BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(8), region);
        BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(12), count);
        data.CopyTo(payload.AsSpan(16));
        return payload;
    }

    public uint Map(ulong address, ulong length, ulong offset, int file, uint flags = 3)
    {
        byte[] payload = new byte[32];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, 32);
        BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(4), flags);
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(8), offset);
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(16), address);
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(24), length);
        return Call(2, payload, file < 0 ? [] : [file]).Errno;
    }

    public uint Unmap(ulong address, ulong length)
    {
        byte[] payload = new byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, 24);
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(8), address);
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(16), length);
        return Call(3, payload).Errno;
    }

    public uint SetInterrupts(uint flags, uint index, uint count, params int[] files)
    {
        byte[] payload = new byte[20];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, 20);
        BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(4), flags);
        BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(8), index);
        BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(16), count);
        return Call(8, payload, files).Errno;
    }

    /// <summary>Whether the other side has ended the connection; waits for that.</summary>
    public bool IsClosed()
    {
        byte[] more = new byte[4096];
        try
        {
            while (_socket.Receive(more) > 0)
            {
                // Replies to what came before.
            }
            return true;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted;
        }
    }

    public void Dispose() => _socket.Dispose();

    private byte[] Receive(int count)
    {
        byte[] bytes = new byte[count];
        for (int filled = 0; filled < count;)
        {
            int more = _socket.Receive(bytes.AsSpan(filled));
            if (more == 0)
                throw new EndOfStreamException("the server ended the connection");
            filled += more;
        }
        return bytes;
    }

    [LibraryImport("libc")]
    private static partial nint sendmsg(int socket, void* message, int flags);
}

/// <summary>Files that are memory, and counters that wake: what QEMU hands over.</summary>
internal static unsafe partial class Files
{
    public static int Memory(int bytes)
    {
        int file = memfd_create("guest", 1);
        Xunit.Assert.True(file >= 0);
        Xunit.Assert.Equal(0, ftruncate(file, bytes));
        return file;
    }

    public static int Event() => eventfd(0, 0x80800);

    /// <summary>What a counter stands at; it is zero then. Waits for at most so long that it does not stand at zero.</summary>
    public static ulong Take(int file, int milliseconds = 0)
    {
        ulong value = 0;
        for (int waited = 0; ; waited++)
        {
            if (read(file, &value, 8) == 8 || waited >= milliseconds)
                return value;
            Thread.Sleep(1);
        }
    }

    public static void Write(int file, long offset, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* from = bytes)
            Xunit.Assert.Equal(bytes.Length, pwrite(file, from, (nuint)bytes.Length, offset));
    }

    public static byte[] Read(int file, long offset, int count)
    {
        byte[] bytes = new byte[count];
        fixed (byte* to = bytes)
            Xunit.Assert.Equal(count, pread(file, to, (nuint)count, offset));
        return bytes;
    }

    public static void Close(int file) => close(file);

    /// <summary>How often this process has the same memory or counter open. Others' files, of tests beside this one, do not count.</summary>
    public static int Open(int file)
    {
        string? own = Identity(file.ToString(CultureInfo.InvariantCulture));
        return Directory.GetFiles("/proc/self/fdinfo").Count(name => Identity(Path.GetFileName(name)) == own);
    }

    // All memories have inodes of their own; all counters share one, and have numbers.
    private static string? Identity(string file)
    {
        try
        {
            return string.Join(' ', File.ReadLines($"/proc/self/fdinfo/{file}").Where(line => line.StartsWith("mnt_id:", StringComparison.Ordinal)
                || line.StartsWith("ino:", StringComparison.Ordinal) || line.StartsWith("eventfd-id:", StringComparison.Ordinal)));
        }
        catch (IOException)
        {
            return null;                                   // closed meanwhile
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);

    [LibraryImport("libc")]
    private static partial int ftruncate(int file, long length);

    [LibraryImport("libc")]
    private static partial int eventfd(uint value, int flags);

    [LibraryImport("libc")]
    private static partial nint read(int file, void* bytes, nuint count);

    [LibraryImport("libc")]
    private static partial nint pwrite(int file, void* bytes, nuint count, long offset);

    [LibraryImport("libc")]
    private static partial nint pread(int file, void* bytes, nuint count, long offset);

    [LibraryImport("libc")]
    private static partial int close(int file);
}
