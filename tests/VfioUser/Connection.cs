using System;
using System.Buffers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.VfioUser;

/// <summary>A request as it came. Its file descriptors are the receiver's: what it does not take, <see cref="Connection"/> closes.</summary>
internal ref struct Request
{
    public MessageHeader Header;

    /// <summary>What follows the header.</summary>
    public ReadOnlySpan<byte> Payload;

    /// <summary>File descriptors; an entry that was taken is -1.</summary>
    public Span<int> Files;

    /// <summary>The payload's beginning as a structure; false if it is shorter.</summary>
    public readonly bool TryRead<T>(out T value) where T : unmanaged => MemoryMarshal.TryRead(Payload, out value);

    /// <summary>Takes a file descriptor; -1 if there is none of that number.</summary>
    public readonly int TakeFile(int index)
    {
        if (index >= Files.Length)
            return -1;
        int file = Files[index];
        Files[index] = -1;
        return file;
    }
}

/// <summary>The other side broke the protocol: the connection ends.</summary>
internal sealed class ProtocolException(string message) : Exception(message);

/// <summary>Messages over a Unix socket. One thread receives and replies.</summary>
internal sealed unsafe class Connection(Socket socket) : IDisposable
{
    /// <summary>The longest message that is taken: the data of one transfer, and what stands before it.</summary>
    public const int MostBytes = MostTransfer + 64;

    /// <summary>Bytes of data in one message.</summary>
    public const int MostTransfer = 1 << 20;

    /// <summary>File descriptors with one message.</summary>
    public const int MostFiles = 8;

    private readonly int[] _files = new int[MostFiles];
    private readonly int _handle = (int)socket.Handle;
    private byte[] _payload = new byte[4096], _reply = new byte[4096];
    private int _fileCount;

    /// <summary>Waits for a message. False when the other side is gone.</summary>
    /// <exception cref="ProtocolException">What came is none.</exception>
    public bool TryReceive(out Request request)
    {
        CloseFiles();
        request = default;
        MessageHeader header;
        if (!TryFill(&header, MessageHeader.Bytes, withFiles: true))
            return false;
        if (header.Size is < MessageHeader.Bytes or > MostBytes)
            throw new ProtocolException($"a message of {header.Size} bytes");
        int length = (int)header.Size - MessageHeader.Bytes;
        if (length > _payload.Length)
            _payload = new byte[length];
        fixed (byte* payload = _payload)
        {
            if (length != 0 && !TryFill(payload, length, withFiles: false))
                return false;
        }
        request.Header = header;
        request.Payload = _payload.AsSpan(0, length);
        request.Files = _files.AsSpan(0, _fileCount);
        return true;
    }

    /// <summary>Where a reply's payload of so many bytes is to be written before <see cref="Reply"/>; zero.</summary>
    public Span<byte> ReplyPayload(int bytes)
    {
        if (MessageHeader.Bytes + bytes > _reply.Length)
            _reply = new byte[MessageHeader.Bytes + bytes];
        Span<byte> payload = _reply.AsSpan(MessageHeader.Bytes, bytes);
        payload.Clear();
        return payload;
    }

    /// <summary>Sends a reply with the first bytes of <see cref="ReplyPayload"/>; of an error, the header alone. False if nobody is there.</summary>
    public bool Reply(in MessageHeader to, int bytes, Errno error = Errno.None)
    {
        if (error != Errno.None)
            bytes = 0;
        var header = new MessageHeader
        {
            Id = to.Id,
            Command = to.Command,
            Size = (uint)(MessageHeader.Bytes + bytes),
            Flags = MessageFlags.Reply | (error != Errno.None ? MessageFlags.Error : 0),
            Errno = (uint)error,
        };
        MemoryMarshal.Write(_reply, header);
        int sent = 0, total = MessageHeader.Bytes + bytes;
        fixed (byte* reply = _reply)
        {
            while (sent < total)
            {
                nint count = Native.Send(_handle, reply + sent, (nuint)(total - sent), Native.NoSignal);
                if (count < 0 && Marshal.GetLastPInvokeError() == Native.Interrupted)
                    continue;
                if (count <= 0)
                    return false;
                sent += (int)count;
            }
        }
        return true;
    }

    /// <summary>Ends the connection; a thread that waits in <see cref="TryReceive"/> comes back.</summary>
    public void Shutdown()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // The other side was first.
        }
    }

    public void Dispose()
    {
        CloseFiles();
        socket.Dispose();
    }

    // File descriptors come with the first bytes of a header.
    private bool TryFill(void* buffer, int length, bool withFiles)
    {
        int filled = 0;
        while (filled < length)
        {
            nint count = withFiles && filled == 0 ? ReceiveWithFiles(buffer, length) : Native.Receive(_handle, (byte*)buffer + filled, (nuint)(length - filled), Native.WaitAll);
            if (count < 0 && Marshal.GetLastPInvokeError() == Native.Interrupted)
                continue;
            if (count <= 0)
                return false;
            filled += (int)count;
        }
        return true;
    }

    private nint ReceiveWithFiles(void* buffer, int length)
    {
        const int controlBytes = 16 + MostFiles * sizeof(int);
        byte* control = stackalloc byte[controlBytes];
        Native.IoVector vector = new() { Base = buffer, Length = (nuint)length };
        Native.Message message = new() { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = controlBytes };
        nint count = Native.Receive(_handle, &message, Native.CloseOnExec);
        if (count < 0 || message.ControlLength < (nuint)sizeof(Native.ControlHeader))
            return count;
        var header = (Native.ControlHeader*)control;
        if (header->Level == Native.SocketLevel && header->Type == Native.Rights && header->Length <= controlBytes)
        {
            _fileCount = (int)(header->Length - (nuint)sizeof(Native.ControlHeader)) / sizeof(int);
            new ReadOnlySpan<int>(header + 1, _fileCount).CopyTo(_files);
        }
        if ((message.Flags & Native.ControlTruncated) != 0)
            throw new ProtocolException($"more than {MostFiles} file descriptors with a message");
        return count;
    }

    private void CloseFiles()
    {
        foreach (int file in _files.AsSpan(0, _fileCount))
        {
            if (file >= 0)
                Native.Close(file);
        }
        _fileCount = 0;
    }
}
