using System;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>Machines that the kernel cannot run on: each gets one line that says why, and a halt.</summary>
public sealed class UnfitMachineTests
{
    [Theory]
    [InlineData("pentium3", "Sluice: this CPU has no 64-bit mode")]
    [InlineData("qemu64,-nx", "Sluice cannot start: this CPU lacks no-execute pages (NX)")]
    [InlineData("qemu64,-sse2", "Sluice cannot start: this CPU lacks SSE2 (FXSR)")]
    [InlineData("qemu64,-pat", "Sluice cannot start: this CPU lacks page attribute tables (PAT)")]
    public async Task A_CPU_without_what_is_needed_is_told_so_and_halts(string cpu, string line)
        => await IsToldOnce("unfit-" + cpu.Replace(',', '_'), new MachineSetup { Cpu = cpu }, Regex.Escape(line));

    [Theory]
    [InlineData(6)]
    [InlineData(16)]
    public async Task A_memory_map_with_too_little_is_told_so_and_halts(int mebibytes)
        => await IsToldOnce($"unfit-{mebibytes}M", new MachineSetup { MemoryMiB = mebibytes }, @"Sluice cannot start: \d+\.\d MiB of usable memory in the memory map, \d+ MiB needed");

    private static async Task IsToldOnce(string name, MachineSetup setup, string line)
    {
        await using Machine machine = await Machine.Start(name, setup);
        int start = await machine.WaitForConsole("Sluice");
        await machine.WaitForConsole("\n", start);     // QEMU's log may lag behind its CPU
        await machine.WaitForHalt();
        // One line, and nothing after it; and on the screen the same.
        string told = machine.Console[machine.Console.IndexOf("Sluice", StringComparison.Ordinal)..];
        Assert.Matches($@"^{line}\n\z", told);
        Assert.Contains(told.TrimEnd(), (await machine.ReadScreen()).Select(row => row.Trim()));
    }
}
