using System.Runtime;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Arch;

/// <summary>
/// Segments and the task segment with its stacks of their own for faults that may come on a broken stack.
/// Source: Intel SDM volume 3, sections 3.4.5, 8.2.1 and 8.7.
/// </summary>
internal static unsafe class Segments
{
    public const ushort Code = 0x08, Data = 0x10, Task = 0x18;

    /// <summary>Interrupt stack numbers: double fault, non-maskable interrupt and machine check.</summary>
    public const int DoubleFaultStack = 1, NmiStack = 2, MachineCheckStack = 3;

    private static DescriptorTable _table;
    private static TaskState _task;

    /// <summary>Loads both. Once for each CPU, early.</summary>
    public static void Load()
    {
        ImageLayout* layout = ImageLayout.Current;
        _task.InterruptStack1 = layout->FaultStackTop;
        _task.InterruptStack2 = layout->NmiStackTop;
        _task.InterruptStack3 = layout->PanicStackTop;
        _task.IoMapBase = (ushort)sizeof(TaskState);

        ulong task = (ulong)Unsafe.AsPointer(ref _task);
        _table.Code = 0x00AF_9A00_0000_FFFF;
        _table.Data = 0x00CF_9200_0000_FFFF;
        _table.TaskLow = (ulong)(uint)(sizeof(TaskState) - 1) | (task & 0xFF_FFFF) << 16 | 0x89UL << 40 | (task >> 24 & 0xFF) << 56;
        _table.TaskHigh = task >> 32;

        TableRegister register = new() { Limit = (ushort)(sizeof(DescriptorTable) - 1), Base = (ulong)Unsafe.AsPointer(ref _table) };
        LoadSegments(&register, Code, Data, Task);
    }

    [RuntimeImport("cpu_load_segments"), MethodImpl(MethodImplOptions.InternalCall)]
    private static extern void LoadSegments(TableRegister* register, ulong code, ulong data, ulong task);

    private struct DescriptorTable
    {
        public ulong Null, Code, Data, TaskLow, TaskHigh;
    }

    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct TaskState
    {
        public uint Reserved0;
        public ulong Stack0, Stack1, Stack2, Reserved1;
        public ulong InterruptStack1, InterruptStack2, InterruptStack3, InterruptStack4, InterruptStack5, InterruptStack6, InterruptStack7;
        public ulong Reserved2;
        public ushort Reserved3, IoMapBase;
    }
}

/// <summary>What lgdt and lidt load.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct TableRegister
{
    public ushort Limit;
    public ulong Base;
}
