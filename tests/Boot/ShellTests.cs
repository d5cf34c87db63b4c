using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>A machine at the shell's prompt, shared by tests that leave it there.</summary>
public sealed class ShellMachine : IAsyncLifetime
{
    /// <summary>The machine.</summary>
    internal Machine Machine { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Machine = await Machine.Start("shell", new MachineSetup { Lifetime = TimeSpan.FromMinutes(15) });
        await Machine.WaitForPrompt();
    }

    public ValueTask DisposeAsync() => Machine.DisposeAsync();
}

/// <summary>The shell's commands and what people and noise may type.</summary>
public sealed class ShellTests(ShellMachine shared) : IClassFixture<ShellMachine>
{
    private Task<string> Shell(string line) => shared.Machine.Shell(line);

    [Fact]
    public async Task Help_names_every_command_with_a_line_each()
    {
        string help = await Shell("help");
        foreach (string command in (string[])["help", "mem", "pci", "irq", "dma", "cpu", "log", "test", "bench", "panic", "reboot", "poweroff"])
            Assert.Matches($@"(?m)^  {command}\b.*\w{{3}}", help);
    }

    [Fact]
    public async Task Help_lists_the_boot_arguments()
    {
        string help = await Shell("help arguments");
        foreach (string argument in (string[])["test", "bench", "after", "panic", "log", "poison"]) Assert.Matches($@"(?m)^ *{argument}\b", help);
    }

    [Fact]
    public async Task Dma_shows_devices_mappings_and_the_pool_and_what_is_left_since_a_mark()
    {
        string output = await Shell("dma");
        Assert.Matches(@"(?m)^  00:\S+ +32 bits +32 bits  (direct|either|bounce)", output);
        Assert.Matches(@"(?m)^  bounce pool: ", output);
        Assert.Contains("checker: off (boot with dma=check)", output);
        Assert.Contains("no mark yet", await Shell("dma leak"));
        Assert.Contains("marked", await Shell("dma mark"));
        Assert.Contains("as many buffers in place as at the mark", await Shell("dma leak"));
    }

    [Fact]
    public async Task Log_shows_what_was_logged_while_starting()
    {
        string log = await Shell("log");
        Assert.Matches(@"(?m)^\[ *\d+\.\d{6}\] ", log);
    }

    [Fact]
    public async Task Test_runs_what_fits()
    {
        string output = await Shell("test text/*");
        Assert.Matches(@"self-tests: [1-9]\d* passed, 0 failed", output);
        Assert.Contains("no self-test fits nothing/*", await Shell("test nothing/*"));
    }

    [Fact]
    public async Task An_unknown_command_is_named()
    {
        Assert.Contains("there is no command frobnicate", await Shell("frobnicate -x"));
        Assert.Equal("", (await Shell("")).Trim());
        Assert.Equal("", (await Shell("      ")).Trim());
    }

    [Fact]
    public async Task A_line_that_is_too_long_does_nothing()
    {
        string output = await Shell(new string('x', 3000));
        Assert.Contains("longer than", output);
        Assert.Contains("help", await Shell("help"));
    }

    [Fact]
    public async Task Lines_can_be_edited()
    {
        // hxelp, back to the x, gone; then to the end.
        Assert.Contains("there is no command", await Shell("helpx"));
        Assert.Contains("poweroff", await Shell("helpx\b"));
        Assert.Contains("poweroff", await Shell("xhelp\u0001\u001b[3~\u0005"));
        Assert.Contains("poweroff", await Shell("ehlp\u0001\u001b[C\u001b[C\u007f\u0001h"));
        Assert.Contains("poweroff", await Shell("\u001b[A"));   // the line before
    }

    [Fact]
    public async Task Control_characters_and_broken_UTF8_do_no_harm()
    {
        var random = new Random(1);
        for (int round = 0; round < 20; round++)
        {
            // Everything but line ends, Ctrl-C, which ends the line as well, and Ctrl-D.
            byte[] noise = [.. Enumerable.Range(0, 60).Select(_ => (byte)random.Next(256)).Where(b => b is not ((byte)'\r' or (byte)'\n' or 3 or 4))];
            await shared.Machine.Shell((byte[])[0x18, .. noise, 0x1b, (byte)'\\', 0x15, (byte)'\r']);
        }
        Assert.Contains("poweroff", await Shell("help"));
    }

    [Fact]
    public async Task Text_beyond_ASCII_comes_back_whole()
    {
        Assert.Contains("there is no command grüße→", await Shell("grüße→"));
        await shared.Machine.Shell(Encoding.Latin1.GetBytes("gr\u00fc\u00dfe\r"));
        Assert.Contains("poweroff", await Shell("help"));
    }

    [Fact]
    public async Task Mem_shows_zones_that_add_up_to_the_machine_and_owners()
    {
        string output = await Shell("mem");
        double[] sizes = [.. Regex.Matches(output, @"(?m)^  (?:Dma|Dma32|Normal) +(\d+(?:\.\d)?) MiB ").Select(zone => double.Parse(zone.Groups[1].Value, CultureInfo.InvariantCulture))];
        Assert.InRange(sizes.Sum(), shared.Machine.Setup.MemoryMiB * 0.95, shared.Machine.Setup.MemoryMiB);
        Assert.Matches(@"(?m)^  page tables +\d+ +\d+ ", output);
    }

    [Fact]
    public async Task Mem_map_shows_all_memory_in_letters_and_in_colours()
    {
        int before = (await shared.Machine.Photograph()).Colours().Count;
        string output = await Shell("mem map");
        Assert.Matches(@"(?m)^ +0 B [^\n]{16,}$", output);
        Assert.Matches(@"(?m)^ +256 MiB [^\n]{16,}$", output);
        Assert.InRange((await shared.Machine.Photograph("map")).Colours().Count, before + 1, int.MaxValue);
    }

    [Fact]
    public async Task Pci_shows_what_QEMU_says_is_there()
    {
        var expected = new List<string>();
        foreach (JsonNode? bus in (await shared.Machine.Control("query-pci", null))!.AsArray())
            foreach (JsonNode? device in bus!["devices"]!.AsArray())
                expected.Add($"{(int)device!["bus"]!:x2}:{(int)device["slot"]!:x2}.{(int)device["function"]!} {(int)device["id"]!["vendor"]!:x4}:{(int)device["id"]!["device"]!:x4}");
        string output = await Shell("pci");
        Assert.Equal(expected.Order(), Regex.Matches(output, @"(?m)^ *([0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) +([0-9a-f]{4}:[0-9a-f]{4})  \S").Select(row => $"{row.Groups[1].Value} {row.Groups[2].Value}").Order());
        Assert.Matches(@"BAR 0 +[0-9a-f]+ +\d+ (KiB|MiB)", await Shell("pci " + expected.Single(row => row.EndsWith("1234:1111", StringComparison.Ordinal)).Split(' ')[0]));
    }

    [Fact]
    public async Task Irq_shows_vectors_and_counts_the_keys_that_were_typed()
    {
        string output = await Shell("irq");
        Assert.Matches(@"(?m)^ +\d+ .* \d+ +\d+  timer$", output);
        Assert.Matches(@"(?m)^ +\d+ .* [1-9]\d* +\d+  serial port$", output);
    }

    [Fact]
    public async Task Cpu_shows_name_clock_and_time() => Assert.Matches(@"(?s)QEMU.*\d+\.\d{3} MHz", await Shell("cpu"));
}
