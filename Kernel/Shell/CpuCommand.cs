using System;
using System.Runtime.InteropServices;
using Sluice.Arch;
using Sluice.Console;
using Sluice.Platform;

namespace Sluice.Shell;

/// <summary>The CPU and the time.</summary>
internal static class CpuCommand
{
    // CPUID's brand string. Source: Intel SDM volume 2, CPUID leaves 0x80000002 to 0x80000004.
    private const uint LastExtended = 0x8000_0000, Brand = 0x8000_0002;
    private const int BrandLeaves = 3;

    public static bool Run(CommandWords words)
    {
        if (words.TryNext(out _))
            return false;
        WriteBrand();
        Terminal.WriteLine($"  address  {CpuFeatures.PhysicalAddressBits} bits, largest page {(CpuFeatures.HugePages ? "1 GiB"u8 : "2 MiB"u8)}");
        ulong up = Clock.Microseconds;
        Terminal.WriteLine($"  up       {up / 3_600_000_000}:{up / 60_000_000 % 60:d2}:{up / 1_000_000 % 60:d2}.{up % 1_000_000:d6}");
        if (Clock.TicksPerSecond == 0)
            Terminal.WriteLine($"  clock    not measured; counted as 1 GHz");
        else
            Terminal.WriteLine($"  clock    {Clock.TicksPerSecond / 1_000_000}.{Clock.TicksPerSecond / 1000 % 1000:d3} MHz{(CpuFeatures.InvariantTsc ? default : ", not promised to be constant"u8)}");
        Terminal.WriteLine($"  timers   {Machine.Timers.Count} running, {Machine.Timers.Expired} expired; {Machine.Work.Calls} pieces of work done");
        return true;
    }

    private static void WriteBrand()
    {
        if (CpuRegisters.Identify(LastExtended).Eax < Brand + BrandLeaves - 1)
            return;
        Span<uint> words = stackalloc uint[4 * BrandLeaves];
        for (int i = 0; i < BrandLeaves; i++)
        {
            CpuidResult part = CpuRegisters.Identify(Brand + (uint)i);
            words[4 * i] = part.Eax;
            words[4 * i + 1] = part.Ebx;
            words[4 * i + 2] = part.Ecx;
            words[4 * i + 3] = part.Edx;
        }
        Span<byte> text = MemoryMarshal.AsBytes(words);
        int start = 0, end = 0;
        while (start < text.Length && text[start] == ' ')
            start++;
        for (end = start; end < text.Length && text[end] is >= (byte)' ' and <= (byte)'~'; end++) ;
        Terminal.WriteLine($"  name     {text.Slice(start, end - start)}");
    }
}
