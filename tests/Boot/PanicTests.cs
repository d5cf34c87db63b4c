using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>Panics caused on purpose, one machine each, and what their reports say: what, where by name, and the registers.</summary>
public sealed class PanicTests
{
    /// <summary>A kind as in the boot argument panic=NAME, what the report says, the method that does it, and whether the calls above it can be known.</summary>
    private sealed record Kind(string Name, string Says, string Method, bool HasCallers = true);

    private static readonly Kind[] _kinds =
    [
        new("null", "null reference", "Null"),
        new("null-call", "null reference", "NullCall"),
        new("index", "index out of range", "ArrayIndex"),
        new("span-index", "index out of range", "SpanIndex"),
        new("slice", "argument out of range", "Slice"),
        new("copy", "invalid argument", "Copy"),
        new("overflow", "arithmetic overflow", "Overflow"),
        new("narrowing", "arithmetic overflow", "Narrowing"),
        new("divide", "divide by zero", "Divide"),
        new("quotient", "quotient overflow", "Quotient"),
        new("cast", "invalid cast", "Cast"),
        new("unbox", "invalid cast", "Unbox"),
        new("store", "array type mismatch", "Store"),
        new("nullable", "Nullable has no value", "MissingValue"),
        new("throw", "thrown on purpose", "Throw"),
        new("array-size", "arithmetic overflow", "ArraySize"),
        new("heap", "the object heap is full", "HeapFull"),
        new("canary", "stack buffer overrun", "BufferOverrun", HasCallers: false),
        new("bug", "a bug on purpose", "BugFound"),
        new("stack", "stack overflow", "Deeper"),
        new("stack-in-turns", "stack overflow", "Ping"),
        new("stackalloc", "stack overflow", "LargeStackBuffer"),
        new("unmapped", "page fault: write", "WriteUnmapped"),
        new("write-code", "forbidden", "WriteCode"),
        new("execute-data", "page fault: execution", "ExecuteData"),
        new("address", "general protection fault", "ImpossibleAddress"),
        new("equality", "a struct is compared that does not say how", "StructEquality"),
        new("page-twice", "a page run was given back twice", "GiveTwice"),
        new("page-stale", "by now it is somebody else's", "GiveStale"),
        new("block-twice", "an object was given back twice", "GiveBlockTwice"),
        new("large-frame", "stack overflow", "LargeFrame"),
        new("double-fault", "double fault", "DoubleFault"),
        new("page-poison", "(last owner: careless) was written after it was given back: 0x42 at 0x11", "WriteAfterGive"),
    ];

    public static IEnumerable<TheoryDataRow<string>> Names => _kinds.Select(kind => new TheoryDataRow<string>(kind.Name));

    [Theory, MemberData(nameof(Names))]
    public async Task Says_what_happened_where_and_in_which_state(string name)
    {
        Kind kind = _kinds.Single(k => k.Name == name);
        await using Machine machine = await Machine.Start("panic-" + name, new MachineSetup { Arguments = "panic=" + name });
        int status = await machine.WaitForExit();
        Check(machine, machine.Console.Split('\n'), kind);
        Assert.Equal(SelfTestRun.Panicked, status);
    }

    [Theory]
    [InlineData("null", Firmware.SeaBios)]
    [InlineData("throw", Firmware.SeaBios)]
    [InlineData("canary", Firmware.SeaBios)]
    [InlineData("divide", Firmware.Ovmf)]
    public async Task Shows_the_whole_report_on_the_screen_and_halts(string name, Firmware firmware)
    {
        Kind kind = _kinds.Single(k => k.Name == name);
        // Without the device that ends QEMU the machine stands still, as a real one does.
        await using Machine machine = await Machine.Start("panic-screen-" + name, new MachineSetup { Firmware = firmware, Arguments = "panic=" + name, ExitDevice = false });
        await machine.WaitForConsole("The machine is stopped");
        await machine.WaitForHalt();
        // The headline stands in a bar of its own, a blank from the edge.
        string[] screen = [.. ScreenText.Read(await machine.Photograph()).Select(row => row.StartsWith(" PANIC", StringComparison.Ordinal) ? row[1..] : row)];
        Check(machine, screen, kind);
        string console = machine.Console;
        foreach (string line in console[console.IndexOf("PANIC: ", StringComparison.Ordinal)..].TrimEnd().Split('\n')) Assert.Contains(line.TrimEnd(), screen);
    }

    [Theory]
    [InlineData("stack", "Deeper", @"\.\.\. [1-9]\d+ more calls from there \.\.\.")]
    [InlineData("stack-in-turns", "P[io]ng", @"\.\.\. [1-9]\d+ calls omitted \.\.\.")]
    public async Task Shows_both_ends_of_a_recursion_without_end(string name, string method, string between)
    {
        await using Machine machine = await Machine.Start("panic-ends-" + name, new MachineSetup { Arguments = "panic=" + name });
        await machine.WaitForExit();
        string call = @"  by \S+\+0x[0-9a-f]+  \[[0-9a-f]{16}\]\n";
        Assert.Matches($@"  at \S+\.{method}\+\S+  \S+\n({call})+  {between}\n({call})+  exception", machine.Console);
        Assert.InRange(machine.Console.Split('\n').Count(line => line.StartsWith("  by ", StringComparison.Ordinal)), 3, 30);
    }

    [Fact]
    public async Task The_shell_lists_the_same_kinds()
    {
        await using Machine machine = await Machine.Start("panic-list", new MachineSetup());
        await machine.WaitForPrompt();
        string listed = await machine.Shell("panic");
        Assert.Equal(_kinds.Select(kind => (kind.Name, kind.Says)).Order(),
            Regex.Matches(listed, @"^  (\S+) +(\S.*)$", RegexOptions.Multiline).Select(line => (line.Groups[1].Value, line.Groups[2].Value)).Order());
        Assert.Contains("there is no kind sneeze", await machine.Shell("panic sneeze"));
    }

    /// <summary>Fails unless the lines hold a report of that kind.</summary>
    private static void Check(Machine machine, string[] lines, Kind kind)
    {
        int start = Array.FindIndex(lines, line => line.StartsWith("PANIC: ", StringComparison.Ordinal));
        if (start < 0) throw machine.Failure("there is no report");
        string[] report = lines[start..];
        if (!report[0].Contains(kind.Says)) throw machine.Failure($"the report does not say \"{kind.Says}\"");

        // Innermost first: the method, below it whoever ran the boot arguments, at the bottom Main.
        string[] calls = [.. report.Where(line => Regex.IsMatch(line, @"^  (at|by) \S+\+0x[0-9a-f]+  \[[0-9a-f]{16}\]$"))];
        int culprit = Array.FindIndex(calls, call => Regex.IsMatch(call, $@" SelfTest\.\w+\.{kind.Method}\+"));
        if (culprit < 0) throw machine.Failure($"the backtrace does not name {kind.Method}");
        if (kind.HasCallers && !calls[culprit..].Any(call => call.Contains(" Kernel.Main+"))) throw machine.Failure("the backtrace does not reach Main");

        foreach (string register in (string[])["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8 ", "r9 ", "r10", "r11", "r12", "r13", "r14", "r15", "rip"])
            if (!report.Any(line => Regex.IsMatch(line, $@"(^|  ){register} [0-9a-f]{{16}}\b"))) throw machine.Failure($"the report lacks {register}");
        foreach (string register in (string[])["rflags", "cr0", "cr3", "cr4"])
            if (!report.Any(line => Regex.IsMatch(line, $@"\b{register} [0-9a-f]{{8,16}}\b"))) throw machine.Failure($"the report lacks {register}");
    }
}
