using System;
using System.Collections.Generic;

namespace Sluice.Platform;

/// <summary>
/// The hosted twin of the interrupt controllers: simulated devices send messages and move lines, handlers are called at once, or as soon
/// as the code under test lets interrupts in. Making one plugs it into this thread's <see cref="Machine"/>.
/// </summary>
public sealed class SimulatedInterrupts : InterruptController
{
    /// <summary>Unclaimed calls in a row after which a line is shut off.</summary>
    public const int StormBound = 100;

    private const ulong MessageAddress = 0xFEE0_0000;
    private readonly List<Use> _uses = [];
    private readonly SortedDictionary<uint, bool> _levels = [];
    private readonly Queue<Action> _pending = new();
    private readonly bool[] _vectors = new bool[256];
    private int _nextLine;
    private ulong _delivered, _linesShutOff;
    private bool _delivering;

    public SimulatedInterrupts()
    {
        // A test of a panic may have left this thread with interrupts off, and with the wires of a machine that is gone.
        Cpu.OnInterruptsEnabled = null;
        Cpu.EnableInterrupts();
        Machine.Interrupts = this;
        Cpu.OnInterruptsEnabled = Deliver;
    }

    /// <summary>Vectors that may be handed out; a test lowers it to see a driver fall back.</summary>
    public int VectorsLeft { get; set; } = 190;

    /// <summary>Whether ISA and PCI lines lead anywhere; otherwise they are polled.</summary>
    public bool LinesAreRouted { get; set; } = true;

    /// <summary>Messages that nobody had taken: a device wrote a wrong address or datum, or wrote after the release.</summary>
    public int Stray { get; private set; }

    public override InterruptTotals Totals => new() { Delivered = _delivered, Unknown = (ulong)Stray, LinesShutOff = _linesShutOff };

    /// <summary>Handlers in place.</summary>
    public int Taken => _uses.Count;

    public override bool TryTakeMessages(ReadOnlySpan<IInterruptHandler> handlers, ReadOnlySpan<byte> name,
        out InterruptToken token, out InterruptMessage first)
    {
        int count = handlers.Length;
        Bug.If(count is < 1 or > 32 || (count & count - 1) != 0, "message blocks have 1, 2, 4, 8, 16 or 32 messages"u8);
        token = default;
        first = default;
        int vector = 48;
        while (vector < 240 && Array.IndexOf(_vectors, true, vector, count) >= 0)
            vector += count;
        if (VectorsLeft < count || vector >= 240)
            return false;
        VectorsLeft -= count;
        token = new InterruptToken(vector);
        first = new InterruptMessage(MessageAddress, (uint)vector);
        foreach (IInterruptHandler handler in handlers)
        {
            _vectors[vector] = true;
            _uses.Add(new Use(handler, name, token) { Route = InterruptRoute.Message, Vector = vector++ });
        }
        return true;
    }

    public override bool TryTakeLine(InterruptLine line, IInterruptHandler handler, ReadOnlySpan<byte> name, out InterruptToken token)
    {
        bool none = line.Named == InterruptLine.Kind.PciRegister && line.Number is 0 or 255;
        InterruptRoute route = none || !LinesAreRouted ? InterruptRoute.Polled
            : line.Named == InterruptLine.Kind.PciRegister ? InterruptRoute.GuessedLine : InterruptRoute.Line;
        token = default;
        foreach (Use other in _uses)
        {
            bool shares = route != InterruptRoute.Polled && other.IsOn(line.Number);
            if (shares && (line.Trigger < LineTrigger.LevelHigh || other.Trigger < LineTrigger.LevelHigh))
                return false;
        }
        token = new InterruptToken(1000 + _nextLine++);
        _uses.Add(new Use(handler, name, token) { Route = route, Line = line.Number, Trigger = line.Trigger });
        Evaluate(line.Number);
        return true;
    }

    public override bool TryTakePolling(ulong microseconds, IInterruptHandler handler, ReadOnlySpan<byte> name, out InterruptToken token)
    {
        token = new InterruptToken(1000 + _nextLine++);
        _uses.Add(new Use(handler, name, token) { Route = InterruptRoute.Polled });
        return true;
    }

    /// <summary>No CPU sleeps here.</summary>
    public override void Deliver(byte vector) => throw new NotSupportedException();

    public override void Release(ref InterruptToken token)
    {
        InterruptToken released = token;
        Bug.If(_uses.RemoveAll(use => use.Token.Value == released.Value && Free(use)) == 0, "interrupt released twice"u8);
        token = default;
    }

    public override void Mask(InterruptToken token) => Find(token, use => use.Masks++);

    public override void Unmask(InterruptToken token)
    {
        Find(token, use =>
        {
            Bug.If(use.Masks == 0, "interrupt unmasked more often than masked"u8);
            if (--use.Masks == 0 && use.Remembered)
            {
                use.Remembered = false;
                Enqueue(() => Call(use));
            }
        });
        foreach (uint line in new List<uint>(_levels.Keys))
            Evaluate(line);
    }

    public override InterruptRoute RouteOf(InterruptToken token) =>
        _uses.Find(use => use.Token.Value == token.Value)?.Route ?? InterruptRoute.None;

    public override bool TryNext(ref int position, out InterruptUse use)
    {
        use = position < _uses.Count ? _uses[position].Describe() : default;
        return position++ < _uses.Count;
    }

    /// <summary>A device's write of a message to memory.</summary>
    public void Send(ulong address, uint data)
    {
        Use? use = address == MessageAddress ? _uses.Find(u => u.Route == InterruptRoute.Message && u.Vector == data) : null;
        if (use == null)
            Stray++;
        else if (use.Masks != 0)
            use.Remembered = true;
        else
            Enqueue(() => Call(use));
    }

    /// <summary>A device raises or lowers its line (an ISA number or a global system interrupt, as it was taken).</summary>
    public void SetLine(uint line, bool raised)
    {
        bool before = _levels.GetValueOrDefault(line);
        _levels[line] = raised;
        if (!raised)
            return;
        foreach (Use use in _uses.FindAll(use => use.IsOn(line) && use.Trigger < LineTrigger.LevelHigh && !before))
        {
            if (use.Masks == 0)
                Enqueue(() => Call(use));
        }
        Evaluate(line);
    }

    /// <summary>What the timer does for handlers that are polled, or whose line is a guess.</summary>
    public void Poll()
    {
        foreach (Use use in _uses.FindAll(use => use.Route is InterruptRoute.Polled or InterruptRoute.GuessedLine && use.Masks == 0))
            Enqueue(() => Call(use));
    }

    // A raised level line interrupts until the handlers have made the device lower it, or until nobody wants it.
    private void Evaluate(uint line)
    {
        if (!_levels.GetValueOrDefault(line))
            return;
        Enqueue(() =>
        {
            int unclaimed = 0;
            List<Use> sharing = _uses.FindAll(use => use.IsOn(line) && use.Trigger >= LineTrigger.LevelHigh);
            while (sharing.Count != 0 && _levels[line] && sharing.TrueForAll(use => use.Masks == 0))
            {
                bool claimed = false;
                foreach (Use use in sharing)
                    claimed |= Call(use);
                unclaimed = claimed ? 0 : unclaimed + 1;
                if (unclaimed < StormBound)
                    continue;
                _linesShutOff++;
                foreach (Use use in sharing)
                    use.Route = InterruptRoute.Polled;
                return;
            }
        });
    }

    private bool Free(Use use)
    {
        if (use.Route == InterruptRoute.Message)
        {
            _vectors[use.Vector] = false;
            VectorsLeft++;
        }
        use.Route = InterruptRoute.None;
        return true;
    }

    private void Find(InterruptToken token, Action<Use> action)
    {
        List<Use> found = _uses.FindAll(use => use.Token.Value == token.Value);
        Bug.If(found.Count == 0, "not an interrupt that is taken"u8);
        found.ForEach(action);
    }

    private void Enqueue(Action interrupt)
    {
        _pending.Enqueue(interrupt);
        if (Cpu.InterruptsEnabled)
            Deliver();
    }

    private void Deliver()
    {
        if (_delivering || _pending.Count == 0)
            return;
        _delivering = true;
        Cpu.DisableInterrupts();
        while (_pending.TryDequeue(out Action? interrupt))
        {
            interrupt();
            _delivered++;
            Machine.Work.NoteInterrupt();
        }
        _delivering = false;
        Cpu.RestoreInterrupts(true);
    }

    private static bool Call(Use use)
    {
        if (use.Route == InterruptRoute.None)
            return false;
        bool claimed = use.Handler.OnInterrupt();
        if (claimed)
            use.Claimed++;
        else
            use.Unclaimed++;
        return claimed;
    }

    private sealed class Use(IInterruptHandler handler, ReadOnlySpan<byte> name, InterruptToken token)
    {
        private readonly InterruptName _name = InterruptName.From(name);

        public IInterruptHandler Handler { get; } = handler;
        public InterruptToken Token { get; } = token;
        public InterruptRoute Route;
        public int Vector;
        public uint Line;
        public LineTrigger Trigger;
        public int Masks;
        public bool Remembered;
        public ulong Claimed, Unclaimed;

        public bool IsOn(uint line) => Route is InterruptRoute.Line or InterruptRoute.GuessedLine && Line == line;

        public InterruptUse Describe() => new()
        {
            Route = Route,
            Vector = (byte)Vector,
            Line = Line,
            Claimed = Claimed,
            Unclaimed = Unclaimed,
            IsMasked = Masks != 0,
            Name = _name,
        };
    }
}
