using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>
/// What docs/dma.md says does not compile, given to the SDK's compiler with the project's analyzer: bodies of a method of a driver, and
/// the errors that they must get. The same with nothing wrong must compile, or the errors would prove nothing.
/// </summary>
[RunsOnce]
public sealed class DoesNotCompileTests
{
    private static readonly (string Errors, string Body)[] _snippets =
    [
        ("", """
            if (device.TryMap(ref run, 100, out CpuBuffer<ToDevice> buffer) != Error.None) return;
            buffer.Bytes[0] = 1;
            DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
            Tell(given.Address);
            buffer = given.TakeBack();
            run = buffer.Unmap();
            """),
        // Writing to what the device writes.
        ("CS0131|CS0200|CS8331", """
            if (device.TryAllocatePages(100, out CpuBuffer<FromDevice> buffer) != Error.None) return;
            buffer.Bytes[0] = 1;
            buffer.Free();
            """),
        // Bytes on the device's side, an address on the CPU's.
        ("CS1061|CS1929", """
            if (device.TryAllocatePages(100, out CpuBuffer<Both> buffer) != Error.None) return;
            DeviceBuffer<Both> given = buffer.GiveToDevice();
            given.Bytes[0] = 1;
            buffer = given.TakeBack(0);
            buffer.Free();
            """),
        ("CS1061", """
            if (device.TryAllocatePages(100, out CpuBuffer<Both> buffer) != Error.None) return;
            Tell(buffer.Address);
            buffer.Free();
            """),
        // Taking back what was only read with a length, and what was written without.
        ("CS1501|CS7036|CS1929", """
            if (device.TryAllocatePages(100, out CpuBuffer<FromDevice> buffer) != Error.None) return;
            DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
            buffer = given.TakeBack();
            buffer.Free();
            """),
        // An address made of a number; one of memory that is no device's.
        ("CS1729|CS0122", "Tell(new DmaAddr(0x1000));"),
        ("CS1503|CS0029", "Tell(run.Start);"),
        // No address at all.
        ("CS1503", "Tell(0);"),
        // Releasing what the device has; releasing with a size.
        ("CS1929|CS1061", """
            if (device.TryAllocatePages(100, out CpuBuffer<Both> buffer) != Error.None) return;
            DeviceBuffer<Both> given = buffer.GiveToDevice();
            given.Free();
            """),
        ("CS0411|CS1929|CS1061", """
            if (device.TryMap(ref run, 100, out CpuBuffer<Both> buffer) != Error.None) return;
            DeviceBuffer<Both> given = buffer.GiveToDevice();
            run = given.Unmap();
            """),
        ("CS1501|CS1739", """
            if (device.TryMap(ref run, 100, out CpuBuffer<Both> buffer) != Error.None) return;
            run = buffer.Unmap(60);
            """),
        // A direction that it was not given with.
        ("CS0029|CS0266", """
            if (device.TryAllocatePages(100, out CpuBuffer<ToDevice> buffer) != Error.None) return;
            DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
            CpuBuffer<FromDevice> taken = given.TakeBack();
            """),
        // What the device sees of a list, asked of what the CPU has.
        ("CS1061", """
            if (device.TryMakeScatterList(4, 4, out ScatterList list) != Error.None) return;
            if (device.TryMap(ref list, out CpuScatter<Both> data) != Error.None) return;
            Tell(data.Segments[0].Address);
            data.Free();
            """),
        // A stack buffer.
        ("CS1503|CS1620|CS0411|CS1615", """
            System.Span<byte> stack = stackalloc byte[64];
            if (device.TryMap(ref stack, 64, out CpuBuffer<ToDevice> buffer) != Error.None) return;
            """),
        ("SLU001", """
            if (device.TryAllocatePages(100, out CpuBuffer<Both> buffer) != Error.None) return;
            CpuBuffer<Both> copy = buffer;
            buffer.Free();
            copy.Free();
            """),
        ("SLU002", """
            if (device.TryAllocatePages(100, out CpuBuffer<ToDevice> buffer) != Error.None) return;
            if (device.MayBounce) return;
            buffer.Free();
            """),
        ("SLU002", """
            if (device.TryAllocatePages(100, out CpuBuffer<ToDevice> buffer) != Error.None) return;
            buffer.GiveToDevice();
            """),
        ("SLU003", """
            device.TryMap(ref run, 100, out CpuBuffer<ToDevice> buffer);
            buffer.Free();
            """),
        ("SLU003", "device.TrySetMasks(32, 32);"),
        ("SLU005", """
            if (device.TryAllocatePages(100, out CpuBuffer<ToDevice> buffer) != Error.None) return;
            System.Span<byte> bytes = buffer.Bytes;
            DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
            bytes[0] = 1;
            buffer = given.TakeBack();
            buffer.Free();
            """),
        // Handing over in an interrupt handler.
        ("SLU004", """
            }
            [InterruptPath] internal static void OnInterrupt(ref CpuBuffer<ToDevice> buffer, ref DeviceBuffer<ToDevice> given)
            {
            given = buffer.GiveToDevice();
            """),
    ];

    [Fact]
    public void Each_misuse_is_an_error_of_the_compiler_or_the_analyzer()
    {
        // One compilation for all: a method each, and the errors by the lines that they are in.
        string source = "using Sluice; using Sluice.Dma; using Sluice.Mm;\ninternal static class Snippets\n{\nprivate static void Tell(DmaAddr address) { }\n";
        var first = new List<int>();
        foreach ((_, string body) in _snippets)
        {
            first.Add(source.Count(c => c == '\n') + 1);
            source += $"internal static void Snippet{first.Count}(DmaDevice device, ref PageRun run)\n{{\n{body}\n}}\n";
        }
        string output = Compile(source + "}\n");
        for (int i = 0; i < _snippets.Length; i++)
        {
            int end = i + 1 < first.Count ? first[i + 1] : int.MaxValue;
            string[] found = [.. Regex.Matches(output, @"\((\d+),\d+\): error (\w+)").Where(m => int.Parse(m.Groups[1].Value) >= first[i] && int.Parse(m.Groups[1].Value) < end).Select(m => m.Groups[2].Value)];
            string expected = _snippets[i].Errors;
            // The compiler's own errors keep the analyzer from others in the same method, not in others.
            bool right = expected.Length == 0 ? found.Length == 0 : found.Any(code => Regex.IsMatch(code, $"^({expected})$"));
            Assert.True(right, $"expected '{expected}', found '{string.Join(' ', found)}' in\n{_snippets[i].Body}\n{output}");
        }
    }

    private static string Compile(string source)
    {
        string folder = Directory.CreateTempSubdirectory("sluice-").FullName;
        try
        {
            string file = Path.Combine(folder, "Snippets.cs"), here = AppContext.BaseDirectory, runtime = RuntimeEnvironment.GetRuntimeDirectory();
            File.WriteAllText(file, source);
            string root = Path.GetFullPath(Path.Combine(runtime, "..", "..", ".."));
            string compiler = Directory.GetDirectories(Path.Combine(root, "sdk"), "10.*").Select(sdk => Path.Combine(sdk, "Roslyn", "bincore", "csc.dll")).Last(File.Exists);
            List<string> arguments = ["exec", compiler, "-nologo", "-t:library", "-unsafe", "-nullable:enable", $"-out:{Path.Combine(folder, "Snippets.dll")}",
                $"-analyzer:{Path.Combine(here, "Sluice.Analyzers.dll")}", $"-r:{typeof(DoesNotCompileTests).Assembly.Location}", file];
            arguments.AddRange(Directory.GetFiles(runtime, "System*.dll").Where(path => !path.Contains("Native", StringComparison.Ordinal)).Select(path => $"-r:{path}"));
            var start = new ProcessStartInfo(Path.Combine(root, "dotnet"), arguments) { RedirectStandardOutput = true };
            using Process process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return output;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
