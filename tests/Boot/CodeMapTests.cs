using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.Build;
using Sluice.Panic;
using Sluice.Runtime;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>The kernel's map of its code, by which it unwinds and names, held against what binutils read in the same file.</summary>
public sealed class CodeMapTests
{
    private const ulong KernelBase = 0xFFFF_FFFF_8000_0000;

    private static readonly string[] _registers =
        ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "ra"];

    private static readonly string _elf = ProjectTree.In("iso", "sluice.elf");

    private static readonly byte[] _map = Map();

    /// <summary>From an address on: the frame's end ("rsp+16"), and where registers are saved ("c-16"), by name.</summary>
    private sealed record Row(ulong Address, string End, Dictionary<string, string> Saved);

    [Theory]
    [InlineData("what the compiler wrote", ".debug_eh_frame", ".eh_frame")]
    [InlineData("what debuggers are told", ".debug_frame", ".debug_frame")]
    public async Task Unwinds_at_each_byte_of_code_like(string _, string section, string readAs)
    {
        string file = Path.Combine(ProjectTree.Out, "boot", $"frames{section}");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await Tool.Succeed("objcopy", $"--only-section={section}", "--rename-section", $"{section}={readAs}", _elf, file);
        string listing = await Tool.Succeed("readelf", "--debug-dump=frames-interp", file);
        int methods = 0, addresses = 0;
        foreach (string text in listing.Split("\n\n").Where(part => part.Contains(" FDE ", StringComparison.Ordinal)))
        {
            Match range = Regex.Match(text, "pc=([0-9a-f]{16})\\.\\.([0-9a-f]{16})");
            ulong start = Hexadecimal(range.Groups[1].Value), end = Hexadecimal(range.Groups[2].Value);
            List<Row> rows = Rows(text, start);
            for (ulong address = start; address < end; address++, addresses++)
            {
                Row row = rows.FindLast(candidate => candidate.Address <= address)!;
                if (MapSays(address) is var (mapEnd, saved) && (mapEnd != row.End || saved.Count != row.Saved.Count || saved.Except(row.Saved).Any()))
                    Assert.Fail($"{address:x}: {mapEnd} {string.Join(' ', saved)}, but\n{text}");
            }
            methods++;
        }
        Assert.InRange(methods, 1000, 100_000);
        Assert.InRange(addresses, 200_000, 10_000_000);
    }

    [Fact]
    public async Task Knows_each_symbol_and_how_far_in_an_address_is()
    {
        string symbols = await Tool.Succeed("nm", "-n", _elf);
        CodeMap map = new(_map);
        int known = 0;
        foreach (string line in symbols.Split('\n'))
        {
            Match symbol = Regex.Match(line, "^ffffffff([0-9a-f]{8}) [tT] Sluice_.*__([A-Za-z]+)$");
            if (!symbol.Success) continue;
            uint address = (uint)(Hexadecimal("ffffffff" + symbol.Groups[1].Value) - KernelBase);
            Assert.True(map.TryFind(address, out CodeMap.Method method));
            Assert.Equal(address, method.Start);
            Assert.True(map.TryFind(address + 1, out CodeMap.Method inside));
            Assert.Equal(method.Number, inside.Number);
            map.ReadName(method, out PackedName name);
            // Methods with the same code are one, with one of their names.
            if (Encoding.ASCII.GetString(name.Text).EndsWith('.' + symbol.Groups[2].Value, StringComparison.Ordinal)) known++;
        }
        Assert.InRange(known, 1000, 100_000);
        Assert.False(map.TryFind(0x20_0000, out _));
    }

    private static byte[] Map()
    {
        // It lies at the end of the constants, between two of the linker script's symbols.
        ElfImage image = new(File.ReadAllBytes(_elf));
        ElfImage.Section constants = image[".rodata"];
        Dictionary<string, ulong> symbols = image.SymbolsIn(".rodata").Where(symbol => symbol.Name != "").DistinctBy(symbol => symbol.Name).ToDictionary();
        return constants.Bytes[(int)(symbols["code_map_start"] - constants.Address)..(int)(symbols["code_map_end"] - constants.Address)];
    }

    private static unsafe (string End, Dictionary<string, string> Saved) MapSays(ulong address)
    {
        CodeMap map = new(_map);
        uint place = (uint)(address - KernelBase);
        if (!map.TryFind(place, out CodeMap.Method method) || !map.TryGetProgram(method, out UnwindProgram program)) return ("nothing", []);
        FrameRules rules = program.At(place - method.Start);
        Dictionary<string, string> saved = new() { ["ra"] = "c-8" };
        for (int register = 0; register < FrameRules.Registers; register++)
            if (rules.Saved[register] != 0) saved[_registers[register]] = $"c-{8 * rules.Saved[register]}";
        return ($"{_registers[rules.Register]}+{8 * rules.Words}", saved);
    }

    // Under a heading with the names of the columns a line for each row; no heading where nothing differs from the beginning.
    private static List<Row> Rows(string text, ulong start)
    {
        List<Row> rows = [new Row(start, "rsp+8", new() { ["ra"] = "c-8" })];
        string[] lines = text.Split('\n'), columns = [];
        foreach (string[] words in lines.Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (words is ["LOC", "CFA", .. var names])
                columns = names;
            else if (columns.Length > 0 && words.Length == columns.Length + 2)
                rows.Add(new Row(Hexadecimal(words[0]), words[1], columns.Zip(words[2..]).Where(pair => pair.Second != "u").ToDictionary()));
        }
        return rows;
    }

    private static ulong Hexadecimal(string digits) => ulong.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
