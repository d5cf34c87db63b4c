using Sluice.Devices.Pci;

namespace Sluice.Devices;

/// <summary>
/// QEMU's educational device: identification, liveness, factorials that are done at once, interrupts by message or pin, DMA.
/// Source: QEMU, docs/specs/edu.
/// </summary>
public sealed partial class SimulatedEdu : SimulatedFunction
{
    public const uint FactorialDone = 1;

    private const uint Identification = 0x010000ED, Computing = 1, InterruptWhenDone = 0x80;

    private uint _liveness, _factorial = 1, _status;

    public SimulatedEdu(ulong address = 0xFEA0_0000) : base(0x1234, 0x11E8, 0x00FF00)
    {
        WithBar(0, BarShape.Memory32, 0x10_0000, address);
        WithPin(1, 11);
        WithMsi();
    }

    /// <summary>What the first register gives.</summary>
    public uint Identity { get; set; } = Identification;

    /// <summary>Gives back what was written instead of its complement.</summary>
    public bool IsDead { get; set; }

    /// <summary>Never finishes a factorial.</summary>
    public bool IsStuck { get; set; }

    /// <summary>Reads of registers after which it is gone; counts down.</summary>
    public int? RegisterReadsUntilGone { get; set; }

    /// <summary>Causes of the interrupt that stands.</summary>
    public uint Causes { get; private set; }

    /// <summary>Whether it would interrupt by itself.</summary>
    public bool IsQuiet => Causes == 0 && (_status & InterruptWhenDone) == 0;

    /// <summary>Raises an interrupt.</summary>
    public void Raise(uint causes)
    {
        Causes |= causes;
        Interrupt();
    }

    public override ulong ReadBar(int bar, uint offset, int bytes)
    {
        if (RegisterReadsUntilGone is int reads)
        {
            IsGone |= reads <= 0;
            RegisterReadsUntilGone = reads - 1;
            if (IsGone)
                return ulong.MaxValue;
        }
        return offset switch
        {
            0x00 => Identity,
            0x04 => IsDead ? _liveness : ~_liveness,
            0x08 => _factorial,
            0x20 => _status,
            0x24 => Causes,
            _ => ReadTransfer(offset),
        };
    }

    public override void WriteBar(int bar, uint offset, int bytes, ulong value)
    {
        switch (offset)
        {
            case 0x04:
                _liveness = (uint)value;
                break;
            case 0x08:
                Compute((uint)value);
                break;
            case 0x20:
                _status = _status & ~InterruptWhenDone | (uint)value & InterruptWhenDone;
                break;
            case 0x60:
                Raise((uint)value);
                break;
            case 0x64:
                Causes &= ~(uint)value;
                if (Causes == 0)
                    LowerPin();
                break;
            default:
                WriteTransfer(offset, value);
                break;
        }
    }

    private void Compute(uint number)
    {
        if (IsStuck)
        {
            _status |= Computing;
            return;
        }
        _factorial = 1;
        for (uint i = 2; i <= number; i++)
            _factorial = unchecked(_factorial * i);
        if ((_status & InterruptWhenDone) != 0)
            Raise(FactorialDone);
    }
}
