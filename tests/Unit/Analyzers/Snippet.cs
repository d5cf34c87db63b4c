using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Sluice.Analyzers;
using Xunit;

namespace Sluice.Tests.Analyzers;

/// <summary>Members of a class, compiled with the analyzer. A line that it must report ends with a comment: the rule's number.</summary>
internal static partial class Snippet
{
    private const string Prelude = """
        using System;
        using System.Collections.Generic;
        using System.Diagnostics.CodeAnalysis;
        using System.Runtime.CompilerServices;
        using Sluice;

        [NonCopyable] public readonly struct Box
        {
            private readonly int _value;
            public Box(int value) => _value = value;
            public bool IsEmpty => _value == 0;
            public int Value => _value;
            public Span<byte> Memory => default;
            public ref int First => throw new Exception();
            public override string ToString() => "a box";
        }

        [NonCopyable] public struct Changing
        {
            public Changing(int value) => Number = value;
            public int Number;
            public bool IsEmpty => Number == 0;
            public void Release() => Number = 0;
            public readonly int Read() => Number;
            public int Next() => Number++;
        }

        [NonCopyable(Release = false)] public struct Ring
        {
            private int _count;
            public void Push() => _count++;
            public readonly int Count => _count;
        }

        public struct ToDevice;

        [NonCopyable] public ref struct CpuSide<D> where D : struct
        {
            public CpuSide(Span<byte> bytes) => Bytes = bytes;
            public Span<byte> Bytes { get; }
            public readonly bool IsEmpty => Bytes.IsEmpty;
            public static bool TryTake(out CpuSide<D> side) { side = new CpuSide<D>(new byte[4]); return true; }
            public static DeviceSide<D> GiveToDevice(ref CpuSide<D> side) { side = default; return new DeviceSide<D>(1); }
            public void Dispose() { }
        }

        [NonCopyable] public readonly struct DeviceSide<D> where D : struct
        {
            public DeviceSide(ulong address) => Address = address;
            public ulong Address { get; }
            public bool IsEmpty => Address == 0;
            public static Error TakeBack(ref DeviceSide<D> side, out CpuSide<D> cpu) { side = default; cpu = default; return Error.None; }
        }

        public static class Boxes
        {
            public static bool Ready;
            public static bool TryTake(out Box box) { box = new Box(1); return true; }
            public static Error Take(out Box box) { box = new Box(1); return Error.None; }
            public static Box Make() => new Box(1);
            public static void Give(ref Box box) => box = default;
            public static void Swallow(Box box) => Give(ref box);
            public static void Look(in Box box) { }
            public static void Bytes(Span<byte> bytes) { }
            public static Span<byte> Show(this in Box box) => default;
            public static void Free(this ref Box box) => box = default;
            public static Error Probe() => Error.None;
            [MustUse] public static int Important() => 1;
            public static bool Check(bool condition, string what) => condition;
            [DoesNotReturn] public static void Stop() => throw new Exception();
            public static void StopIf([DoesNotReturnIf(true)] bool bad) { if (bad) Stop(); }
        }

        public sealed unsafe partial class Subject
        {
            private Box _box;
            private readonly Box[] _boxes = new Box[4];
            private static bool Ready => Boxes.Ready;

        """;

    /// <summary>The line that the members start on.</summary>
    public static int FirstLine => Prelude.Count(c => c == '\n') + 1;

    private static readonly MetadataReference[] _references =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(IsWanted).Select(f => MetadataReference.CreateFromFile(f))];

    /// <summary>The analyzer says what the comments say, and the code compiles.</summary>
    public static async Task Check(string members)
    {
        string text = Prelude + members + "\n}\n";
        CSharpCompilation compilation = CSharpCompilation.Create("Snippet",
            [CSharpSyntaxTree.ParseText(text, new CSharpParseOptions(LanguageVersion.Latest), cancellationToken: TestContext.Current.CancellationToken)],
            _references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
        Assert.Empty(compilation.GetDiagnostics(TestContext.Current.CancellationToken).Where(d => d.Severity == DiagnosticSeverity.Error));

        ImmutableArray<Diagnostic> found = await compilation.WithAnalyzers([new OwnershipAnalyzer()])
            .GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
        string[] lines = text.Split('\n');
        IEnumerable<string> expected = lines.SelectMany((line, i) => Mark().Matches(line).Select(m => Spot(i, m.Value, lines)));
        IEnumerable<string> actual = found.Select(d => Spot(d.Location.GetLineSpan().StartLinePosition.Line, d.Id, lines)).Distinct();
        string messages = string.Join("\n", found.Select(d => d.ToString()));
        Assert.True(expected.Order().SequenceEqual(actual.Order()),
            $"expected:\n{string.Join("\n", expected.Order())}\nfound:\n{string.Join("\n", actual.Order())}\n{messages}");
        Assert.All(found, d => Assert.Equal(DiagnosticSeverity.Error, d.Severity));
    }

    /// <summary>What the analyzer says about the code, in words.</summary>
    public static async Task<string> Messages(string members)
    {
        CSharpCompilation compilation = CSharpCompilation.Create("Snippet", [CSharpSyntaxTree.ParseText(Prelude + members + "\n}\n")],
            _references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
        ImmutableArray<Diagnostic> found = await compilation.WithAnalyzers([new OwnershipAnalyzer()]).GetAnalyzerDiagnosticsAsync();
        return string.Join("\n", found.Select(d => d.GetMessage()));
    }

    private static string Spot(int line, string rule, string[] lines) => $"{rule} line {line + 1}: {lines[line].Trim()}";

    // .NET's own, and this assembly, which has the attributes.
    private static bool IsWanted(string file) =>
        Path.GetFileName(file) is { } name && (name.StartsWith("System.", StringComparison.Ordinal) || name is "mscorlib.dll" or "netstandard.dll")
        || file == typeof(Error).Assembly.Location;

    [GeneratedRegex(@"SLU\d\d\d(?=[ \dSLU]*$)")]
    private static partial Regex Mark();
}
