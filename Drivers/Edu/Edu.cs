using System;
using System.Threading;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Drivers.Edu;

/// <summary>
/// QEMU's educational device: computes factorials, interrupts on demand, and moves bytes between memory and a small memory of its own.
/// Small enough to show what a driver is; the self-tests make interrupts and DMA with it. Source: QEMU, docs/specs/edu.
/// </summary>
public sealed partial class Edu : Driver
{
    private const uint IdentificationMask = 0xFF, Identification = 0xED;

    /// <summary>Cause that the device gives when a factorial is done.</summary>
    public const uint FactorialDone = 1;

    // The device computes in a thread of its own, a multiplication at a time; under load that takes a while.
    private const ulong FactorialMicroseconds = 1_000_000;

    private readonly EduRegisters _registers;
    private uint _causes;
    private int _interrupts;

    private Edu(PciFunction function, EduRegisters registers) : base(function) => _registers = registers;

    public override ReadOnlySpan<byte> Name => "edu"u8;

    /// <summary>Interrupts that the device had asked for when the handler looked.</summary>
    public int Interrupts => Volatile.Read(ref _interrupts);

    /// <summary>Causes seen that no <see cref="WaitForCause"/> has taken yet.</summary>
    public uint Causes => Volatile.Read(ref _causes);

    /// <summary>
    /// Identifies the device, checks that it lives, and connects its interrupt; on an error it is left quiet, and without the right to
    /// read and write memory.
    /// </summary>
    public static Error Probe(PciFunction pci, out Driver? driver)
    {
        driver = null;
        if (!pci.TryMapRegisters(0, EduRegisters.Bytes, out RegisterBlock bar))
            return Error.NotSupported;
        var edu = new Edu(pci, new EduRegisters(bar));
        Error error = edu.Start();
        if (error == Error.None)
        {
            driver = edu;
            return Error.None;
        }
        pci.DisableInterrupt();
        pci.DisableBusMaster();
        return error;
    }

    private Error Start()
    {
        Error error = Function.Dma.TrySetMasks(AddressBits, AddressBits);
        if (error != Error.None)
            return error;
        // Whoever had the device before may have left a transfer running, into memory that is ours now.
        Function.DisableBusMaster();
        error = Function.EnableMemory();
        if (error == Error.None)
            error = Identify();
        if (error != Error.None)
            return error;
        Silence();
        error = WaitUntilIdle(out _);
        if (error != Error.None)
            return error;
        if (!TryUseInterrupt(InterruptKinds.All))
            return Error.NoResources;
        return Function.EnableMemoryAndBusMaster();
    }

    /// <summary>Connects the interrupt anew, by one of the ways allowed; false if none works: then there is none.</summary>
    public bool TryUseInterrupt(InterruptKinds allowed)
    {
        Function.DisableInterrupt();
        return Function.TryEnableInterrupt(this, Name, allowed, out _);
    }

    /// <summary>Asks what the device is and whether it answers.</summary>
    public Error Identify()
    {
        uint identification = _registers.Identification.Read();
        if (identification == uint.MaxValue)
            return Error.DeviceGone;
        if ((identification & IdentificationMask) != Identification)
            return Error.NotSupported;
        const uint pattern = 0x1234_5678;
        _registers.Liveness.Write(pattern);
        return _registers.Liveness.Read() == ~pattern ? Error.None : Error.Malformed;
    }

    /// <summary>
    /// Has the device compute a factorial, modulo 2^32, and waits for the interrupt that says it is done; at most a second.
    /// Not in interrupt handlers.
    /// </summary>
    public Error Factorial(uint number, out uint factorial)
    {
        factorial = 0;
        if ((_registers.Status.Read() & EduStatus.Computing) != 0)
            return Function.IsGone ? Error.DeviceGone : Error.Busy;
        TakeCauses(FactorialDone);
        _registers.Status.Write(EduStatus.InterruptWhenDone);
        _registers.Factorial.Write(number);
        Error error = WaitForCause(FactorialDone, FactorialMicroseconds);
        EduStatus status = _registers.Status.Read();
        _registers.Status.Write(0);
        if (status == EduStatus.Gone)
            return Error.DeviceGone;
        if (error != Error.None)
            return error;
        factorial = _registers.Factorial.Read();
        // No factorial is odd but 1, so all ones mean that nobody answers.
        return factorial == uint.MaxValue ? Error.DeviceGone : Error.None;
    }

    /// <summary>Has the device interrupt with some causes.</summary>
    public void Raise(uint causes) => _registers.Raise.Write(causes);

    /// <summary>Waits, asleep, until the handler has seen all of some causes, and takes them.</summary>
    public Error WaitForCause(uint causes, ulong microseconds)
    {
        Deadline end = Deadline.In(microseconds);
        while ((Causes & causes) != causes)
        {
            if (end.Passed)
                return Function.IsGone ? Error.DeviceGone : Error.Timeout;
            WorkLoop.Turn(end);
        }
        TakeCauses(causes);
        return Error.None;
    }

    /// <inheritdoc/>
    public override bool OnInterrupt()
    {
        uint causes = _registers.Causes.Read();
        if (causes is 0 or uint.MaxValue)       // a neighbour's, or the device was pulled
            return false;
        _registers.Acknowledge.Write(causes);
        _causes |= causes;
        _interrupts++;
        return true;
    }

    /// <inheritdoc/>
    public override void Quiesce()
    {
        Function.DisableBusMaster();
        Silence();
    }

    // No interrupt when a factorial is done, and none that stands.
    private void Silence()
    {
        _registers.Status.Write(0);
        _registers.Acknowledge.Write(uint.MaxValue);
    }

    // The handler may add to the causes at any time.
    private void TakeCauses(uint causes)
    {
        bool interrupts = Cpu.DisableInterrupts();
        _causes &= ~causes;
        Cpu.RestoreInterrupts(interrupts);
    }
}
