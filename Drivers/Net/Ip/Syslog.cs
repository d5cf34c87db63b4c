using System;
using Sluice.Dma;
using Sluice.Platform;

namespace Sluice.Net;

/// <summary>
/// Sends the kernel's log, and lines that it is given, to a syslog server, a datagram each. A sequence number tells what was lost on the way, and
/// the log's own ring and a ring of lines hold what comes before there is a network. Runs as work, with a timer while it waits for a way to the
/// server. Made while starting. Source: RFC 5424, section 6; RFC 5426.
/// </summary>
public sealed class Syslog : IWork, ITimerHandler
{
    /// <summary>The port that servers listen at.</summary>
    public const ushort UsualPort = 514;

    private const ulong WaitMicroseconds = 100_000, BetweenMicroseconds = 2_000;
    private const int MostAtOnce = 8, MostText = 256, MostLines = 64 * 1024;

    // Facilities kernel and local use 0, severities by level; RFC 5424, section 6.2.1.
    private const int LocalInformation = 16 * 8 + 6;

    private readonly Ipv4Address _server;
    private readonly ushort _port;
    private readonly WorkItem _work;
    private readonly Timer _timer;
    private readonly byte[] _text = new byte[MostText], _lines = new byte[MostLines];
    private UdpSocket? _socket;
    private ulong _logPosition, _in, _out, _sequence;

    /// <summary>Makes it, and begins as soon as there is a way to the server.</summary>
    public Syslog(Ipv4Address server, ushort port)
    {
        _server = server;
        _port = port;
        _work = new WorkItem(this);
        _timer = new Timer(this);
        _work.Mark();
    }

    /// <summary>Datagrams sent.</summary>
    public ulong Sent => _sequence;

    /// <summary>Lines for which there was no room.</summary>
    public ulong LeftOut { get; private set; }

    /// <summary>Nothing is sent while this is set: for who resets the card, and would lose what is on its way.</summary>
    public bool IsHeld { get; set; }

    /// <summary>Whether all is sent that there was.</summary>
    public bool IsIdle => _in == _out && _logPosition >= Log.Newest;

    /// <summary>Takes a line that is not in the log: a test's result.</summary>
    public void Add(ReadOnlySpan<byte> line)
    {
        if (line.Length > MostText)
            line = line.Slice(0, MostText);
        if (line.IsEmpty || (ulong)line.Length + 2 > MostLines - (_in - _out))
        {
            LeftOut += line.IsEmpty ? 0u : 1u;
            return;
        }
        Put((byte)line.Length);
        Put((byte)(line.Length >> 8));
        foreach (byte value in line)
            Put(value);
        _work.Mark();
    }

    /// <inheritdoc/>
    public bool Work(int budget)
    {
        if (IsHeld || !IsReady())
        {
            _timer.Start(WaitMicroseconds);
            return false;
        }
        for (int i = 0; i < MostAtOnce; i++)
        {
            if (!TrySendNext())
            {
                // The log has no bell.
                _timer.Start(WaitMicroseconds);
                return false;
            }
        }
        _timer.Start(BetweenMicroseconds);
        return false;
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();

    // Whether there is a way, and the neighbour on it is known.
    private bool IsReady()
    {
        IpInterface? way = Network.RouteTo(_server);
        if (way == null || !way.IsReady(_server))
            return false;
        if (_socket?.Interface != way || _socket.Port == 0)
        {
            _socket?.Close();
            if (!way.TryOpen(0, out _socket))
                return false;
        }
        return true;
    }

    private bool TrySendNext()
    {
        ulong position = _logPosition;
        if (Log.TryRead(ref position, _text, out ulong time, out LogLevel level, out int length))
        {
            int severity = level switch { LogLevel.Warn => 4, LogLevel.Info => 6, _ => 7 };
            if (!TrySend(severity, "log"u8, time, new ReadOnlySpan<byte>(_text, 0, length)))
                return false;
            _logPosition = position;
            return true;
        }
        if (_in == _out)
            return false;
        int bytes = At(_out) | At(_out + 1) << 8;
        for (int i = 0; i < bytes; i++)
            _text[i] = At(_out + 2 + (uint)i);
        if (!TrySend(LocalInformation, "results"u8, Clock.Microseconds, new ReadOnlySpan<byte>(_text, 0, bytes)))
            return false;
        _out += (uint)bytes + 2;
        return true;
    }

    private bool TrySend(int priority, ReadOnlySpan<byte> kind, ulong time, ReadOnlySpan<byte> text)
    {
        if (!_socket!.Interface.TryTakeFrame(out Frame frame))
            return false;
        frame.SetLength(2 * MostText);
        Utf8Writer message = new(frame.Bytes);
        message.Append((byte)'<');
        message.Append((ulong)priority);
        message.Append(">1 - "u8);
        _socket.Interface.Address.Format(ref message, default);
        message.Append(" sluice - "u8);
        message.Append(kind);
        message.Append(" [meta sequenceId=\""u8);
        message.Append(++_sequence);
        // Hundredths of a second.
        message.Append("\" sysUpTime=\""u8);
        message.Append(time / 10_000);
        message.Append("\"] "u8);
        message.Append(text);
        frame.SetLength((uint)message.Length);
        return _socket.TrySend(ref frame, _server, _port);
    }

    private byte At(ulong position) => _lines[position % MostLines];

    private void Put(byte value) => _lines[_in++ % MostLines] = value;
}
