using System;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Drivers.E1000e;

// Reset, and what must be said to the card after one. A reset is made of steps that do not wait: the start does one after the other, and
// the watchdog, which must not wait, one at a time. Source: Intel 82574 datasheet 3.4, sections 4.6 (start), 10.2.2 (CTRL, EERD).
public sealed unsafe partial class E1000e
{
    // Longest waits. The datasheet names none for the reset; reading the EEPROM takes some ms.
    private const ulong MasterMicroseconds = 100_000, ResetMicroseconds = 500_000, QuietMicroseconds = 1_000, StepMicroseconds = 1_000;

    private const uint AddressValid = 1u << 31;

    private Phase _phase = Phase.Stopped;
    private Deadline _phaseEnd, _quiet;

    /// <summary>What the card is doing.</summary>
    private enum Phase : byte
    {
        /// <summary>It is not, or no longer: packets neither come nor go.</summary>
        Stopped,
        Running,

        /// <summary>Being reset: its accesses to memory are to end first.</summary>
        EndingDma,

        /// <summary>Being reset: the reset is under way.</summary>
        Resetting,
    }

    private Error Start()
    {
        Error error = _dma.TrySetMasks(64, 64);
        if (error != Error.None)
            return error;
        _pass = _dma.PassWith(_frames);
        // Whoever had the card before may have left it writing memory that is ours now.
        Function.DisableBusMaster();
        error = Function.EnableMemory();
        if (error != Error.None)
            return error;
        if (_model.Is82574)
            Function.DisableLinkStates();       // it may hang in L0s and L1 (82574 specification update)
        BeginReset();
        while ((error = StepReset()) == Error.Busy)
            Clock.Delay(StepMicroseconds);
        if (error == Error.None)
            error = ReadAddress();
        if (error == Error.None)
            error = TryMakeRings();
        if (error == Error.None)
            error = Function.EnableMemoryAndBusMaster();
        if (error == Error.None)
            error = WakePhy();
        if (error != Error.None)
            return error;
        ConnectInterrupt();
        Configure();
        if (IsSilent)
            return Error.DeviceGone;
        Log.Info($"e1000e: {Function.Address} is {_address}");
        _watchdog.Start();
        return Error.None;
    }

    /// <summary>Whether packets can come and go: it is there, and not being reset.</summary>
    public bool IsRunning => _phase == Phase.Running;

    private bool IsSilent => _registers.Status.Read() == DeviceStatus.Gone;

    // Nothing goes on, on either side, until StepReset says that it is over.
    private void BeginReset()
    {
        _phase = Phase.EndingDma;
        _registers.MaskClear.Write(Causes.All);
        _armed = 0;
        _registers.ReceiveControl.Write(0);
        _registers.TransmitControl.Write(0);
        _registers.Control.Write(_registers.Control.Read() | Control.MasterDisable);
        _phaseEnd = Deadline.In(MasterMicroseconds);
    }

    // The next step; Busy if there is more to do, and a millisecond has to pass before.
    private Error StepReset()
    {
        if (_phase == Phase.EndingDma)
        {
            bool late = _phaseEnd.Passed;
            DeviceStatus status = _registers.Status.Read();
            if (status == DeviceStatus.Gone)
                return Error.DeviceGone;
            if ((status & DeviceStatus.MasterEnabled) != 0 && !late)
                return Error.Busy;
            _registers.Control.Write(_registers.Control.Read() | Control.Reset);
            _phase = Phase.Resetting;
            _quiet = Deadline.In(QuietMicroseconds);
            _phaseEnd = Deadline.In(ResetMicroseconds);
            return Error.Busy;
        }
        if (!_quiet.Passed)
            return Error.Busy;
        bool last = _phaseEnd.Passed;
        Control control = _registers.Control.Read();
        if (control == Control.Gone)
            return Error.DeviceGone;
        bool isReady = (control & Control.Reset) == 0
            && (!_model.Is82574 || (_registers.EepromControl.Read() & EepromControl.AutoReadDone) != 0);
        if (!isReady)
            return last ? Error.Timeout : Error.Busy;
        _registers.MaskClear.Write(Causes.All);
        _registers.Cause.Write(Causes.All);
        return Error.None;
    }

    // From the first receive address, which a reset loads from the EEPROM; else from the EEPROM itself.
    private Error ReadAddress()
    {
        uint low = _registers.AddressLow(0).Read(), high = _registers.AddressHigh(0).Read();
        _address = MacAddress.FromNumber(low | (ulong)(ushort)high << 32);
        if ((high & AddressValid) != 0 && _address.IsStation && _address != MacAddress.Broadcast)
            return Error.None;
        if (!_model.Is82574)
            return Error.Malformed;
        ulong number = 0;
        for (uint word = 0; word < 3; word++)
        {
            Error error = ReadEeprom(word, out ushort value);
            if (error != Error.None)
                return error;
            number |= (ulong)value << (int)(16 * word);
        }
        _address = MacAddress.FromNumber(number);
        return _address.IsStation ? Error.None : Error.Malformed;
    }

    // EERD.
    private Error ReadEeprom(uint word, out ushort value)
    {
        const uint start = 1 << 0, done = 1 << 1;
        const int addressShift = 2, dataShift = 16;
        _registers.EepromRead.Write(word << addressShift | start);
        Error error = WaitFor(_registers.EepromRead, done, out uint read);
        value = (ushort)(read >> dataShift);
        return error;
    }

    // Until a bit comes up, at most 10 ms.
    private static Error WaitFor(Register<uint> register, uint bit, out uint read)
    {
        const ulong longest = 10_000;
        Deadline end = Deadline.In(longest);
        while (true)
        {
            bool last = end.Passed;
            read = register.Read();
            if (read == uint.MaxValue)
                return Error.DeviceGone;
            if ((read & bit) != 0)
                return Error.None;
            if (last)
                return Error.Timeout;
            Clock.Delay(10);
        }
    }

    // All that a reset undoes; then packets come and go.
    private void Configure()
    {
        const Control never = Control.MasterDisable | Control.LinkReset | Control.InvertLossOfSignal | Control.ForceSpeed
            | Control.ForceDuplex | Control.Reset | Control.ReceiveFlowControl | Control.TransmitFlowControl | Control.PhyReset;
        const uint ieee8021Q = 0x8100;
        _registers.Control.Write(_registers.Control.Read() & ~never | Control.SetLinkUp | Control.VlanMode);
        _registers.ExtendedControl.Write(_registers.ExtendedControl.Read() | ExtendedControl.DriverLoaded);
        _registers.VlanEtherType.Write(ieee8021Q);
        _registers.AddressLow(0).Write((uint)_address.Number);
        _registers.AddressHigh(0).Write((uint)(_address.Number >> 32) | AddressValid);
        _registers.ReceiveChecksum.Write(ReceiveChecksum.Ip | ReceiveChecksum.TcpUdp);
        // Of packets whose IPv6 extension headers it parses it may say wrong things (82574 specification update).
        _registers.ReceiveFilters.Write(ReceiveFilters.NoIpv6Extensions);
        PlaceReceiveRing();
        PlaceTransmitRing();
        ConfigureInterrupts();
        _registers.TransmitControl.Write(TransmitControl.Enable | TransmitControl.PadShortPackets | TransmitControl.CollisionThreshold
            | TransmitControl.CollisionDistance | TransmitControl.RetransmitOnLateCollision | TransmitControl.MultipleRequests);
        WriteGroups();
        _registers.ReceiveControl.Write(ReceiveControlNow);
        _registers.Receive.Tail.Write(_receiveMask);
        _phase = Phase.Running;
        LookAtLink();
        Unmask();
    }

    private Error TryMakeRings()
    {
        Error error = TryMakeReceiveRing();
        return error == Error.None ? TryMakeTransmitRing() : error;
    }

    // The card has failed, is gone, was never ours, or has done its work: it is kept from memory, and what it had goes back. If it stays bus master against the
    // standard, it keeps that for good.
    private void GiveUp()
    {
        _phase = Phase.Stopped;
        _watchdog.Stop();
        _link = default;
        _canSend = false;
        _registers.MaskClear.Write(Causes.All);
        _armed = 0;
        DisconnectInterrupt();
        Function.DisableBusMaster();
        if ((Function.Command.Read() & PciCommand.BusMaster) != 0 && !Function.IsGone)
        {
            Abandoned = true;
            Log.Warn($"e1000e: {Function.Address} cannot be kept from memory; it keeps what it has");
            return;
        }
        FreeReceiveRing();
        FreeTransmitRing();
    }

    /// <summary>Whether it keeps memory for good, as nothing proves that it leaves that alone.</summary>
    public bool Abandoned { get; private set; }

    /// <inheritdoc/>
    public override void Quiesce()
    {
        _watchdog.Stop();
        BeginReset();
        Error error;
        while ((error = StepReset()) == Error.Busy)
            Clock.Delay(StepMicroseconds);
        if (error == Error.None)
            _registers.ExtendedControl.Write(_registers.ExtendedControl.Read() & ~ExtendedControl.DriverLoaded);
        GiveUp();
    }
}
