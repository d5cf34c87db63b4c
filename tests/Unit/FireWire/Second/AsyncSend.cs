using System;
using System.Buffers.Binary;
using Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire.Second;

/// <summary>An asynchronous transmit context. Source: 1394 OHCI 1.1, section 7.</summary>
internal sealed class AsyncSend(SecondController controller, string name, uint sentEvent, bool isForResponses) : Context(controller, name), ISender
{
    private const int Rest = 0, Fetching = 1, Reading = 2, Ready = 3, BackingOff = 4, Done = 5, Leaving = 6;

    private readonly Packet _packet = new();
    private uint[] _block = [];
    private uint _at;
    private int _stage, _last, _headerBytes, _retries, _flushes;
    private bool _isStopped;

    public bool IsReady => _stage == Ready;

    protected override bool IsAtRest => _stage is Rest or Fetching;

    public override string ToString() => $"{base.ToString()}, stage {_stage}, stopped {_isStopped}";

    public Packet? Begin()
    {
        if (isForResponses && IsExpired())
        {
            End(Second.Event.TimeOut);
            return null;
        }
        return _packet;
    }

    public void Ended(Ack ack)
    {
        if (ack.IsBusy && _retries-- > 0)
        {
            _stage = BackingOff;
            Kick();
            return;
        }
        if (ack == Ack.Tardy)
            Controller.RaiseLater(Bits.AckTardy);
        End(ack == Ack.Missing ? Second.Event.MissingAck : 0x10u | (uint)ack);
    }

    // 7.2.3.1: what is in the FIFO is flushed, and once all statuses are written the context is not active any more.
    public void BusReset(bool wasSending)
    {
        if (!Run)
            return;
        _isStopped = true;
        _flushes = Lot.Takes(Freedom.FlushesOn) ? 1 + Lot.Below(20) : 0;
        if (wasSending)
            End(Second.Event.MissingAck);
        else if (_stage is Ready or BackingOff || (_stage == Reading && Lot.Takes(Freedom.FlushesOn)))
            End(Second.Event.Flushed);
        Kick();
    }

    protected override void Started()
    {
        _isStopped = Controller.IsBusResetSet;
        _flushes = 0;
        _stage = Fetching;
    }

    protected override void Reset()
    {
        _stage = Rest;
        _isStopped = false;
    }

    protected override bool Step()
    {
        if (IsDead || StopsNow())
            return false;
        switch (_stage)
        {
            case Rest:
                return Resume();
            case Fetching:
                return FetchBlock();
            case Reading:
                return ReadData();
            case BackingOff:
                _stage = Ready;
                Controller.WantBus();
                return false;
            case Done:
                return WriteStatus();
            case Leaving:
                return Leave();
            default:
                return false;
        }
    }

    private bool Resume()
    {
        if (!Run || _isStopped)
        {
            Active = false;
            return false;
        }
        if (!IsAtEnd || !Wake || !TryFollow(0, BranchPlace))
            return false;
        _stage = Fetching;
        return true;
    }

    private uint BranchPlace => _at + (uint)(16 * _last) + 8;

    private bool FetchBlock()
    {
        if (_isStopped && _flushes-- <= 0)
        {
            _stage = Rest;
            return true;
        }
        if (Controller.IsResetting && !Controller.IsBusResetSet)
            Complain("a packet is given during a bus reset whose event was cleared, so nothing flushes it (7.2.3.2)");
        _at = CommandPtr & ~0xFu;
        if (Fetch() is not { } block)
            return false;
        _block = block;
        if (!TryFindLast())
        {
            Die(Second.Event.Unknown);
            return false;
        }
        LookAhead(_block[4 * _last + 2]);
        _stage = Reading;
        return !IsDead;
    }

    // The first descriptor has the header; then come those of data, the last of which is OUTPUT_LAST (7.1).
    private bool TryFindLast()
    {
        int count = _block.Length / 4;
        uint first = _block[0];
        if ((first >> 24 & 7) != 2 || count < 2)
            return Complain("the first descriptor has no header");
        _headerBytes = (int)(first & 0xFFFF);
        if (_headerBytes is not (8 or 12 or 16))
            return Complain($"a header of {_headerBytes} bytes");
        for (int i = 0; i < count; i += (_block[4 * i] >> 24 & 7) == 2 ? 2 : 1)
        {
            uint command = _block[4 * i] >> 28, branches = _block[4 * i] >> 18 & 3;
            if (command is not (0 or 1) || branches != (command == 1 ? 3u : 0u))
                return Complain($"descriptor {i} is {_block[4 * i]:x8}");
            if (command == 1)
            {
                _last = i;
                int length = (_block[4 * i] >> 24 & 7) == 2 ? 2 : 1;
                return i + length == count || Complain($"Z is {count} and the last descriptor {i}");
            }
        }
        return Complain("no last descriptor");
    }

    private bool Complain(string what)
    {
        Controller.Complain($"{Name}: {what} (7.1)");
        return false;
    }

    private bool ReadData()
    {
        if (_isStopped || Controller.IsBusResetSet)
        {
            End(Second.Event.Flushed);
            return true;
        }
        Span<byte> room = _packet.Room;
        int bytes = 0;
        for (int i = 2; i <= _last; i++)
        {
            int length = (int)(_block[4 * i] & 0xFFFF);
            if (!Controller.Host.TryRead(_block[4 * i + 1], room.Slice(bytes, length)))
            {
                Die(Second.Event.DataRead);
                return false;
            }
            bytes += length;
        }
        if (!TryBuild(bytes))
        {
            End(Second.Event.TcodeError);
            return true;
        }
        _retries = Controller.Retries(isForResponses);
        _stage = Ready;
        Controller.WantBus();
        return false;
    }

    // 7.8: headers in memory have the speed where those on the bus have the destination.
    private bool TryBuild(int dataBytes)
    {
        uint q0 = _block[4], q1 = _block[5], q2 = _block[6], q3 = _block[7];
        var code = (Tcode)(q0 >> 4 & 0xF);
        _packet.Speed = (Speed)(q0 >> 16 & 7);
        if (code == Tcode.Phy)
        {
            if (q2 != ~q1)
                Complain("a PHY packet whose second quadlet is not the first's inverse");
            _packet.Phy(q1);
            return _headerBytes == 12;
        }
        uint speed = (uint)_packet.Speed;
        if (code == Tcode.Stream)
        {
            byte[] data = _packet.Room[..dataBytes].ToArray();
            _packet.Stream((int)(q0 >> 8) & 0x3F, (int)(q0 >> 14) & 3, (int)q0 & 0xF, data);
            _packet.Speed = (Speed)speed;
            return _headerBytes == 8 && q1 >> 16 == dataBytes || Complain("a stream of another length");
        }
        uint source = (q0 & 1 << 23) != 0 ? Controller.NodeId & 0xFFFF : 0xFFC0 | Controller.NodeId & 0x3F;
        if (code.HeaderQuadlets * 4 != _headerBytes || code.IsResponse != isForResponses)
            return Complain($"a header of {_headerBytes} bytes for {code}");
        uint length = _headerBytes == 16 && code.HasData ? q3 >> 16 : 0;
        if (length != dataBytes)
            return Complain($"{dataBytes} bytes of data where {length} are told");
        _packet.Request(code, 0, 0, 0, 0);
        _packet.Q0 = (q1 & 0xFFFF_0000) | (q0 & 0xFFFF);
        _packet.Q1 = source << 16 | (q1 & 0xFFFF);
        _packet.Q2 = q2;
        bool isQuadlet = code is Tcode.WriteQuadlet or Tcode.ReadQuadletResponse;
        _packet.Q3 = _headerBytes < 16 ? 0 : isQuadlet && !Controller.SwapsData ? BinaryPrimitives.ReverseEndianness(q3) : q3;
        _packet.DataBytes = dataBytes;
        return true;
    }

    // 7.1.5.3.3: the time until which a response may be sent, 3 bits of seconds and 13 of cycles, with its header.
    private bool IsExpired()
    {
        uint stamp = _block[3] & 0xFFFF;
        uint now = Controller.CycleTime >> 12 & 0xFFFF;
        int late = (int)Cycles(now) - (int)Cycles(stamp);
        late = (late % 64_000 + 64_000) % 64_000;
        return late is > 0 and < 32_000;
    }

    private static uint Cycles(uint stamp) => (stamp >> 13) * 8000 + (stamp & 0x1FFF);

    private void End(uint code)
    {
        Event = code;
        _stage = Done;
        Kick();
    }

    // The status is there before anybody hears of it (7.1.5.2, 7.6).
    private bool WriteStatus()
    {
        if (!Tell(_at + (uint)(16 * _last), Controller.CycleTime >> 12))
            return false;
        uint interrupt = _block[4 * _last] >> 20 & 3;
        if (interrupt == 3 || (interrupt == 1 && Event is not (Second.Event.AckComplete or Second.Event.AckPending)))
            Controller.RaiseLater(sentEvent);
        _stage = Leaving;
        return true;
    }

    private bool Leave()
    {
        bool hasMore = TryFollow(_block[4 * _last + 2], BranchPlace);
        _stage = hasMore ? Fetching : Rest;
        return hasMore;
    }
}
