using System;
using System.Buffers.Binary;
using System.Numerics;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

// Bus resets, and what is set for them. Source: OHCI 1.1, sections 5.5.6 (ROM), 6.1.1 (busReset), 7.2.3 (transmit contexts), 11 (self-ID).
public sealed unsafe partial class Ohci
{
    private const uint NodeIdValid = 1u << 31;
    private const int NodeMask = 0x3F;

    // The first quadlet of a packet that starts a cycle (1394-1995, 6.2.2.2.3); of a packet between PHYs it cannot be.
    private const uint CycleStart = 0xFFFF_008F;

    // Self-IDs that cannot be believed are asked for again, by another reset: so often at once, and then less and less often for ever.
    private const int SelfIdTries = 5;

    private readonly uint[] _pairs = new uint[SelfIdQuadlets], _selfIds = new uint[SelfIdQuadlets / 2];
    private int _romInUse;
    private uint _selfIdFailures;
    private uint _romHeader, _romOptions, _nextHeader, _nextOptions;
    private ulong _lastLook;
    private bool _hasNextRom, _isCycleMaster;

    // The first word that there is a reset, however many have been meanwhile. What came before it has been handed to the bus.
    private void BeginReset()
    {
        Counters.BusResets++;
        Disarm(Events.BusReset);
        _isInReset = true;
        _isAhead = false;
        UseNextRom();
        _bus.ResetBegan();
        // Contexts wait for the event to be cleared, and must be empty then: what is linked is of the old generation.
        if (_requests.Stop() != Error.None || _responses.Stop() != Error.None)
        {
            Fail();
            return;
        }
        FlushTransmit(AckCode.Flushed);
    }

    // True if the bus is there again.
    private bool TryEndReset()
    {
        SelfIdCount count = _registers.SelfIdCount.Read();
        if (!_isInReset)
        {
            // Told once more of what is known: each reset has another generation (11.2).
            if (count.Generation == _generation)
                return false;
            BeginReset();
        }
        if ((_todo & Todo.Restart) != 0)
            return false;
        bool isSound = !count.IsError && count.Quadlets <= SelfIdQuadlets;
        // A reset leaves none (11.2), and the generation in front tells of which reset the rest is (11.3): the event of that one follows.
        if (isSound && (count.Quadlets == 0 || (byte)(_page[SelfIdStart].Read() >> 16) != count.Generation))
            return false;
        int packets = isSound ? ReadSelfIds(count.Quadlets - 1) : -1;
        uint nodeId = _registers.NodeId.Read();
        // Another reset has begun since, perhaps while they were read: its own event follows (5.11, 11.2).
        if ((nodeId & NodeIdValid) == 0 || _registers.SelfIdCount.Read().Generation != count.Generation)
            return false;
        if (packets >= 0)
            packets = InsertOwnSelfId(packets, (int)nodeId & NodeMask);
        if (packets < 0)
        {
            AskForSelfIds();
            return false;
        }
        _selfIdFailures = 0;
        // Filters closed with the reset; what was written to them before the event is cleared is lost (5.14).
        _registers.EventClear.Write(Events.BusReset);
        // Another reset that came just before was cleared with it, and nothing flushes what is sent now: its self-IDs will tell.
        if (_registers.SelfIdCount.Read().Generation != count.Generation)
            return false;
        _generation = count.Generation;
        if ((_quirks & OhciQuirks.ResetPacket) != 0 || _isMarkLost)
            _requestGeneration = _generation;
        _isMarkLost = false;
        // To some links the bit of all buses is that of others, and of ours each node has one, which a reset clears (TI TSB12LV26 data manual, 4.32).
        _registers.RequestFilterSet(isHigh: true).Write(uint.MaxValue);
        _registers.RequestFilterSet(isHigh: false).Write(uint.MaxValue);
        ShutPhysicalMemory();
        _registers.BusOptions.Write(_romOptions);
        _page[RomStart(_romInUse)].Write(BinaryPrimitives.ReverseEndianness(_romHeader));
        _registers.RomHeader.Write(_romHeader);
        _isInReset = false;
        Arm(Events.BusReset);
        _bus.ResetEnded(_generation, (int)nodeId & NodeMask, new ReadOnlySpan<uint>(_selfIds, 0, packets));
        return true;
    }

    private void AskForSelfIds()
    {
        Counters.BadSelfIds++;
        if (_selfIdFailures++ < SelfIdTries || BitOperations.IsPow2(_selfIdFailures))
            Reset(isLong: true).Ignore("the bus stays as it is, and the next reset finds it"u8);
    }

    // Each is counted (11.2), also one whose events were lost. Of a count that is another with each look nothing is believed.
    private bool HasMissedReset
    {
        get
        {
            byte counted = _registers.SelfIdCount.Read().Generation;
            return counted != _generation && _registers.SelfIdCount.Read().Generation == counted;
        }
    }

    // Once a second. A reset that has not ended since the last look is asked for again; so is the first, of which a link that was enabled just then
    // may not have heard. Without one, all that is asked is of this bus, also if what told of the reset among requests is missing or wrong (8.4.2.3).
    private void CheckReset()
    {
        ulong look = 2 * (Counters.BusResets + Counters.BadSelfIds + 1) + (_isInReset ? 1u : 0);
        if (look == _lastLook)
        {
            if (_isInReset)
                AskForSelfIds();
            else
                _requestGeneration = _generation;
        }
        _lastLook = look;
    }

    // Packets without their inverses, into an array of ours; below 0 if they are not to be believed.
    private int ReadSelfIds(int quadlets)
    {
        for (int i = 0; i < quadlets; i++)
        {
            _pairs[i] = _page[SelfIdStart + 1 + i].Read();
            // A cycle master whose gap count is too low was early with a cycle: what came before that is whole, and tells of the gap count.
            if (_pairs[i] == CycleStart && (i & 1) == 0)
                quadlets = i;
        }
        return Topology.Unpair(new ReadOnlySpan<uint>(_pairs, 0, quadlets), _selfIds) == TopologyError.None ? quadlets / 2 : -1;
    }

    // With the reset the controller takes header and options over from memory, but as they lie there: in the wrong order of bytes (5.5.6). A
    // header of 0 is the same in any order, and says that the rest is not there yet; when the reset has ended it is put right.

    /// <inheritdoc/>
    public bool TrySetNextRom(ReadOnlySpan<uint> rom)
    {
        if (HasReset)
            return false;
        int start = RomStart(_romInUse ^ 1);
        _page[start].Write(0);
        for (int i = 1; i < RomQuadlets; i++)
            _page[start + i].Write(i < rom.Length ? BinaryPrimitives.ReverseEndianness(rom[i]) : 0);
        if (_state == State.Running)
            _registers.RomMap.Write(QuadletAddress(start));
        // Of a reset that comes just now nobody can tell whether it has taken the image. Its header, which has a generation that says
        // that the ROM is another, must not be seen before it.
        if (HasReset)
            return false;
        _nextHeader = rom[0];
        _nextOptions = rom[2];
        _hasNextRom = true;
        return true;
    }

    // Until its self-IDs were read.
    private bool HasReset => _state == State.Running && (_registers.EventSet.Read() & Events.BusReset) != 0;

    private void UseNextRom()
    {
        if (!_hasNextRom)
            return;
        _hasNextRom = false;
        _romInUse ^= 1;
        _romHeader = _nextHeader;
        _romOptions = _nextOptions;
    }

    // Before the link is on: others see it at once. A header of 0 says that the rest is not there yet. Some controllers take header and options from memory
    // with the first reset, too.
    private void PutRom()
    {
        UseNextRom();
        _page[RomStart(_romInUse)].Write(0);
        _registers.RomHeader.Write(0);
        _registers.BusOptions.Write(_romOptions);
        _registers.RomMap.Write(QuadletAddress(RomStart(_romInUse)));
        _registers.RomHeader.Write(_romHeader);
    }

    private static int RomStart(int image) => image * RomQuadlets;

    /// <inheritdoc/>
    public void SetCycleMaster(bool isMaster)
    {
        _isCycleMaster = isMaster;
        if (_state != State.Running)
            return;
        if (isMaster)
            _registers.LinkSet.Write(LinkControl.CycleMaster);
        else
            _registers.LinkClear.Write(LinkControl.CycleMaster);
    }

    /// <inheritdoc/>
    public uint CycleTime
    {
        get
        {
            if (_state == State.Stopped)
                return 0;
            // Not the bus's time, but one that goes on like it.
            if ((_quirks & OhciQuirks.NoCycleTimer) != 0)
                return CycleMath.TimerAt(Clock.Microseconds);
            uint time = _registers.CycleTimer.Read();
            if ((_quirks & OhciQuirks.CycleTimer) == 0)
                return time;
            // Three values in a row with like distances: a torn one is far from both its neighbours.
            const int tries = 20;
            uint before = _registers.CycleTimer.Read(), first = time;
            time = _registers.CycleTimer.Read();
            for (int i = 0; i < tries && !IsEven(Ticks(before) - Ticks(first), Ticks(time) - Ticks(before)); i++)
            {
                first = before;
                before = time;
                time = _registers.CycleTimer.Read();
            }
            return time;
        }
    }

    private static bool IsEven(int first, int second) => first > 0 && second > 0 && first / second < 2 && second / first < 2;

    // 3,072 ticks a cycle, 8,000 cycles a second.
    private static int Ticks(uint time) => (int)((time & 0xFFF) + 3072 * ((time >> 12 & 0x1FFF) + 8000 * (time >> 25)));

    /// <inheritdoc/>
    public Error LockRegister(int register, uint expected, uint value, out uint old)
    {
        const uint done = 1u << 31;
        const ulong longest = 1_000;
        old = 0;
        if (_state != State.Running)
            return Error.DeviceGone;
        _registers.CsrData.Write(value);
        _registers.CsrCompare.Write(expected);
        _registers.CsrControl.Write((uint)register & 3);
        Deadline end = Deadline.In(longest);
        while (true)
        {
            bool last = end.Passed;
            uint control = _registers.CsrControl.Read();
            if (control == uint.MaxValue)
                return Error.DeviceGone;
            if ((control & done) != 0)
                break;
            if (last)
                return Error.Timeout;
            Clock.Delay(1);
        }
        old = _registers.CsrData.Read();
        return Error.None;
    }
}
