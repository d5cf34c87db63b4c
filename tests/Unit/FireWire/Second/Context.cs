using System;
using System.Buffers.Binary;

namespace Sluice.Tests.FireWire.Second;

/// <summary>
/// A DMA context: its ContextControl and CommandPtr, and how it goes from block to block. Source: 1394 OHCI 1.1, section 3.1.
/// </summary>
internal abstract class Context(SecondController controller, string name) : Unit(controller)
{
    private const uint RunBit = 1 << 15, WakeBit = 1 << 12, DeadBit = 1 << 11, ActiveBit = 1 << 10;

    private int _readsUntilIdle;
    private uint[]? _ahead;
    private uint _aheadOf;

    public string Name { get; } = name;

    public bool Run { get; private set; }

    public bool Wake { get; protected set; }

    public bool IsDead { get; private set; }

    public bool Active { get; protected set; }

    /// <summary>Address 31:4 and Z 3:0.</summary>
    public uint CommandPtr { get; protected set; }

    /// <summary>Bits 31:16 of isochronous contexts.</summary>
    public uint High { get; protected set; }

    /// <summary>The last event's code, and the speed of the last packet received.</summary>
    protected uint Event { get; set; }

    protected uint Speed { get; set; }

    /// <summary>It is at the end of its program: its block's branch led nowhere.</summary>
    protected bool IsAtEnd { get; set; }

    /// <summary>What is written of it into descriptors: bits 15:0 as they are now.</summary>
    protected uint Status => RunBit | (Wake ? WakeBit : 0) | ActiveBit | Lot.Reserved(0x6300) | Speed << 5 | Event;

    public override string ToString() => $"{Name} at {CommandPtr:x8}, run {Run}, active {Active}, wake {Wake}, at its end {IsAtEnd}, event {Event:x}";

    public uint ReadControl()
    {
        if (!Run && Active)
            WaitForIdle();
        return High | (Run ? RunBit : 0) | (Wake ? WakeBit : 0) | (IsDead ? DeadBit : 0) | (Active ? ActiveBit : 0) | Lot.Reserved(0x6300) | Speed << 5 | Event;
    }

    public void Set(uint bits)
    {
        SetHigh(bits);
        if ((bits & RunBit) != 0 && !Run)
        {
            if (Active)
                Controller.Complain($"{Name}: run is set while it is active (3.1.1.1)");
            Run = true;
            IsAtEnd = false;
            _ahead = null;
            Started();
            Kick();
        }
        if ((bits & WakeBit) == 0)
            return;
        if (!Run)
            Controller.Complain($"{Name}: woken without run (3.1.1.2)");
        if (Controller.Does(Oddity.LostWake))
            return;
        Wake = true;
        Kick();
    }

    public void Clear(uint bits)
    {
        ClearHigh(bits);
        if ((bits & RunBit) == 0 || !Run)
            return;
        Run = false;
        IsDead = false;
        _readsUntilIdle = Lot.Reads();
        Kick();
    }

    public void WritePointer(uint value)
    {
        if (Run || Active)
            Controller.Complain($"{Name}: CommandPtr is written while it runs (3.1.2)");
        CommandPtr = value;
    }

    /// <summary>It dies of something.</summary>
    public void Kill(uint code) => Die(code);

    /// <summary>What a reset of the controller leaves: run, dead and active are 0, the rest is anything.</summary>
    public override void Forget()
    {
        base.Forget();
        Run = IsDead = Active = IsAtEnd = false;
        Wake = (Lot.Reserved(1) & 1) != 0;
        CommandPtr = Lot.Reserved(uint.MaxValue);
        Event = Lot.Reserved(0x1F);
        Speed = 0;
        Reset();
    }

    protected virtual void SetHigh(uint bits)
    {
    }

    protected virtual void ClearHigh(uint bits)
    {
    }

    /// <summary>Begins at CommandPtr.</summary>
    protected virtual void Started()
    {
    }

    /// <summary>Forgets all that it had.</summary>
    protected abstract void Reset();

    /// <summary>Nothing of it is under way any more, so it may stop.</summary>
    protected abstract bool IsAtRest { get; }

    /// <summary>It cannot go on (3.1.1.3, 13.2).</summary>
    protected void Die(uint code)
    {
        Event = code;
        IsDead = true;
        Active = false;
        Reset();
        if (!Controller.Does(Oddity.SilentDeath))
            Controller.Raise(Bits.Unrecoverable);
    }

    /// <summary>Stops if it should, and nothing is under way.</summary>
    protected bool StopsNow()
    {
        if (Run || !IsAtRest)
            return false;
        if (_readsUntilIdle-- <= 0)
        {
            Active = false;
            Reset();
        }
        else
        {
            Kick();
        }
        return true;
    }

    /// <summary>The block at CommandPtr, or null and it is dead. The wake bit is cleared at each look (3.1.1.2).</summary>
    protected uint[]? Fetch()
    {
        Active = true;
        uint[]? ahead = _aheadOf == CommandPtr ? _ahead : null;
        _ahead = null;
        return ahead ?? Load(CommandPtr);
    }

    /// <summary>Reads what a branch leads to early, perhaps.</summary>
    protected void LookAhead(uint branch)
    {
        if ((branch & 0xF) == 0 || !Lot.Takes(Freedom.FetchesAhead))
            return;
        _aheadOf = branch;
        _ahead = Load(branch);
    }

    private uint[]? Load(uint pointer)
    {
        int count = (int)(pointer & 0xF);
        Wake = false;
        if (count is 0 or > 8)
        {
            Die(Second.Event.DescriptorRead);
            return null;
        }
        byte[] bytes = new byte[count * 16];
        int piece = Lot.Takes(Freedom.ReadsWholeBlocks) ? bytes.Length : 16;
        for (int i = 0; i < bytes.Length; i += piece)
        {
            if (Controller.Host.TryRead((pointer & ~0xFu) + (uint)i, bytes.AsSpan(i, piece)))
                continue;
            Die(Second.Event.DescriptorRead);
            return null;
        }
        uint[] words = new uint[count * 4];
        for (int i = 0; i < words.Length; i++)
            words[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4 * i));
        return words;
    }

    /// <summary>Goes where the block leads, if it leads anywhere: as it was read, or as it is now if somebody woke the context since.</summary>
    /// <param name="branch">What was read.</param>
    /// <param name="place">Where it was read.</param>
    protected bool TryFollow(uint branch, uint place)
    {
        if ((branch & 0xF) == 0 && (Wake || Lot.Takes(Freedom.LooksAgain)))
        {
            Wake = false;
            if (!Controller.Host.TryRead32(place, out branch))
            {
                Die(Second.Event.DescriptorRead);
                return false;
            }
        }
        if ((branch & 0xF) == 0)
        {
            IsAtEnd = true;
            Active = false;
            return false;
        }
        IsAtEnd = false;
        Active = true;
        CommandPtr = branch;
        return true;
    }

    /// <summary>Writes status and count of a descriptor at once; false if it is dead now.</summary>
    protected bool Tell(uint descriptor, uint count)
    {
        if (Controller.Host.TryWrite32(descriptor + 12, Status << 16 | count & 0xFFFF))
            return true;
        Die(Second.Event.DataWrite);
        return false;
    }

    // Who stops it looks until it has stopped; meanwhile time passes for it as well.
    private void WaitForIdle()
    {
        if (!Step() && Active)
            Controller.PassTime();
    }
}
