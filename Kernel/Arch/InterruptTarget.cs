using System.Runtime.CompilerServices;
using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>What a vector leads to. Interrupts are off in all members that the dispatch calls.</summary>
internal abstract class InterruptTarget
{
    /// <summary>Calls whom the interrupt is for.</summary>
    public abstract void Deliver();
}

/// <summary>A handler and what is known of it: the target of a message's vector, one of several on a line, or polled.</summary>
internal sealed class InterruptSlot(int token) : InterruptTarget
{
    private IInterruptHandler? _handler;
    private InterruptName _name;
    private ulong _claimed, _unclaimed;
    private bool _remembered;

    /// <summary>Its number in tokens.</summary>
    public int Token { get; } = token;

    public InterruptRoute Route { get; set; }

    /// <summary>The vector of a message.</summary>
    public byte Vector { get; private set; }

    /// <summary>Messages in the block that begins here; 0 inside of a block.</summary>
    public int BlockLength { get; private set; }

    /// <summary>The line, if it was taken for one.</summary>
    public SharedLine? Line { get; private set; }

    /// <summary>The next one on the same line.</summary>
    public InterruptSlot? NextOnLine { get; set; }

    /// <summary>Microseconds between polls; 0: not polled.</summary>
    public ulong PollInterval { get; set; }

    /// <summary>When it is polled next.</summary>
    public ulong NextPoll { get; set; }

    /// <summary>Polls in a row that found an interrupt of which the line had said nothing.</summary>
    public int SilentClaims { get; set; }

    /// <summary>How often it is masked now.</summary>
    public int Masks { get; private set; }

    public bool IsTaken => Route != InterruptRoute.None;

    /// <summary>The handler's name, for people.</summary>
    public InterruptName Name => _name;

    /// <summary>Takes it for a message, or one of a block.</summary>
    public void TakeMessage(IInterruptHandler handler, InterruptName name, byte vector, int blockLength)
    {
        Take(handler, name, InterruptRoute.Message);
        Vector = vector;
        BlockLength = blockLength;
    }

    /// <summary>Takes it for a line, which may be none.</summary>
    public void TakeLine(IInterruptHandler handler, InterruptName name, InterruptRoute route, SharedLine? line)
    {
        Take(handler, name, route);
        Line = line;
    }

    /// <summary>Makes it free again.</summary>
    public void Release()
    {
        Route = InterruptRoute.None;
        _handler = null;
        Line = null;
        NextOnLine = null;
        PollInterval = 0;
    }

    public override void Deliver() => TryCall();

    /// <summary>Calls the handler, or remembers the interrupt if it is masked; false if the handler did not claim it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryCall()
    {
        if (Masks != 0)
        {
            _remembered = true;
            return true;
        }
        bool claimed = _handler!.OnInterrupt();
        if (claimed)
            _claimed = _claimed + 1;
        else
            _unclaimed = _unclaimed + 1;
        return claimed;
    }

    /// <summary>Holds calls back.</summary>
    public void Mask() => Masks++;

    /// <summary>Lets calls through again if this was the last mask; true if one was held back meanwhile.</summary>
    public bool Unmask()
    {
        Bug.If(Masks == 0, "interrupt unmasked more often than masked"u8);
        Masks--;
        if (Masks != 0 || !_remembered)
            return false;
        _remembered = false;
        return true;
    }

    /// <summary>For people.</summary>
    public InterruptUse Describe() => new()
    {
        Route = Route,
        Vector = Line?.Vector ?? Vector,
        Line = Line?.Interrupt ?? 0,
        Claimed = _claimed,
        Unclaimed = _unclaimed,
        IsMasked = Masks != 0 || Line is { IsShut: true },
        Name = _name,
    };

    private void Take(IInterruptHandler handler, InterruptName name, InterruptRoute route)
    {
        _handler = handler;
        _name = name;
        _claimed = _unclaimed = 0;
        _remembered = false;
        Route = route;
        Vector = 0;
        BlockLength = 0;
        Masks = 0;
        SilentClaims = 0;
    }
}
