using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

// The PHY's registers, through the link. Source: OHCI 1.1, section 5.12 (PhyControl); IEEE 1394a-2000, section 6.1 (registers).
public sealed unsafe partial class Ohci
{
    // Register 1: begins a long reset. Register 4: the link is there, and can be manager. Register 5: enhancements; a short reset.
    private const uint ResetRegister = 1, StatusRegister = 4, EnhancementRegister = 5;

    // In register 2: all set in a PHY of 1394a or later, whose registers from 3 on are other than those of 1394-1995.
    private const byte Extended = 0xE0;
    private const byte LongReset = 0x40, LinkActive = 0x80, Contender = 0x40, ShortReset = 0x40, Accelerated = 0x02, MultiSpeed = 0x01;

    // Asked so often for a register, as an answer may be lost; a controller that always says another one's number does not say it at all.
    private const int PhyTries = 3;

    // In register 5: causes, cleared by writing them: loop, power failure, time-out, port event.
    private const byte Causes = 0x3C;

    private const ulong PhyMicroseconds = 10_000;

    /// <inheritdoc/>
    public Error Reset(bool isLong)
    {
        if (_state == State.Stopped)
            return Error.DeviceGone;
        return isLong || !_hasEnhancements ? SetPhyBits(ResetRegister, 0, LongReset) : SetPhyBits(EnhancementRegister, Causes, ShortReset);
    }

    // 1394a's enhancements are on in PHY and link alike, or off in both (5.7.3). We stand for resource and bus manager.
    private Error ConfigurePhy()
    {
        Error error = ReadPhy(PortsRegister, out byte ports);
        bool isExtended = (ports & Extended) == Extended;
        if (error == Error.None && isExtended)
            error = SetPhyBits(StatusRegister, 0, LinkActive | Contender);
        if (error != Error.None)
            return error;
        bool isOurs = (_registers.HcSet.Read() & HcControl.ProgramPhy) != 0;
        _hasEnhancements = isOurs && isExtended && (_quirks & OhciQuirks.No1394a) == 0;
        if (!isOurs)
            return Error.None;
        if (isExtended)
            error = SetPhyBits(EnhancementRegister, Causes | Accelerated | MultiSpeed, _hasEnhancements ? (byte)(Accelerated | MultiSpeed) : (byte)0);
        if (error != Error.None)
            return error;
        if (_hasEnhancements)
            _registers.HcSet.Write(HcControl.PhyEnhance);
        _registers.HcClear.Write(_hasEnhancements ? HcControl.ProgramPhy : HcControl.ProgramPhy | HcControl.PhyEnhance);
        return Error.None;
    }

    private Error SetPhyBits(uint register, byte clear, byte set)
    {
        Error error = ReadPhy(register, out byte value);
        return error == Error.None ? WritePhy(register, (byte)(value & ~clear | set)) : error;
    }

    private Error ReadPhy(uint register, out byte value)
    {
        const uint read = 1u << 15, done = 1u << 31;
        Error error;
        uint answer;
        int tries = PhyTries;
        // After a bus reset the PHY says by itself what is in register 0 (5.12): that is no answer to us, and may be in the place of one.
        do
        {
            _registers.PhyControl.Write(register << 8 | read);
            error = WaitForPhy(done, done, out answer);
        }
        while ((error == Error.Timeout || (error == Error.None && (answer >> 24 & 0xF) != register)) && --tries > 0);
        value = (byte)(answer >> 16);
        return error;
    }

    private Error WritePhy(uint register, byte value)
    {
        const uint write = 1u << 14;
        _registers.PhyControl.Write(register << 8 | value | write);
        return WaitForPhy(write, 0, out _);
    }

    private Error WaitForPhy(uint mask, uint wanted, out uint value)
    {
        Deadline end = Deadline.In(PhyMicroseconds);
        while (true)
        {
            bool last = end.Passed;
            value = _registers.PhyControl.Read();
            if (value == uint.MaxValue)
                return Error.DeviceGone;
            if ((value & mask) == wanted)
                return Error.None;
            if (last)
            {
                Counters.PhyTimeouts++;
                return Error.Timeout;
            }
            Clock.Delay(10);
        }
    }
}
