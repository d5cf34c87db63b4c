using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Sluice.Platform;

/// <summary>Whom a device's interrupt is for.</summary>
public interface IInterruptHandler
{
    /// <summary>
    /// Asks the device whether it interrupts; if so, acknowledges it there, notes what happened and returns true. False: not this
    /// device (a neighbour on the line, or nothing to do). Runs with interrupts off: no allocation, lock or wait; work goes to a
    /// <see cref="WorkItem"/>.
    /// </summary>
    [InterruptPath]
    bool OnInterrupt();
}

/// <summary>
/// What a function writes where to interrupt: an MSI or MSI-X message. Message number i of a block that was taken at once
/// has <see cref="Data"/> + i at the same address. Source: PCI Local Bus 3.0, section 6.8.
/// </summary>
public readonly struct InterruptMessage(ulong address, uint data)
{
    /// <summary>Where to write; a multiple of 4.</summary>
    public ulong Address { get; } = address;

    /// <summary>What to write. For a block its low bits are zero, as MSI lets the function fill them in.</summary>
    public uint Data { get; } = data;
}

/// <summary>How a handler comes to be called.</summary>
public enum InterruptRoute : byte
{
    /// <summary>Not taken.</summary>
    None,

    /// <summary>By a message (MSI, MSI-X).</summary>
    Message,

    /// <summary>By a line whose routing is known.</summary>
    Line,

    /// <summary>By a line that firmware's interrupt line register names; a timer polls as well until the line has proved itself.</summary>
    GuessedLine,

    /// <summary>By a timer: no line is known, it is silent, or it was shut off because nobody claimed its interrupts.</summary>
    Polled,
}

/// <summary>How a line signals.</summary>
public enum LineTrigger : byte
{
    /// <summary>By going up once; not shared.</summary>
    EdgeHigh,

    /// <summary>By going down once; not shared.</summary>
    EdgeLow,

    /// <summary>While it is high.</summary>
    LevelHigh,

    /// <summary>While it is low: PCI's way.</summary>
    LevelLow,
}

/// <summary>Names an interrupt line.</summary>
public readonly struct InterruptLine
{
    private InterruptLine(Kind kind, uint number, LineTrigger trigger)
    {
        Named = kind;
        Number = number;
        Trigger = trigger;
    }

    /// <summary>How <see cref="Number"/> is to be read.</summary>
    public enum Kind : byte
    {
        /// <summary>A line of the ISA bus, 0 to 15; firmware's overrides apply.</summary>
        Isa,

        /// <summary>ACPI's global system interrupt, with its trigger.</summary>
        Global,

        /// <summary>What a PCI function's interrupt line register holds: the ISA line that firmware chose, or none.</summary>
        PciRegister,
    }

    public Kind Named { get; }

    public uint Number { get; }

    public LineTrigger Trigger { get; }

    /// <summary>An ISA line: keyboard 1, COM2 3, COM1 4 and so on.</summary>
    public static InterruptLine Isa(byte line) => new(Kind.Isa, line, LineTrigger.EdgeHigh);

    /// <summary>A global system interrupt whose routing is known.</summary>
    public static InterruptLine Global(uint number, LineTrigger trigger) => new(Kind.Global, number, trigger);

    /// <summary>INTx of a function: the byte at offset 0x3C of its configuration space. 0 and 255 mean that firmware chose none.</summary>
    public static InterruptLine Pci(byte interruptLineRegister) => new(Kind.PciRegister, interruptLineRegister, LineTrigger.LevelLow);
}

/// <summary>What was taken from an <see cref="InterruptController"/>, to give it back with; the default is nothing.</summary>
public readonly struct InterruptToken(int value)
{
    /// <summary>The controller's number for it; 0 for nothing.</summary>
    public int Value { get; } = value;

    public bool IsValid => Value != 0;
}

/// <summary>One handler's place, for people.</summary>
public struct InterruptUse
{
    public InterruptRoute Route;

    /// <summary>The CPU's vector, or 0 if polled.</summary>
    public byte Vector;

    /// <summary>The global system interrupt of a line.</summary>
    public uint Line;

    /// <summary>Times that the handler was called and claimed the interrupt.</summary>
    public ulong Claimed;

    /// <summary>Times that it was called and did not.</summary>
    public ulong Unclaimed;

    public bool IsMasked;

    public InterruptName Name;
}

/// <summary>What happened since the start, over all handlers.</summary>
public struct InterruptTotals
{
    /// <summary>Interrupts that somebody had asked for.</summary>
    public ulong Delivered;

    /// <summary>The CPU's spurious interrupts: a source gave up before it was asked.</summary>
    public ulong Spurious;

    /// <summary>Interrupts with a vector that nobody had taken.</summary>
    public ulong Unknown;

    /// <summary>Errors that the interrupt controller reported.</summary>
    public ulong Errors;

    /// <summary>Lines shut off because nobody claimed their interrupts.</summary>
    public ulong LinesShutOff;
}

/// <summary>A handler's name for people: up to 23 bytes, the rest is cut off.</summary>
[InlineArray(24)]
public struct InterruptName
{
    private byte _first;

    /// <summary>Copies a name.</summary>
    public static InterruptName From(ReadOnlySpan<byte> text)
    {
        InterruptName name = default;
        for (int i = 0; i < text.Length && i < 23; i++)
            name[i] = text[i];
        return name;
    }

    /// <summary>The text.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Text
    {
        get
        {
            int length = 0;
            while (length < 23 && this[length] != 0)
                length++;
            return ((ReadOnlySpan<byte>)this)[..length];
        }
    }
}

/// <summary>
/// Gives device drivers their interrupts: <see cref="Machine.Interrupts"/>. Taking and releasing is for the start and the end of a
/// driver, not for interrupt handlers: the first use of a vector or line makes an object, which is kept.
/// </summary>
public abstract class InterruptController
{
    /// <summary>
    /// Takes a message for MSI with one message, or for one MSI-X vector (a driver with several takes several, each with a handler of
    /// its own). False: no vector is free, or this machine cannot route messages; then ask for a line.
    /// </summary>
    [NotInInterrupt]
    public bool TryTakeMessage(IInterruptHandler handler, ReadOnlySpan<byte> name,
        out InterruptToken token, out InterruptMessage message) =>
        TryTakeMessages(new ReadOnlySpan<IInterruptHandler>(in handler), name, out token, out message);

    /// <summary>
    /// Takes a block for MSI with several messages: 1, 2, 4, 8, 16 or 32 handlers, message i calls handler i. False as for one.
    /// </summary>
    [NotInInterrupt]
    public abstract bool TryTakeMessages(ReadOnlySpan<IInterruptHandler> handlers, ReadOnlySpan<byte> name,
        out InterruptToken token, out InterruptMessage first);

    /// <summary>
    /// Takes a line. Where it cannot be routed, or its routing is a guess, a timer polls the handler too:
    /// <see cref="RouteOf"/> says which, and so does the log. Level-triggered lines are shared: all handlers are asked. False: the
    /// table is full, or the line is in use with another trigger (a PCI function is polled then).
    /// </summary>
    [NotInInterrupt]
    public abstract bool TryTakeLine(InterruptLine line, IInterruptHandler handler, ReadOnlySpan<byte> name, out InterruptToken token);

    /// <summary>Calls the handler by timer each so many microseconds (at least 100). False: the table is full.</summary>
    [NotInInterrupt]
    public abstract bool TryTakePolling(ulong microseconds, IInterruptHandler handler, ReadOnlySpan<byte> name, out InterruptToken token);

    /// <summary>Gives back what was taken and empties the token. The device must be silent; no handler is called afterwards.</summary>
    [NotInInterrupt]
    public abstract void Release(ref InterruptToken token);

    /// <summary>
    /// Holds interrupts back: a message is remembered and delivered when unmasked, a line waits (with all that share it). Counts:
    /// as many unmasks as masks. Any context.
    /// </summary>
    public abstract void Mask(InterruptToken token);

    /// <summary>Undoes one <see cref="Mask"/>. Any context.</summary>
    public abstract void Unmask(InterruptToken token);

    /// <summary>How the handler comes to be called now; it may change while the kernel runs.</summary>
    public abstract InterruptRoute RouteOf(InterruptToken token);

    /// <summary>What happened since the start.</summary>
    public abstract InterruptTotals Totals { get; }

    /// <summary>Has an interrupt handled that ended a sleep (<see cref="Cpu.WaitForInterrupt"/>). Interrupts off.</summary>
    [InterruptPath]
    public abstract void Deliver(byte vector);

    /// <summary>Walks over all that is taken: messages, then lines and what is polled; start with 0. False at the end.</summary>
    public abstract bool TryNext(ref int position, out InterruptUse use);
}
