using System;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading;

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

    // After a message the next one is mostly near: a guest goes from register to register. So this thread looks for it a while before it
    // sleeps, but leaves the core to whoever wants it: on a busy machine that is the guest.
    private const int WatchMicroseconds = 100;

    private static readonly long _watch = Environment.ProcessorCount == 1 ? 0 : Stopwatch.Frequency * WatchMicroseconds / 1_000_000;

    private readonly int[] _files = new int[MostFiles];
    private readonly int _handle = (int)socket.Handle;
    private byte[] _received = new byte[65536], _reply = new byte[4096];
    // What was received and not yet taken; where what came last ends, whose last message has the file descriptors.
    private int _start, _end, _chunkEnd, _fileCount;
    private bool _areFilesPending;

    /// <summary>Waits for a message. False when the other side is gone.</summary>
    /// <exception cref="ProtocolException">What came is none.</exception>
    public bool TryReceive(out Request request)
    {
        request = default;
        if (!_areFilesPending)
            CloseFiles();
        if (_start == _end && !TryReceiveSome())
            return false;
        if (!TryComplete(MessageHeader.Bytes))
            return false;
        MessageHeader header = MemoryMarshal.Read<MessageHeader>(_received.AsSpan(_start));
        if (header.Size is < MessageHeader.Bytes or > MostBytes)
            throw new ProtocolException($"a message of {header.Size} bytes");
        int size = (int)header.Size;
        if (!TryComplete(size))
            return false;
        request.Header = header;
        request.Payload = _received.AsSpan(_start + MessageHeader.Bytes, size - MessageHeader.Bytes);
        _start += size;
        // The system ends what it gives at once behind what file descriptors came with.
        if (_start >= _chunkEnd)
        {
            request.Files = _files.AsSpan(0, _fileCount);
            _areFilesPending = false;
        }
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

    // Makes a message whole, of which some has come. Never takes more than that: file descriptors come with first bytes alone.
    private bool TryComplete(int length)
    {
        if (_start + length > _received.Length)
        {
            byte[] room = length > _received.Length ? new byte[length] : _received;
            _received.AsSpan(_start.._end).CopyTo(room);
            _received = room;
            _chunkEnd -= _start;
            _end -= _start;
            _start = 0;
        }
        while (_end - _start < length)
        {
            nint count;
            fixed (byte* buffer = _received)
                count = Native.Receive(_handle, buffer + _end, (nuint)(_start + length - _end), Native.WaitAll);
            if (count < 0 && Marshal.GetLastPInvokeError() == Native.Interrupted)
                continue;
            if (count <= 0)
                return false;
            _end += (int)count;
        }
        return true;
    }

    // Takes all that is there.
    private bool TryReceiveSome()
    {
        long began = Stopwatch.GetTimestamp();
        _start = _end = 0;
        while (true)
        {
            bool isWatching = Stopwatch.GetTimestamp() - began < _watch;
            nint count = ReceiveWithFiles(isWatching ? Native.DoNotWait : 0);
            int error = count < 0 ? Marshal.GetLastPInvokeError() : 0;
            if (error == Native.Interrupted)
                continue;
            if (error == Native.TryAgain && isWatching)
            {
                Thread.Yield();
                continue;
            }
            if (count <= 0)
                return false;
            _end = _chunkEnd = (int)count;
            _areFilesPending = _fileCount != 0;
            return true;
        }
    }

    private nint ReceiveWithFiles(int flags)
    {
        const int controlBytes = 16 + MostFiles * sizeof(int);
        byte* control = stackalloc byte[controlBytes];
        fixed (byte* buffer = _received)
        {
            Native.IoVector vector = new() { Base = buffer, Length = (nuint)_received.Length };
            Native.Message message = new() { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = controlBytes };
            nint count = Native.Receive(_handle, &message, Native.CloseOnExec | flags);
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
