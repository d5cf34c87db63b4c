using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>DMA with QEMU's edu, which reaches 256 MiB: memory within and out of its reach, forced bouncing, no slots.</summary>
public sealed class DmaTests
{
    private const int GiB = 1024;

    // Those that need bounce slots.
    private static readonly string[] _bouncing =
    [
        "a bounced device sees what it was given, and no more", "what a bounced device wrote arrives, and no more",
        "a full pool is an error, and only while it is full",
    ];

    private static readonly string[] _transfers =
        ["edu: coherent memory", "edu: mapped pages", "edu: soak"];

    [Theory]
    [InlineData("plain", 512, "")]
    [InlineData("small", 64, "")]
    [InlineData("above-4-GiB", 6 * GiB, "")]
    [InlineData("all-bounced", 512, "dma=bounce")]
    [InlineData("edu-bounced", 512, "dma=bounce:00:04.0")]
    [InlineData("small-pool", 6 * GiB, "dma=pool:256K")]
    [InlineData("checked", 6 * GiB, "dma=check")]
    [InlineData("checked-bounced", 512, "dma=check,bounce")]
    public async Task Every_byte_arrives(string name, int mebibytes, string arguments)
    {
        HashSet<string> passed = await Passed(name, mebibytes, arguments, "test=dma");
        Assert.Empty(_bouncing.Concat(_transfers).Except(passed));
        // With 64 MiB the device reaches all there is.
        Assert.Equal(name != "small", passed.Contains("edu: pages out of reach"));
    }

    [Theory]
    [InlineData("no-pool", 6 * GiB, "dma=pool:64K")]
    [InlineData("no-pool-bounced", 512, "dma=pool:64K,bounce:00:04.0")]
    public async Task Without_slots_mappings_are_refused_and_the_rest_works(string name, int mebibytes, string arguments)
    {
        HashSet<string> passed = await Passed(name, mebibytes, arguments, "test=dma");
        Assert.Empty(_transfers.Append("edu: pages out of reach").Except([.. passed, "edu: soak"]));
        Assert.Empty(passed.Intersect(_bouncing));
    }

    [Fact]
    public async Task What_edu_writes_beside_its_buffer_is_reported_with_all_names_and_so_is_a_buffer_that_stays()
    {
        await using Machine machine = await Machine.Start("dma-misuse", new MachineSetup { More = ["-device", "edu,addr=4"], Arguments = "dma=check", ExitDevice = false });
        await machine.WaitForPrompt();
        Assert.Contains("0 reports", await machine.Shell("dma"));
        await machine.Shell("dma mark");
        Assert.Contains("1 passed", await machine.Shell("test dma/edu:?misuse?is?reported"));
        // The first byte that it writes could happen to be the pattern's.
        const string buffer = @"pages from device, 100 bytes at 0x[0-9a-f]+, mapped \d+ ms ago, by EduMisuse:\d+";
        Assert.Matches(@"dma check: 00:04\.0: edu: the device wrote outside of it: [56]\d bytes from byte 10\d on; " + buffer, machine.Console);
        Assert.Matches(@"dma check: 00:04\.0: edu: the device wrote to it while the CPU had it: [1-8] bytes from byte \d on; " + buffer, machine.Console);
        string state = await machine.Shell("dma");
        Assert.Matches(@"checker: \d+ mappings checked, 0 not, 0 refused for want of memory; 2 reports", state);
        Assert.Matches(@"(?m)^ +1  the device wrote outside of it\r?$", state);
        Assert.Matches(@"(?m)^ +2: dma check: 00:04\.0: edu: ", state);
        Assert.Matches(@"(?m)^  00:04\.0 +pages +from device +checked +[0-9a-f]+ +100  CPU +\d+\.\d  00:04\.0, EduMisuse:\d+", await machine.Shell("dma leak"));
        int from = machine.RawConsole.Length;
        await machine.Type("poweroff\r"u8.ToArray());
        Assert.Equal(0, await machine.WaitForExit());
        Assert.Matches("dma check: 00:04\\.0: edu: not released; " + buffer, machine.RawConsole[from..]);
    }

    [Fact]
    public async Task A_thousand_random_transfers_lose_no_byte()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("SLUICE_TEST_ALL") == "1", "takes two minutes; make test-all runs it");
        Assert.Equal(["edu: long soak"], await Passed("soak", 6 * GiB, "", "test=dma/edu:?long?soak"));
    }

    // Boots a machine with an edu and returns the cases that passed, which all did that were not skipped.
    private static async Task<HashSet<string>> Passed(string name, int mebibytes, string arguments, string test)
    {
        await using Machine machine = await Machine.Start("dma-" + name, new MachineSetup
        {
            MemoryMiB = mebibytes,
            More = ["-device", "edu,addr=4"],
            Arguments = $"{arguments} {test} after=exit".Trim(),
        });
        int status = await machine.WaitForExit();
        KtapReport report = KtapParser.Parse(machine.Results);
        if (status != SelfTestRun.AllPassed)
            throw machine.Failure($"status {status}; failed: " + string.Join(", ", report.Cases.Where(c => c.Case.Verdict == KtapVerdict.Failed).Select(c => $"{c.Case.Name} ({c.Case.Why})")));
        Assert.DoesNotContain("dma check:", machine.Console);
        return [.. report.Cases.Where(c => c.Case.Verdict == KtapVerdict.Passed).Select(c => c.Case.Name)];
    }
}
