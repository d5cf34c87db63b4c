using System;
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
    {
        await using Machine machine = await Machine.Start("unfit-" + cpu.Replace(',', '_'), new MachineSetup { Cpu = cpu });
        await machine.WaitForConsole(line);
        await machine.WaitForHalt();
        // One line, and nothing after it.
        Assert.Equal(line + "\n", machine.Console[machine.Console.IndexOf("Sluice", StringComparison.Ordinal)..]);
    }
}
