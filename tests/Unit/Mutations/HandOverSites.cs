using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Sluice.Tests.Mutations;

/// <summary>A place in a driver where memory changes sides, or a descriptor is given away.</summary>
/// <param name="Driver">The folder of the driver.</param>
/// <param name="File">Name of the source file.</param>
/// <param name="Line">From 1 on.</param>
/// <param name="Call">What is called.</param>
public sealed record HandOverSite(string Driver, string File, int Line, string Call)
{
    public override string ToString() => $"{Driver}/{File}:{Line} {Call}";
}

/// <summary>
/// Rewrites drivers so that each hand-over can be left out while they run, by its number: one compilation holds all mutants. What
/// is left out of a hand-over is its effect on caches and copies; handles change sides as ever.
/// </summary>
public sealed class HandOverSites
{
    private const string Switch = "global::Sluice.Tests.Mutations.LeftOut";

    private static readonly HashSet<string> _handOvers =
    [
        "GiveToDevice", "TakeBack", "GivePart", "TakePart", "GiveParts", "TakeParts",
        "TryGiveToSend", "TryGiveToFill", "TakeSent", "TakeFilled", "FreeSent", "Look", "WriteHeader", "WriteHeaderWord", "WriteHeaderWords",
    ];

    private readonly List<HandOverSite> _sites = [];

    /// <summary>All found so far; a site's number is its place.</summary>
    public IReadOnlyList<HandOverSite> Found => _sites;

    /// <summary>The same source, on the same lines, with a switch at each hand-over.</summary>
    public string Rewrite(string driver, string file, string source)
    {
        SyntaxTree tree = CSharpSyntaxTree.ParseText(source, new CSharpParseOptions(LanguageVersion.Preview));
        var before = new Dictionary<int, string>();
        var after = new Dictionary<int, string>();
        foreach (InvocationExpressionSyntax call in tree.GetRoot().DescendantNodes().OfType<InvocationExpressionSyntax>())
        {
            if (call.Expression is not MemberAccessExpressionSyntax { Name.Identifier.ValueText: string name })
                continue;
            var statement = call.Parent as ExpressionStatementSyntax;
            bool publishes = name == "Publish" && statement != null;
            if (!publishes && !_handOvers.Contains(name))
                continue;
            int number = _sites.Count;
            _sites.Add(new HandOverSite(driver, file, call.GetLocation().GetLineSpan().StartLinePosition.Line + 1, name));
            (SyntaxNode node, string prefix, string suffix) = publishes
                ? (statement!, $"if ({Switch}.Keeps({number})) ", "")
                : statement != null
                    ? (statement, $"{{ {Switch}.Begin({number}); ", $" {Switch}.End(); }}")
                    : ((SyntaxNode)call, $"{Switch}.End({Switch}.Begin({number}), ", ")");
            // Outer calls come first: their text goes farther out at both ends.
            before[node.SpanStart] = before.GetValueOrDefault(node.SpanStart) + prefix;
            after[node.Span.End] = suffix + after.GetValueOrDefault(node.Span.End);
        }
        var text = new StringBuilder();
        for (int i = 0; i <= source.Length; i++)
        {
            text.Append(after.GetValueOrDefault(i)).Append(before.GetValueOrDefault(i));
            if (i < source.Length)
                text.Append(source[i]);
        }
        return text.ToString();
    }

    /// <summary>Rewrites all files of all drivers into a folder.</summary>
    public IEnumerable<string> RewriteAll(string drivers, string into)
    {
        foreach (string file in Directory.EnumerateFiles(drivers, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string path = Path.GetRelativePath(drivers, file);
            if (path.StartsWith("obj/", StringComparison.Ordinal) || path.StartsWith("bin/", StringComparison.Ordinal))
                continue;
            string target = Path.Combine(into, path.Replace('/', '.'));
            File.WriteAllText(target, Rewrite(Path.GetFileName(Path.GetDirectoryName(path)!), Path.GetFileName(path), File.ReadAllText(file)));
            yield return target;
        }
    }
}
