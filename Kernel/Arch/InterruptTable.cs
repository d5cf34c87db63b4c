using System.Runtime;
using System.Runtime.CompilerServices;

namespace Sluice.Arch;

/// <summary>The interrupt descriptor table: 256 gates to the stubs of Boot/interrupts.s. Source: Intel SDM volume 3, section 6.14.1.</summary>
internal static unsafe class InterruptTable
{
    private const ulong InterruptGate = 0x8EUL << 40;

    private static Gates _gates;

    /// <summary>Fills and loads the table. Once for each CPU (the table is shared).</summary>
    public static void Load()
    {
        ulong stubs = ImageLayout.Current->InterruptStubs;
        for (int vector = 0; vector < 256; vector++)
        {
            ulong stub = stubs + (ulong)vector * 16;
            ulong stack = vector switch
            {
                2 => Segments.NmiStack,
                8 => Segments.DoubleFaultStack,
                18 => Segments.MachineCheckStack,
                _ => 0,
            };
            _gates[2 * vector] = stub & 0xFFFF | (ulong)Segments.Code << 16 | stack << 32 | InterruptGate | (stub >> 16 & 0xFFFF) << 48;
            _gates[2 * vector + 1] = stub >> 32;
        }
        TableRegister register = new() { Limit = 256 * 16 - 1, Base = (ulong)Unsafe.AsPointer(ref _gates) };
        LoadTable(&register);
    }

    /// <summary>Takes a gate out, for the tests of double faults: an exception that needs it is one more.</summary>
    public static void Remove(byte vector) => _gates[2 * vector] = 0;

    [RuntimeImport("cpu_load_interrupt_table"), MethodImpl(MethodImplOptions.InternalCall)]
    private static extern void LoadTable(TableRegister* register);

    [InlineArray(512)]
    private struct Gates
    {
        private ulong _first;
    }
}
