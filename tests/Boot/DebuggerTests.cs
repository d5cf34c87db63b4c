using System;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sluice.Tests.Boot.Harness;
using Xunit;

namespace Sluice.Tests.Boot;

/// <summary>gdb with the command file that <c>make debug</c> uses, on the optimised kernel.</summary>
public sealed class DebuggerTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(4);

    [Fact]
    public async Task Stops_at_the_first_line_of_CSharp_and_at_breakpoints_by_line_with_arguments_and_locals()
    {
        // A line in the middle of a loop, by what it says: the numbers in the file may change.
        (int line, string text) = Line("Kernel/Runtime/Text/NumberFormat.cs", "digit < 10");
        string output = await Debug(
            $"break NumberFormat.cs:{line}", "continue", "backtrace", "info args", "info locals", "echo --- stepped\\n", "next", "delete", "finish");

        (string first, string rest) = Split(output, "Breakpoint 2,");
        Match start = Regex.Match(first, @"Sluice_Kernel_Sluice_Kernel__Main \(.*\) at \./Kernel/Main\.cs:(\d+)");
        Assert.True(start.Success, output);
        int firstLine = int.Parse(start.Groups[1].Value);
        Assert.Contains($"{firstLine}\t{File.ReadLines(ProjectTree.In("Kernel", "Main.cs")).ElementAt(firstLine - 1)}", first);

        // Where it stands, in source and in the chain of calls.
        (string stopped, string stepped) = Split(rest, "--- stepped");
        Assert.Contains($"NumberFormat__Hexadecimal (value=", stopped);
        Assert.Contains($"{line}\t{text}", stopped);
        Assert.Matches(@"#1 .*Sluice_.*__.* at \./Kernel/", stopped);
        Assert.Matches(@"#\d+ .*Sluice_Kernel_Sluice_Kernel__Main .* at \./Kernel/Main\.cs:\d+", stopped);

        // The locals agree with the argument, so they are read from the right places.
        ulong value = Number(stopped, "value"), digit = Number(stopped, "digit");
        Assert.Equal(value & 15, digit);
        Assert.Equal(Number(stopped, "upperCase") != 0 ? 'A' - 10ul : 'a' - 10ul, Number(stopped, "letters"));

        Assert.Contains($"{line + 1}\t", stepped);
        int digits = Math.Max($"{value:x}".Length, (int)Number(stopped, "minimum"));
        Assert.Matches($@"Value returned is .*_length = {digits}\b", stepped);
    }

    [Fact]
    public async Task Stops_at_a_method_by_name()
    {
        string output = await Debug("tbreak Sluice_Runtime_Sluice_Runtime_NumberFormat__Hexadecimal", "continue", "backtrace 1");
        Assert.Matches(@"#0 .*NumberFormat__Hexadecimal .* at \./Kernel/Runtime/Text/NumberFormat\.cs:\d+", output);
    }

    private static async Task<string> Debug(params string[] commands)
    {
        string name = "gdb";
        File.Delete(ProjectTree.In("out", "gdb.sock"));
        await using Machine machine = await Machine.Start(name, new MachineSetup { WaitForDebugger = true, Arguments = "test=text/* after=exit" });
        string[] words = ["-q", "-batch", "-x", "iso/debug.gdb", .. commands.SelectMany(command => (string[])["-ex", command]), "-ex", "kill", "iso/sluice.elf"];
        (_, string output) = await Tool.Run(_limit, "gdb", words);
        await File.WriteAllTextAsync(Path.Combine(machine.Folder, "gdb.log"), output);
        return output;
    }

    private static (int Number, string Text) Line(string file, string part) =>
        File.ReadLines(ProjectTree.In(file)).Select((text, index) => (index + 1, text)).First(line => line.text.Contains(part));

    private static (string Before, string After) Split(string text, string mark)
    {
        int at = text.IndexOf(mark, StringComparison.Ordinal);
        Assert.True(at >= 0, $"\"{mark}\" is not in gdb's output:\n{text}");
        return (text[..at], text[at..]);
    }

    private static ulong Number(string output, string variable)
    {
        Match value = Regex.Match(output, $@"^{variable} = (\d+|true|false)", RegexOptions.Multiline);
        Assert.True(value.Success, $"gdb does not know {variable}:\n{output}");
        return value.Groups[1].Value switch { "true" => 1, "false" => 0, var digits => ulong.Parse(digits) };
    }
}
