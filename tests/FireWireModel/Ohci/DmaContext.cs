using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Ohci;

/// <summary>
/// A DMA context: a program of descriptor blocks in memory, and the register that runs it. What the memory says is read once, and checked.
/// Source: 1394 OHCI 1.1, section 3.
/// </summary>
internal abstract class DmaContext(OhciController controller) : ITimed
{
    public const int MostDescriptors = 8, DescriptorBytes = 16;

    private const uint ZMask = 0xF, EventMask = 0x1F, SpeedMask = 0xE0;
    private const ContextControl Common = ContextControl.Run | ContextControl.Wake | ContextControl.Active | ContextControl.Dead;

    private static readonly long _lateWake = BusTime.Microseconds(2000);

    private uint _control, _commandPtr;

    protected OhciController Controller { get; } = controller;

    protected IOhciHost Host => Controller.Host;

    /// <summary>Address 31:4 and number of descriptors 3:0 of the block that is on or comes next.</summary>
    public uint CommandPtr
    {
        get => _commandPtr;
        set
        {
            if ((_control & (uint)(ContextControl.Run | ContextControl.Active)) == 0)
                _commandPtr = value;
        }
    }

    public uint Control => _control;

    public bool IsRunning => (_control & (uint)(ContextControl.Run | ContextControl.Dead)) == (uint)ContextControl.Run;

    public bool IsActive => (_control & (uint)ContextControl.Active) != 0;

    public bool IsDead => (_control & (uint)ContextControl.Dead) != 0;

    /// <summary>Which bits a kind has besides run and wake.</summary>
    protected virtual uint OwnBits => 0;

    /// <summary>Software sets bits.</summary>
    public void Set(uint bits)
    {
        uint before = _control;
        _control |= bits & (OwnBits | (uint)(ContextControl.Run | ContextControl.Wake));
        if ((_control & ~before & (uint)ContextControl.Run) != 0 && !IsDead)
        {
            Started();
        }
        else if ((bits & (uint)ContextControl.Wake) != 0)
        {
            if (Controller.FaultUnit.Has(OhciFaults.LateWake))
                Controller.Phy.Bus.Simulator.After(_lateWake, this, 0, Pace.RealTime);
            else
                Wake();
        }
    }

    void ITimed.Due(int what) => Wake();

    /// <summary>Software clears bits.</summary>
    public void Clear(uint bits)
    {
        uint before = _control;
        _control &= ~(bits & (OwnBits | (uint)ContextControl.Run));
        if ((before & ~_control & (uint)ContextControl.Run) != 0)
        {
            // What is dead comes to life again by this alone.
            _control &= ~(uint)Common;
            Stopped();
        }
    }

    /// <summary>As after power-on.</summary>
    public void Reset()
    {
        Stopped();
        _control = 0;
        _commandPtr = 0;
    }

    /// <summary>The first run: the block at the command pointer comes next.</summary>
    protected abstract void Started();

    /// <summary>Software linked more to the end of the program.</summary>
    protected abstract void Woken();

    /// <summary>Forgets what was under way.</summary>
    protected abstract void Stopped();

    protected void SetActive(bool active) => _control = active ? _control | (uint)ContextControl.Active : _control & ~(uint)ContextControl.Active;

    protected void ClearOwn(ContextControl bits) => _control &= ~(uint)bits;

    protected void SetEvent(EventCode code, int speed = 0) => _control = (_control & ~(EventMask | SpeedMask)) | (uint)code | ((uint)speed << 5);

    /// <summary>The upper half of a status quadlet: control as it is, with what happened.</summary>
    protected uint Status(EventCode code, int speed = 0)
    {
        SetEvent(code, speed);
        return _control << 16;
    }

    /// <summary>The program cannot go on. Source: 1394 OHCI 1.1, section 13.2.</summary>
    protected void Die(EventCode code)
    {
        SetEvent(code);
        SetActive(false);
        _control |= (uint)ContextControl.Dead;
        Controller.Interrupts.Raise(IntEvent.UnrecoverableError);
    }

    /// <summary>Goes on to the block that a branch address names.</summary>
    /// <returns>False if it names none: the context is inactive until it is woken.</returns>
    protected bool Go(uint branch)
    {
        bool isThere = (branch & ZMask) != 0;
        if (isThere)
            _commandPtr = branch;
        SetActive(isThere);
        return isThere;
    }

    /// <summary>Reads the block at the command pointer.</summary>
    /// <param name="block">Room for eight descriptors.</param>
    /// <returns>How many it has; 0, and the context is dead, if they cannot be read.</returns>
    protected int Fetch(Span<Descriptor> block)
    {
        int count = (int)(_commandPtr & ZMask);
        if (count is 0 or > MostDescriptors)
        {
            Die(EventCode.Unknown);
            return 0;
        }
        if (!Host.TryRead(_commandPtr & ~ZMask, MemoryMarshal.AsBytes(block)[..Math.Max(count * DescriptorBytes, Controller.DescriptorBytes)]))
        {
            Die(EventCode.DescriptorRead);
            return 0;
        }
        return count;
    }

    /// <summary>Where a descriptor of the block lies.</summary>
    protected uint AddressOf(int descriptor) => (_commandPtr & ~ZMask) + (uint)(descriptor * DescriptorBytes);

    private void Wake()
    {
        _control &= ~(uint)ContextControl.Wake;
        if (IsRunning)
            Woken();
    }
}

/// <summary>A descriptor as it lies in memory. Source: 1394 OHCI 1.1, section 7.1 and 10.1.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct Descriptor
{
    public const int OutputMore = 0, OutputLast = 1, InputMore = 2, InputLast = 3, StoreValue = 8;
    public const int KeyStandard = 0, KeyImmediate = 2, KeyStore = 6;

    public readonly uint Q0, Q1, Q2, Q3;

    public int Command => (int)(Q0 >> 28);

    public bool WantsStatus => (Q0 & (1 << 27)) != 0;

    public int Key => (int)(Q0 >> 24) & 7;

    /// <summary>0 never, 3 always; 1, of packets sent: if they were neither completed nor pending.</summary>
    public int Interrupt => (int)(Q0 >> 20) & 3;

    /// <summary>0 never, 3 always.</summary>
    public int Branch => (int)(Q0 >> 18) & 3;

    /// <summary>3: wait for a packet with the right synchronization code.</summary>
    public int Wait => (int)(Q0 >> 16) & 3;

    public int RequestCount => (int)Q0 & 0xFFFF;

    public uint DataAddress => Q1;

    public uint BranchAddress => Q2;

    public int ResidualCount => (int)Q3 & 0xFFFF;
}
