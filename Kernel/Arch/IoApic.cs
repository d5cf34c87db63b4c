using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>
/// One I/O APIC: its pins lead lines to the CPU's vectors. Source: Intel 82093AA datasheet (290566), section 3.0.
/// Registers are reached by index and window, so each access is made with interrupts off.
/// </summary>
internal sealed class IoApic
{
    /// <summary>Bytes of registers.</summary>
    public const uint Bytes = 0x20;

    private const uint Select = 0x00, Window = 0x10;
    private const uint VersionRegister = 1, FirstEntry = 0x10;
    private const uint NonMaskable = 4 << 8, ActiveLow = 1 << 13, RemoteRequest = 1 << 14, Level = 1 << 15, Masked = 1 << 16;

    private readonly Mmio _registers;

    private IoApic(Mmio registers, uint firstInterrupt)
    {
        _registers = registers;
        FirstInterrupt = firstInterrupt;
    }

    /// <summary>The global system interrupt of pin 0.</summary>
    public uint FirstInterrupt { get; }

    /// <summary>Inputs.</summary>
    public int Pins { get; private init; }

    /// <summary>Masks all pins; false if nobody answers there.</summary>
    /// <param name="registers">Its registers, mapped.</param>
    /// <param name="firstInterrupt">The global system interrupt of pin 0.</param>
    /// <param name="ioApic">The I/O APIC.</param>
    public static bool TryStart(Mmio registers, uint firstInterrupt, out IoApic? ioApic)
    {
        ioApic = null;
        registers.Write32(Select, VersionRegister);
        uint version = registers.Read32(Window);
        int pins = (int)(version >> 16 & 0xFF) + 1;
        // The parts have 24 pins or more, the limit is 240. All ones or zeros: nobody there.
        if (version is 0 or uint.MaxValue || pins > 240)
            return false;
        ioApic = new IoApic(registers, firstInterrupt) { Pins = pins };
        for (int pin = 0; pin < pins; pin++)
            ioApic.WriteEntry(pin, Masked, 0);
        return true;
    }

    /// <summary>Leads a pin to a vector of a CPU; the pin is masked.</summary>
    public void Route(int pin, byte vector, uint localApic, LineTrigger trigger) =>
        WriteEntry(pin, vector | Signal(trigger) | Masked, localApic << 24);

    /// <summary>Leads a pin to a CPU as non-maskable interrupt, at once.</summary>
    public void RouteNonMaskable(int pin, uint localApic, LineTrigger trigger) =>
        WriteEntry(pin, NonMaskable | Signal(trigger), localApic << 24);

    /// <summary>Shuts a pin.</summary>
    public void Mask(int pin) => Change(pin, set: Masked, clear: 0);

    /// <summary>Opens a pin; a level that is there interrupts at once.</summary>
    public void Unmask(int pin) => Change(pin, set: 0, clear: Masked);

    private static uint Signal(LineTrigger trigger) =>
        (trigger is LineTrigger.EdgeLow or LineTrigger.LevelLow ? ActiveLow : 0) | (trigger >= LineTrigger.LevelHigh ? Level : 0);

    private void Change(int pin, uint set, uint clear)
    {
        bool interrupts = Cpu.DisableInterrupts();
        _registers.Write32(Select, FirstEntry + 2 * (uint)pin);
        uint entry = _registers.Read32(Window) & ~RemoteRequest;
        _registers.Write32(Window, entry & ~clear | set);
        Cpu.RestoreInterrupts(interrupts);
    }

    private void WriteEntry(int pin, uint low, uint high)
    {
        bool interrupts = Cpu.DisableInterrupts();
        uint index = FirstEntry + 2 * (uint)pin;
        // Masked while the halves do not fit together.
        _registers.Write32(Select, index);
        _registers.Write32(Window, Masked);
        _registers.Write32(Select, index + 1);
        _registers.Write32(Window, high);
        _registers.Write32(Select, index);
        _registers.Write32(Window, low);
        Cpu.RestoreInterrupts(interrupts);
    }
}
