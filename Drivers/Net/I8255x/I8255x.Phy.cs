using Sluice.Net;
using Sluice.Platform;

namespace Sluice.Drivers.I8255x;

// The PHY behind MDI. Sources: 8255x manual, section 6.3.5; IEEE 802.3, clauses 22.2.4 and 28.2.4.
public sealed partial class I8255x
{
    // 64 bits at 2.5 MHz take 26 microseconds.
    private const ulong MdiMicroseconds = 1_000;

    private const int MostPhys = 32, NoPhy = -1;

    private const int ControlRegister = 0, StatusRegister = 1, AdvertisementRegister = 4, PartnerRegister = 5;

    private const uint ControlFast = 1 << 13, ControlNegotiates = 1 << 12, ControlPoweredDown = 1 << 11, ControlIsolated = 1 << 10,
        ControlRestart = 1 << 9, ControlFullDuplex = 1 << 8;

    private const uint StatusLink = 1 << 2;

    // Of both negotiation registers, best first.
    private const uint Fast100Full = 1 << 8, Fast100 = 1 << 7, Full10 = 1 << 6;

    // Word of the EEPROM: where the PHY is, in its low byte, if it is not one without MDI.
    private ushort _phyWord;
    private int _phy = NoPhy;

    // Finds the PHY: where the EEPROM says, else at the usual places, else anywhere. A card of 10 Mb/s only may have none.
    private void FindPhy()
    {
        if (Answers(_phyWord & (MostPhys - 1)) || Answers(1))
            return;
        for (int phy = 0; phy < MostPhys && _mdiTimeouts == 0; phy++)
        {
            if (Answers(phy))
                return;
        }
    }

    private bool Answers(int phy)
    {
        if (!TryReadMdi(phy, StatusRegister, out uint status) || status is 0 or ushort.MaxValue)
            return false;
        _phy = phy;
        if (TryReadMdi(phy, ControlRegister, out uint control) && ((control & ControlNegotiates) == 0 || (control & (ControlPoweredDown | ControlIsolated)) != 0))
            RunMdi(phy, ControlRegister, MdiAccess.Write | (MdiAccess)(ControlNegotiates | ControlRestart), out _).Ignore("the link stays down then"u8);
        return true;
    }

    // Looks at the link; true if it changed. Half a millisecond at most where the device answers.
    private bool LookAtLink()
    {
        LinkState now = _phy == NoPhy ? new LinkState(10, false) : ReadLink();
        if (now.Megabits == Link.Megabits && now.IsFullDuplex == Link.IsFullDuplex)
            return false;
        if (now.IsUp != Link.IsUp)
            _counters.LinkChanges++;
        Link = now;
        return true;
    }

    private LinkState ReadLink()
    {
        // A link that was lost is remembered until it is read.
        if (!TryReadMdi(_phy, StatusRegister, out _) || !TryReadMdi(_phy, StatusRegister, out uint status) || (status & StatusLink) == 0)
            return default;
        if (!TryReadMdi(_phy, ControlRegister, out uint control))
            return default;
        if ((control & ControlNegotiates) == 0)
            return new LinkState((ushort)((control & ControlFast) != 0 ? 100 : 10), (control & ControlFullDuplex) != 0);
        if (!TryReadMdi(_phy, AdvertisementRegister, out uint offered) || !TryReadMdi(_phy, PartnerRegister, out uint partner))
            return default;
        uint common = offered & partner;
        return (common & Fast100Full) != 0 ? new LinkState(100, true)
            : (common & Fast100) != 0 ? new LinkState(100, false)
            : new LinkState(10, (common & Full10) != 0);
    }

    private bool TryReadMdi(int phy, int register, out uint value) => RunMdi(phy, register, MdiAccess.Read, out value);

    private bool RunMdi(int phy, int register, MdiAccess access, out uint value)
    {
        _registers.Mdi = access | (MdiAccess)((uint)phy << 21 | (uint)register << 16);
        Deadline end = Deadline.In(MdiMicroseconds);
        while (true)
        {
            bool last = end.Passed;
            MdiAccess now = _registers.Mdi;
            value = (uint)now & 0xFFFF;
            if (now != MdiAccess.Gone && (now & MdiAccess.Ready) != 0)
                break;
            if (last || now == MdiAccess.Gone)
            {
                _mdiTimeouts++;
                return false;
            }
            Cpu.Pause();
        }
        // It stands as a cause, though nobody asked for the interrupt (QEMU's does, and would interrupt with it).
        _registers.Acknowledge(ScbEvents.MdiDone);
        return true;
    }
}
