using Sluice.FireWire.Bus;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Ohci;

/// <summary>What switches things on and off, the PHY's registers, and the contexts'.</summary>
public sealed partial class OhciController
{
    private const uint ReadRegister = 1u << 15, WriteRegister = 1u << 14, RomReset = 1u << 31, RomStart = 1u << 25;

    private int _guidRomAt;

    private void SetHc(HcControl bits)
    {
        if ((bits & HcControl.SoftReset) != 0)
        {
            HardReset();
            return;
        }
        _hc |= bits;
        Phy.Segment.CyclesChanged();
    }

    private void ClearHc(HcControl bits)
    {
        _hc &= ~bits;
        Phy.Segment.CyclesChanged();
    }

    // What runs with the PHY's clock needs the link's power. Source: 1394 OHCI 1.1, section 6.1, regAccessFail.
    private bool NeedsPower()
    {
        if ((_hc & HcControl.LinkPower) != 0)
            return true;
        Interrupts.Raise(IntEvent.RegisterAccessFailed);
        return false;
    }

    // Source: 1394 OHCI 1.1, section 5.12.
    private void AccessPhy(uint value)
    {
        if (!NeedsPower())
            return;
        int register = (int)(value >> 8) & 0xF;
        _phyControl = value & 0x0F00 | (value & 0xFF);
        if ((value & WriteRegister) != 0)
            Phy.Registers.Write(register, (byte)value);
        if ((value & ReadRegister) == 0)
            return;
        _phyControl |= Done | ((uint)register << 24) | ((uint)Phy.Registers.Read(register) << 16);
        Interrupts.Raise(IntEvent.PhyRegisterReceived);
    }

    // A serial ROM whose first bytes are the GUID. Source: 1394 OHCI 1.1, section 5.3.
    private void WriteGuidRom(uint value)
    {
        if ((value & RomReset) != 0)
        {
            _guidRomAt = 0;
            _guidRom = 0;
        }
        else if ((value & RomStart) != 0)
        {
            uint data = _guidRomAt < 8 ? (uint)(_traits.Guid >> (56 - (8 * _guidRomAt))) & 0xFF : 0xFF;
            _guidRom = data << 16;
            _guidRomAt++;
        }
    }

    private void MaskChanged()
    {
        if ((Interrupts.Mask & IntEvent.CycleSynch) != 0)
            Phy.Segment.CyclesChanged();
        Schedule64();
    }

    // Bit 6 of the seconds changes: only looked at while somebody wants to know.
    private void Schedule64()
    {
        if (_is64On || (Interrupts.Mask & IntEvent.Cycle64Seconds) == 0)
            return;
        _is64On = true;
        Simulator simulator = Phy.Bus.Simulator;
        CycleClock clock = Phy.Segment.CycleMaster?.Clock ?? Clock;
        simulator.At(clock.NextHalfWrap(simulator.Now), this, 0, Pace.RealTime);
    }

    private DmaContext? ContextAt(ref uint offset)
    {
        uint start = offset & ~(offset is >= OhciRegister.It and < OhciRegister.Ir ? 0xFu : 0x1Fu);
        offset -= start;
        return start switch
        {
            >= OhciRegister.Ir => At(_ir, (start - OhciRegister.Ir) / 32),
            >= OhciRegister.It => At(_it, (start - OhciRegister.It) / 16),
            OhciRegister.AtRequest => _atRequest,
            OhciRegister.AtResponse => _atResponse,
            OhciRegister.ArRequest => _arRequest,
            OhciRegister.ArResponse => _arResponse,
            _ => null,
        };

        static DmaContext? At(DmaContext[] contexts, uint number) => number < contexts.Length ? contexts[number] : null;
    }

    private uint ReadContext(uint offset)
    {
        DmaContext? context = ContextAt(ref offset);
        return offset switch
        {
            OhciRegister.Control or OhciRegister.Control + 4 => context?.Control ?? 0,
            OhciRegister.CommandPtr => context?.CommandPtr ?? 0,
            OhciRegister.Match => context is IsoReceive receive ? receive.Match : 0,
            _ => 0,
        };
    }

    private void WriteContext(uint offset, uint value)
    {
        DmaContext? context = ContextAt(ref offset);
        switch (offset)
        {
            case OhciRegister.Control:
                context?.Set(value);
                break;
            case OhciRegister.Control + 4:
                context?.Clear(value);
                ForgetCycle();
                break;
            case OhciRegister.CommandPtr:
                if (context != null)
                    context.CommandPtr = value;
                break;
            case OhciRegister.Match:
                if (context is IsoReceive receive)
                    receive.Match = value & 0xF7FF_FF7F;
                break;
        }
    }
}
