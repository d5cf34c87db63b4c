using System;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Drivers.I8255x;

/// <summary>
/// Intel's 82557, 82558, 82559, 82550, 82551 and 82562: the PCI descendants of the 82596. A command unit works through a list of
/// command blocks, a receive unit through a list of receive frames; both lists are in memory, and links lead through them. Which block
/// or frame comes next is known here as well, so links that the device could change are never believed.
/// Source: Intel 8255x 10/100 Mbps Ethernet Controller Family Open Source Software Developer Manual, revision 1.3.
/// </summary>
public sealed partial class I8255x : Driver, INetworkDevice, IWork, ITimerHandler
{
    /// <summary>Intel.</summary>
    public const ushort Vendor = 0x8086;

    // Cards up to the 82559 have one id, and say by the revision what they are.
    private const ushort Ids82557 = 0x1229;
    private const byte FirstRevision82558 = 4;

    private const int AddressBits = 32;
    private const ulong ResetMicroseconds = 20, AcceptMicroseconds = 100;

    private readonly I8255xRegisters _registers;
    private readonly DmaDevice _dma;
    private readonly byte[] _place;
    private NetworkCounters _counters;
    private State _state;

    private I8255x(PciFunction function, I8255xRegisters registers) : base(function)
    {
        _registers = registers;
        _dma = function.Dma;
        Utf8Message place = $"i8255x {function.Address}";
        _place = new byte[place.Text.Length];
        place.Text.CopyTo(_place);
        _sent = new DeviceFrame[TransmitBlocks];
        _sentRest = new DeviceFrame[TransmitBlocks * (CommandBlock.MostPieces - 1)];
        _receive = new DeviceFrame[ReceiveFrames];
        _masksCauses = function.DeviceId != Ids82557 || function.Revision >= FirstRevision82558;
        _service = new WorkItem(this);
        _watchdog = new Timer(this);
    }

    // What may be done with the device.
    private enum State : byte
    {
        /// <summary>It does nothing; a start may be tried again.</summary>
        Halted,
        Running,

        /// <summary>It does not answer, was stopped for good, or cannot be kept from memory.</summary>
        Dead,
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Name => "i8255x"u8;

    ReadOnlySpan<byte> INetworkDevice.Name => _place;

    /// <inheritdoc/>
    public MacAddress Address { get; private set; }

    /// <inheritdoc/>
    public ulong Guid => 0;

    /// <inheritdoc/>
    public LinkState Link { get; private set; }

    /// <summary>Whether packets can come and go: it is there, and not to be reset.</summary>
    public bool IsRunning => _state == State.Running;

    /// <inheritdoc/>
    public uint LongestFrame => 1514;

    /// <inheritdoc/>
    public NetworkFeatures Features => NetworkFeatures.None;

    /// <inheritdoc/>
    public NetworkCounters Counters => _counters;

    /// <summary>What this kind of device can do wrong beside.</summary>
    public I8255xFaults Faults => _faults with { InterruptStorms = _guard.Storms };

    /// <inheritdoc/>
    public WorkItem? Listener { get; set; }

    /// <summary>The family: cards of their own, and the controllers in Intel's chip sets that share the programming model.</summary>
    public static ReadOnlySpan<ushort> Devices =>
    [
        0x1229, 0x1209, 0x2449, 0x1029, 0x1030, 0x1031, 0x1032, 0x1033, 0x1034, 0x1038, 0x1039,
        0x1050, 0x1051, 0x1052, 0x1053, 0x1054, 0x1055, 0x1056, 0x1057, 0x1059,
    ];

    /// <summary>
    /// Resets the card, has it test itself, reads who it is and starts it; on an error it is left quiet, and without the right to read and
    /// write memory. Takes some 30 ms, for the EEPROM.
    /// </summary>
    public static Error Probe(PciFunction pci, out Driver? driver)
    {
        driver = null;
        if (!pci.TryMapRegisters(0, I8255xRegisters.Bytes, out RegisterBlock bar))
            return Error.NotSupported;
        var nic = new I8255x(pci, new I8255xRegisters(bar));
        Error error = nic.Start();
        if (error == Error.None)
        {
            driver = nic;
            return Error.None;
        }
        nic.Abandon();
        return error;
    }

    private Error Start()
    {
        Error error = _dma.TrySetMasks(AddressBits, AddressBits);
        if (error == Error.None)
            error = Function.EnableMemory();
        if (error != Error.None)
            return error;
        if (!TryHalt())
            return Function.IsGone ? Error.DeviceGone : Error.NotSupported;
        _pass = _dma.PassWith(_dma.Frames);
        error = ReadEeprom();
        if (error != Error.None)
            return error;
        FindPhy();
        error = Allocate();
        if (error == Error.None)
            error = Function.EnableMemoryAndBusMaster();
        if (error == Error.None)
            error = TestItself();
        if (error == Error.None)
            error = Begin();
        if (error != Error.None)
            return error;
        LookAtLink();
        // Without one it is polled, by whoever receives and by the watchdog.
        Function.TryEnableInterrupt(this, Name, InterruptKinds.Line, out _).Ignore("the watchdog polls"u8);
        _watchdog.Start(WatchdogMicroseconds);
        return Error.None;
    }

    /// <summary>Has the card test itself (8255x manual, section 6.3.3.2).</summary>
    private Error TestItself()
    {
        const uint unset = 0, failed = 1 << 2 | 1 << 3 | 1 << 5 | 1 << 12;
        const ulong microseconds = 10_000;
        _results[SelfTestAt].Write(unset);
        _results[SelfTestAt + 1].Write(uint.MaxValue);
        _registers.WritePort(_results.AddressOf(SelfTestAt));
        Deadline end = Deadline.In(microseconds);
        // The ROM's signature is not zero; the results come with it.
        while (_results[SelfTestAt].Read() == unset || _results[SelfTestAt + 1].Read() == uint.MaxValue)
        {
            if (end.Passed)
                return Function.IsGone ? Error.DeviceGone : Error.Timeout;
            Cpu.Pause();
        }
        return (_results[SelfTestAt + 1].Read() & failed) == 0 ? Error.None : Error.Malformed;
    }

    // From a device that is halted and a bus master to one that works.
    private Error Begin()
    {
        // After a reset all causes interrupt.
        _mask = ScbMask.All;
        _registers.Mask = _mask;
        _registers.Acknowledge(ScbEvents.AllCauses);
        _next = _done = 0;
        _ends = _odd = 0;
        _isActive = false;
        _mustStart = true;
        LinkBlocks();
        // All addresses are whole: nothing is added to them.
        _registers.PointAtNothing();
        Error error = Command(ScbCommand.LoadCommandBase);
        if (error != Error.None)
            return error;
        _registers.PointAtNothing();
        error = Command(ScbCommand.LoadReceiveBase);
        if (error != Error.None)
            return error;
        _registers.Point(_results.AddressOf(0));
        error = Command(ScbCommand.LoadCountersAddress);
        if (error == Error.None)
            error = Configure();
        if (error == Error.None)
            error = StartReceiver();
        if (error != Error.None)
            return error;
        _state = State.Running;
        _isHung = false;
        SetMask();
        return Error.None;
    }

    // Tells the units something; they take it within a few clocks of the bus. One that never does hangs.
    private Error Command(ScbCommand command)
    {
        if (_registers.Command != ScbCommand.None)
        {
            Error error = WaitUntilAccepted();
            if (error != Error.None)
                return error;
        }
        _registers.Command = command;
        return Error.None;
    }

    private Error WaitUntilAccepted()
    {
        Deadline end = Deadline.In(AcceptMicroseconds);
        while (true)
        {
            bool last = end.Passed;
            if (_registers.Command == ScbCommand.None)
                return Error.None;
            if (last)
                break;
            Cpu.Pause();
        }
        _faults.NeverAccepted++;
        return Function.IsGone ? Error.DeviceGone : Error.Timeout;
    }

    // Makes the device silent and keeps it from memory: what it had may be taken back. False if it cannot be kept from it.
    private bool TryHalt()
    {
        _state = State.Halted;
        _registers.WritePort(PortCommand.SelectiveReset);
        Clock.Delay(ResetMicroseconds);
        _registers.WritePort(PortCommand.SoftwareReset);
        Clock.Delay(ResetMicroseconds);
        _mask = ScbMask.All;
        _registers.Mask = _mask;
        Function.DisableBusMaster();
        return (Function.Command.Read() & PciCommand.BusMaster) == 0 || Function.IsGone;
    }

    // It will not work: it is silenced, and what it had is given back, unless it cannot be kept from that.
    private void Abandon()
    {
        _watchdog.Cancel();
        bool isQuiet = TryHalt();
        _state = State.Dead;
        Function.DisableInterrupt();
        Link = default;
        if (isQuiet)
        {
            TakeSentBack();
            TakeReceiveBack();
            Free();
            return;
        }
        _faults.Abandoned++;
        Log.Warn($"{_place}: cannot be kept from memory; it keeps what it has");
    }

    /// <inheritdoc/>
    public override void Quiesce()
    {
        if (_state != State.Dead)
            Abandon();
    }
}

/// <summary>What a device of this family did wrong, beside what <see cref="NetworkCounters"/> say.</summary>
public struct I8255xFaults
{
    /// <summary>Commands that the units did not accept in time.</summary>
    public ulong NeverAccepted;

    /// <summary>Times that the command unit did not do its blocks in time.</summary>
    public ulong CommandHangs;

    /// <summary>Blocks that were done, and had failed.</summary>
    public ulong FailedCommands;

    /// <summary>Times that the receive unit had come to the end of its list, or stopped for no reason, and was started again.</summary>
    public ulong ReceiverRestarts;

    /// <summary>Frames of the list that the receive unit left out.</summary>
    public ulong Skipped;

    /// <summary>Statistics that did not come in time.</summary>
    public ulong LostStatistics;

    /// <summary>Times that a cause stood whatever was done, and the interrupt was masked until the next look.</summary>
    public ulong InterruptStorms;

    /// <summary>Whether it could not be kept from memory, and keeps it.</summary>
    public ulong Abandoned;
}
