using System;
using System.Buffers.Binary;
using Sluice.Dma;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Net;

/// <summary>How a transfer stands or ended.</summary>
public enum TftpResult : byte
{
    /// <summary>None was begun.</summary>
    Idle,

    /// <summary>It goes on.</summary>
    Busy,

    /// <summary>All is there.</summary>
    Done,

    /// <summary>The server said why not: <see cref="TftpClient.ServerError"/>.</summary>
    Refused,

    /// <summary>The server did not answer, or stopped answering.</summary>
    Timeout,

    /// <summary>The server answered what was not asked for.</summary>
    Malformed,

    /// <summary>The file's length is not the one that the server promised.</summary>
    WrongLength,

    /// <summary>No socket, no frame, no way to the server, or a name too long.</summary>
    CannotSend,
}

/// <summary>Who gets a file's bytes, in order, each once.</summary>
public interface ITftpSink
{
    /// <summary>Takes the next bytes.</summary>
    void Take(ReadOnlySpan<byte> data);
}

/// <summary>
/// Fetches a file by TFTP, a block at a time: whoever waits for it calls <see cref="Poll"/> until it is no longer busy. A block that
/// comes again is acknowledged again only if it is the last one, and only by the timer or once: no block is answered twice for good (the
/// Sorcerer's Apprentice, RFC 1123, section 4.2.3.1). Source: RFC 1350, 2347, 2348, 2349. Times are microseconds. Made while starting.
/// </summary>
public sealed class TftpClient
{
    private const ushort ServerPort = 69, Read = 1, Data = 3, Ack = 4, Failure = 5, Options = 6;
    private const ulong FirstRetry = 1_000_000, LongestRetry = 8_000_000;
    private const int MostTries = 6, MostName = 128, MostError = 64, PlainBlock = 512;

    /// <summary>Bytes that a block may have: what fits into a frame of 1,514 bytes on the way, with some room for tunnels.</summary>
    public const int WantedBlock = 1428;

    private readonly byte[] _name = new byte[MostName], _error = new byte[MostError];
    private UdpSocket? _socket;
    private ITftpSink? _sink;
    private Ipv4Address _server;
    private int _nameBytes, _errorBytes, _tries, _blockBytes;
    private ushort _port, _acknowledged;
    private bool _isRequesting;
    private ulong _retryAt, _retry;

    /// <summary>How it stands.</summary>
    public TftpResult Result { get; private set; }

    /// <summary>Bytes that came.</summary>
    public ulong Bytes { get; private set; }

    /// <summary>Bytes that the server promised; 0 if it did not say.</summary>
    public ulong Promised { get; private set; }

    /// <summary>Requests and acknowledgements that were sent again; packets that were not what was waited for.</summary>
    public ulong Retransmissions { get; private set; }

    /// <inheritdoc cref="Retransmissions"/>
    public ulong Strays { get; private set; }

    /// <summary>What the server said when it refused: printable ASCII.</summary>
    public ReadOnlySpan<byte> ServerError => new(_error, 0, _errorBytes);

    /// <summary>When <see cref="Poll"/> has something to do although nothing came.</summary>
    public ulong Due => _retryAt;

    /// <summary>Begins; what was under way is given up.</summary>
    public void Start(IpInterface ip, Ipv4Address server, ReadOnlySpan<byte> name, ITftpSink sink)
    {
        Stop();
        Result = TftpResult.CannotSend;
        Bytes = Promised = Retransmissions = Strays = 0;
        _errorBytes = 0;
        if (name.Length is 0 or > MostName || name.Contains((byte)0) || !ip.HasRoute(server) || !ip.TryOpen(0, out _socket))
            return;
        name.CopyTo(_name);
        _nameBytes = name.Length;
        _sink = sink;
        _server = server;
        _blockBytes = PlainBlock;
        _acknowledged = 0;
        _isRequesting = true;
        _port = ServerPort;
        Result = TftpResult.Busy;
        _tries = 0;
        _retry = FirstRetry;
        Send(Clock.Microseconds);
    }

    /// <summary>Gives it up, or cleans up after it.</summary>
    public void Stop()
    {
        _socket?.Close();
        _socket = null;
        _retryAt = ulong.MaxValue;
        if (Result == TftpResult.Busy)
            Result = TftpResult.Idle;
    }

    /// <summary>Takes what came, sends what is due; true while it goes on.</summary>
    public bool Poll(ulong now)
    {
        while (Result == TftpResult.Busy && _socket!.TryTake(out Frame frame, out UdpSender sender))
        {
            // A stranger's packets are passed over: anybody can send to our port.
            bool isServer = sender.Address == _server && (sender.Port == _port || _isRequesting && sender.Port != 0);
            if (!isServer || frame.HasRest || !TryTake(frame.Bytes, sender.Port, now))
                Strays++;
            frame.Free();
        }
        if (Result == TftpResult.Busy && now >= _retryAt)
        {
            if (_tries >= MostTries)
            {
                End(TftpResult.Timeout);
            }
            else
            {
                Retransmissions++;
                Send(now);
            }
        }
        return Result == TftpResult.Busy;
    }

    // False if the packet is none that fits; it changed nothing then.
    private bool TryTake(ReadOnlySpan<byte> packet, ushort port, ulong now)
    {
        if (packet.Length < 4)
            return false;
        ushort kind = BinaryPrimitives.ReadUInt16BigEndian(packet), number = BinaryPrimitives.ReadUInt16BigEndian(packet.Slice(2));
        switch (kind)
        {
            case Failure:
                TakeError(packet.Slice(4));
                return true;
            case Options when _isRequesting:
                _port = port;
                if (!TryTakeOptions(packet.Slice(2)))
                {
                    End(TftpResult.Malformed);
                    return true;
                }
                _isRequesting = false;
                SendNew(now);
                return true;
            case Data:
                return TryTakeData(packet.Slice(4), number, port, now);
            default:
                return false;
        }
    }

    private bool TryTakeData(ReadOnlySpan<byte> data, ushort number, ushort port, ulong now)
    {
        if (data.Length > _blockBytes || _isRequesting && number != 1)
            return false;
        if (number == _acknowledged && !_isRequesting && number != 0)
        {
            // Our answer was lost, or the block came twice. One answer a wait will do: the server does not need it more often.
            if (_tries > 1)
                return false;
            Retransmissions++;
            Send(now);
            return true;
        }
        if (number != (ushort)(_acknowledged + 1))
            return false;
        // A server without options begins with the first block.
        _isRequesting = false;
        _port = port;
        _acknowledged = number;
        Bytes += (uint)data.Length;
        _sink!.Take(data);
        bool isLast = data.Length < _blockBytes;
        SendNew(now);
        if (isLast && Result == TftpResult.Busy)
            End(Promised != 0 && Promised != Bytes ? TftpResult.WrongLength : TftpResult.Done);
        return true;
    }

    private void TakeError(ReadOnlySpan<byte> text)
    {
        foreach (byte value in text)
        {
            if (value == 0 || _errorBytes == MostError)
                break;
            _error[_errorBytes++] = value is >= (byte)' ' and <= (byte)'~' ? value : (byte)'?';
        }
        End(TftpResult.Refused);
    }

    // Names and values, each ended by a zero. What was not asked for, or is more than was asked for, is an error.
    private bool TryTakeOptions(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)0);
            if (end < 0)
                return false;
            ReadOnlySpan<byte> name = text.Slice(0, end);
            text = text.Slice(end + 1);
            end = text.IndexOf((byte)0);
            if (end < 0 || !NumberParse.TryParse(text.Slice(0, end), out ulong value))
                return false;
            text = text.Slice(end + 1);
            if (Is(name, "blksize"u8) && value is >= 8 and <= WantedBlock)
                _blockBytes = (int)value;
            else if (Is(name, "tsize"u8))
                Promised = value;
            else
                return false;
        }
        return true;
    }

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> lower)
    {
        if (name.Length != lower.Length)
            return false;
        for (int i = 0; i < name.Length; i++)
        {
            if ((name[i] | 0x20) != lower[i])
                return false;
        }
        return true;
    }

    private void End(TftpResult result)
    {
        Result = result;
        _retryAt = ulong.MaxValue;
        _socket?.Close();
        _socket = null;
    }

    private void SendNew(ulong now)
    {
        _tries = 0;
        _retry = FirstRetry;
        Send(now);
    }

    // The request, or the acknowledgement of the last block.
    private void Send(ulong now)
    {
        if (_tries++ != 0)
            _retry = Math.Min(2 * _retry, LongestRetry);
        _retryAt = now + _retry;
        if (!_socket!.Interface.TryTakeFrame(out Frame frame))
            return;
        if (_isRequesting)
        {
            frame.SetLength(MostName + 64);
            Utf8Writer request = new(frame.Bytes);
            request.Append([0, (byte)Read]);
            request.Append(new ReadOnlySpan<byte>(_name, 0, _nameBytes));
            request.Append("\0octet\0tsize\00\0blksize\0"u8);
            request.Append((ulong)WantedBlock);
            request.Append((byte)0);
            frame.SetLength((uint)request.Length);
        }
        else
        {
            frame.SetLength(4);
            BinaryPrimitives.WriteUInt16BigEndian(frame.Bytes, Ack);
            BinaryPrimitives.WriteUInt16BigEndian(frame.Bytes.Slice(2), _acknowledged);
        }
        _socket.TrySend(ref frame, _server, _port).Ignore("it is sent again when no answer comes"u8);
    }
}
