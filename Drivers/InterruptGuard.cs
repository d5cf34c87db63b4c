using System.Runtime.CompilerServices;
using Sluice.Pci;
using Sluice.Platform;

namespace Sluice.Drivers;

/// <summary>
/// Keeps a device from taking all of a CPU's time by interrupts that it has no cause for: more of them than could be, and its interrupt is masked until
/// its driver's next look at it. One field of a driver.
/// </summary>
internal struct InterruptGuard
{
    private uint _count;

    /// <summary>Times that the interrupt was masked.</summary>
    public ulong Storms { get; private set; }

    /// <summary>Whether it is masked until the next regular look.</summary>
    public bool IsHeldBack { get; private set; }

    /// <summary>In the handler: one more came, and no more than so many can have since the last <see cref="Restart"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Note(uint most, PciFunction function)
    {
        if (++_count > most)
            HoldBack(function);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void HoldBack(PciFunction function)
    {
        if (IsHeldBack || !function.Interrupt.IsValid)
            return;
        IsHeldBack = true;
        Storms++;
        Machine.Interrupts.Mask(function.Interrupt);
    }

    /// <summary>Counts from none again: something was begun that may interrupt.</summary>
    public void Restart() => _count = 0;

    /// <summary>The driver's regular look: the device may interrupt again. From work; the handler may come in between, as it does not while it is held back.</summary>
    public void Release(PciFunction function)
    {
        _count = 0;
        if (!IsHeldBack)
            return;
        IsHeldBack = false;
        if (function.Interrupt.IsValid)
            Machine.Interrupts.Unmask(function.Interrupt);
    }
}
