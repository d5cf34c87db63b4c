using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Drivers.Ohci;

// From power-on to the bus, and back to silence. Source: OHCI 1.1, sections 5.7 (HCControl), 5.5 (ROM), 5.14 (filters), A.2 (start).
public sealed unsafe partial class Ohci
{
    // LPS takes up to three looks 50 ms apart on some PHYs; the rest has no time in the specification.
    private const ulong ResetMicroseconds = 500_000, PowerMicroseconds = 50_000, StepMicroseconds = 100;
    private const int PowerTries = 3;

    // Each packet is tried so often by the hardware while the other side is busy: requests 3:0, responses 7:4; physical ones 11:8.
    private const uint Retries = 0xF | 2 << 4 | 8 << 8;

    // Parts per million in bits 23:16: a crystal of 1394 at its worst (1394-1995, 8.3.2.5.4). At a bus reset with another ROM the controller
    // loads these options from memory with their bytes turned round (OHCI 1.1, 5.5.6), and until we have written them the 6 of 0x64 is in
    // the place of max_rec: 128 bytes, where 0 would have it refuse the locks of 8 bytes of who was bus manager.
    private const uint ClockAccuracy = 100u << 16;

    private bool _hasEnhancements;

    private Error Start()
    {
        if ((_quirks & OhciQuirks.Unusable) != 0)
            return Error.NotSupported;
        Error error = _dma.TrySetMasks(32, 32);
        if (error != Error.None)
            return error;
        // Whoever had the controller before may have left it writing memory that is ours now.
        Function.DisableBusMaster();
        error = Function.EnableMemory();
        if (error == Error.None)
            error = SoftReset();
        if (error == Error.None)
            error = PowerLink();
        if (error == Error.None)
            error = ReadIdentity();
        if (error == Error.None)
            CountContexts();
        if (error == Error.None)
            error = TryMakeMemory();
        if (error == Error.None)
            error = ConfigurePhy();
        if (error == Error.None)
            error = Function.EnableMemoryAndBusMaster();
        if (error != Error.None)
            return error;
        _bus = new FireWireBus(this, _dma.Frames);
        ConnectInterrupt();
        Enable();
        _state = State.Running;
        _work.Start();
        // Not before who offers units has added them: so the first reset shows them, and takes no other to.
        _todo |= Todo.Reset;
        _work.Mark();
        return Error.None;
    }

    // Once more after a failure: as at the start, with the memory that there is.
    private Error StartAgain()
    {
        Error error = SoftReset();
        if (error == Error.None)
            error = PowerLink();
        if (error == Error.None)
            error = ConfigurePhy();
        if (error != Error.None)
            return error;
        Enable();
        RestartStreams();
        return Reset(isLong: true);
    }

    // All ones are a card that was pulled, or one that does not answer yet: configuration space tells.
    private Error SoftReset()
    {
        _registers.MaskClear.Write(Events.All);
        _registers.HcSet.Write(HcControl.SoftReset);
        Deadline end = Deadline.In(ResetMicroseconds);
        while (true)
        {
            bool last = end.Passed;
            HcControl control = _registers.HcSet.Read();
            if ((control & HcControl.SoftReset) == 0)
                break;
            if (last || (control == HcControl.Gone && Function.IsGone))
                return control == HcControl.Gone ? Error.DeviceGone : Error.Timeout;
            Clock.Delay(StepMicroseconds);
        }
        _requests.Forget();
        _responses.Forget();
        _requestsIn.Forget();
        _responsesIn.Forget();
        return Error.None;
    }

    private Error PowerLink()
    {
        _registers.HcSet.Write(HcControl.LinkPower | HcControl.PostedWriteEnable);
        for (int i = 0; i < PowerTries; i++)
        {
            Clock.Delay(PowerMicroseconds);
            HcControl control = _registers.HcSet.Read();
            if (control == HcControl.Gone && Function.IsGone)
                return Error.DeviceGone;
            if (control != HcControl.Gone && (control & HcControl.LinkPower) != 0)
                return Error.None;
        }
        return Error.Timeout;
    }

    private Error ReadIdentity()
    {
        uint version = _registers.Version.Read();
        Version = (ushort)(version >> 8 & 0xFF00 | version & 0xFF);
        // Before 1.0 registers were others.
        if (version == uint.MaxValue || Version < 0x0100)
            return Error.NotSupported;
        // Of the options only max_rec and the speed are the controller's; what we can is ours to say, and 0 or anything after a reset (5.5.4).
        const uint ofController = 0xF007;
        Options = new BusOptions(_registers.BusOptions.Read() & ofController | BusOptions.Able | ClockAccuracy);
        Guid = ReadGuid();
        if (Guid is 0 or ulong.MaxValue)
            GiveGuid();
        return Error.None;
    }

    private ulong ReadGuid() => (ulong)_registers.GuidHigh.Read() << 32 | _registers.GuidLow.Read();

    // Neither the card's memory nor the firmware had one: then the registers can be written, once (5.5.5). It is for this start alone, and says that
    // nobody assigned it (bit 1 of the first byte).
    private void GiveGuid()
    {
        const ulong local = 0x0200_0000_0000_0000, scatter = 0x9E37_79B9_7F4A_7C15;
        ulong given = local | Clock.Microseconds * scatter >> 8;
        _registers.GuidHigh.Write((uint)(given >> 32));
        _registers.GuidLow.Write((uint)given);
        Guid = ReadGuid();
        if (Guid == given)
            Log.Warn($"ohci1394: {Function.Address} has no GUID: until a restart it is {given:x}");
        else
            Log.Warn($"ohci1394: {Function.Address} has no GUID: other nodes may leave it alone");
    }

    private Error TryMakeMemory()
    {
        Error error = _dma.TryAllocateCoherent(2 * RomQuadlets + SelfIdQuadlets, out _page);
        if (error == Error.None)
            error = _requests.TryMake();
        if (error == Error.None)
            error = _responses.TryMake();
        if (error == Error.None)
            error = _requestsIn.TryMake(_dma);
        if (error == Error.None)
            error = _responsesIn.TryMake(_dma);
        return error;
    }

    // All that a reset undoes; the link goes on the bus.
    private void Enable()
    {
        const uint fromAllBuses = 1u << 31;
        _registers.HcClear.Write(HcControl.NoByteSwap);
        _registers.SelfIdBuffer.Write(QuadletAddress(SelfIdStart));
        _registers.LinkClear.Write(LinkControl.All);
        _registers.LinkSet.Write(LinkControl.ReceiveSelfId | LinkControl.ReceivePhy | LinkControl.CycleTimerEnable | (_isCycleMaster ? LinkControl.CycleMaster : 0));
        _registers.Retries.Write(Retries);
        _registers.Fairness.Write(0);
        _registers.RequestFilterSet(isHigh: true).Write(fromAllBuses);
        // Where there is this register, nothing says what a reset leaves in it (5.15); all that 32 bits reach is physical memory.
        _registers.PhysicalUpperBound.Write(1u << 16);
        ShutPhysicalMemory();
        PutRom();
        // A reset leaves neither in any known state but the mask's master (6.1, 6.2).
        _registers.MaskClear.Write(Events.All);
        _registers.EventClear.Write(Events.All);
        _requestsIn.Start();
        _responsesIn.Start();
        _registers.HcSet.Write(HcControl.LinkEnable | HcControl.RomIsValid);
        _armed = Wanted;
        _noted = Events.None;
        _isMasked = false;
        _registers.MaskSet.Write(_armed | Events.Master);
    }

    /// <summary>Whether it keeps memory for good, as nothing proves that it leaves that alone.</summary>
    public bool Abandoned { get; private set; }

    /// <inheritdoc/>
    public override void Quiesce()
    {
        if (_state != State.Running)
            return;
        _isInReset = true;
        _bus.ResetBegan();
        GiveUp();
    }

    // No DMA any more, as far as registers do that: what was under way ends with it.
    private void Silence()
    {
        _registers.MaskClear.Write(Events.All);
        _armed = Events.None;
        _requests.Stop().Ignore("the reset stops it"u8);
        _responses.Stop().Ignore("the reset stops it"u8);
        _requestsIn.Stop().Ignore("the reset stops it"u8);
        _responsesIn.Stop().Ignore("the reset stops it"u8);
        SilenceStreams();
        _registers.HcClear.Write(HcControl.LinkEnable);
        SoftReset().Ignore("without the right to be bus master it writes nothing"u8);
        Function.DisableBusMaster();
        _requests.Forget();
        _responses.Forget();
        _requestsIn.Forget();
        _responsesIn.Forget();
    }

    // For good: packets go back to the bus, memory where it came from.
    private void GiveUp()
    {
        _state = State.Stopped;
        _work.Stop();
        DisconnectInterrupt();
        Silence();
        FlushTransmit(AckCode.NotSent);
        if ((Function.Command.Read() & PciCommand.BusMaster) != 0 && !Function.IsGone)
        {
            Abandoned = true;
            EndStreams(keepsMemory: true);
            Log.Warn($"ohci1394: {Function.Address} cannot be kept from memory; it keeps what it has");
            return;
        }
        EndStreams(keepsMemory: false);
        _requests.Free();
        _responses.Free();
        _requestsIn.Free();
        _responsesIn.Free();
        if (!_page.IsEmpty)
            DmaDevice.Free(ref _page);
    }

    private uint QuadletAddress(int index) => (uint)_page.AddressOf(index).Value;
}
