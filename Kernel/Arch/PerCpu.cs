using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Platform;

namespace Sluice.Arch;

/// <summary>The block that the gs register of each CPU points to; cpu_id in Boot/leaves.s reads its first field.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct PerCpu
{
    private int _id;

    private static Blocks _blocks;

    /// <summary>Gives the calling CPU its number. Once for each CPU, before anything uses <see cref="Cpu.Id"/>.</summary>
    public static void Load(int id)
    {
        ref PerCpu block = ref _blocks[id];
        block._id = id;
        CpuRegisters.WriteMsr(CpuRegisters.GsBase, (ulong)Unsafe.AsPointer(ref block));
    }

    // A cache line each.
    [InlineArray(Cpu.MaxCount)]
    private struct Blocks
    {
        private PerCpu _first;
    }
}
