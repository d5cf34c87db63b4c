using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Sluice.Analyzers;

/// <summary>
/// SLU004: what methods of a compilation make and whom they call, and from that what the marked ones must not reach. Across
/// assemblies, through interfaces and delegates only the attributes of what is called count.
/// </summary>
internal sealed class CallGraph
{
    private readonly ConcurrentDictionary<ISymbol, Body> _bodies = new(SymbolEqualityComparer.Default);

    private enum Path
    {
        Interrupt,
        Packet,
    }

    // What is done in one method.
    private sealed class Body
    {
        public readonly List<(string What, Location At)> Makes = [];
        public readonly List<(IMethodSymbol Method, Location At)> Calls = [];
    }

    /// <summary>Notes what a body does. Lambdas count only where they are made; local functions are methods of their own.</summary>
    public void Add(ISymbol code, IOperation root)
    {
        if (code is not IMethodSymbol method)
            return;
        Visit(root, BodyOf(method));
    }

    /// <summary>At the end of the compilation: everything that marked methods reach.</summary>
    public void Report(Action<Diagnostic> report)
    {
        foreach (KeyValuePair<ISymbol, Body> pair in _bodies)
        {
            var method = (IMethodSymbol)pair.Key;
            if (IsMarked(method, "InterruptPath"))
                Report(method, pair.Value, Path.Interrupt, report);
            else if (IsMarked(method, "PacketPath"))
                Report(method, pair.Value, Path.Packet, report);
        }
    }

    private static string Attribute(Path path) => path == Path.Interrupt ? "InterruptPath" : "PacketPath";

    private void Report(IMethodSymbol method, Body body, Path path, Action<Diagnostic> report)
    {
        foreach ((string what, Location at) in body.Makes)
            report(Diagnostic.Create(Rules.Allocation, at, method.Name, Attribute(path), "makes an object: " + what));
        foreach ((IMethodSymbol callee, Location at) in body.Calls)
        {
            if (Reason(callee, path, new HashSet<ISymbol>(SymbolEqualityComparer.Default) { method }) is { } chain)
                report(Diagnostic.Create(Rules.Allocation, at, method.Name, Attribute(path), "calls " + chain));
        }
    }

    // What is wrong with calling a method, by the shortest way there; null if nothing.
    private string? Reason(IMethodSymbol first, Path path, HashSet<ISymbol> seen)
    {
        var waiting = new Queue<(IMethodSymbol Method, string Chain)>();
        waiting.Enqueue((first, ""));
        while (waiting.Count != 0)
        {
            (IMethodSymbol method, string before) = waiting.Dequeue();
            method = Definition(method);
            if (!seen.Add(method))
                continue;
            string chain = (before.Length == 0 ? "" : before + " -> ") + Name(method);
            if (IsMarked(method, "Allocates"))
                return chain + ", which is [Allocates]";
            if (path == Path.Interrupt && IsMarked(method, "NotInInterrupt"))
                return chain + ", which is [NotInInterrupt]";
            // It answers for itself.
            if (IsMarked(method, Attribute(path)) || path == Path.Packet && IsMarked(method, "InterruptPath"))
                continue;
            if (!_bodies.TryGetValue(method, out Body? body))
                continue;
            if (body.Makes.Count != 0)
                return chain + ", which makes an object: " + body.Makes[0].What;
            foreach ((IMethodSymbol callee, _) in body.Calls)
                waiting.Enqueue((callee, chain));
        }
        return null;
    }

    private static string Name(IMethodSymbol method) => method.MethodKind switch
    {
        MethodKind.Constructor => $"new {method.ContainingType.Name}",
        MethodKind.PropertyGet or MethodKind.PropertySet when method.AssociatedSymbol is { } property => $"{method.ContainingType.Name}.{property.Name}",
        _ => method.ContainingType == null ? method.Name : $"{method.ContainingType.Name}.{method.Name}",
    };

    // Marked itself, or by what it overrides or implements.
    private static bool IsMarked(IMethodSymbol method, string attribute)
    {
        for (IMethodSymbol? at = method; at != null; at = at.OverriddenMethod)
        {
            if (Known.Has(at, attribute))
                return true;
            if (at.ContainingType is not { TypeKind: TypeKind.Class or TypeKind.Struct } type || at.IsStatic)
                continue;
            foreach (ISymbol member in type.AllInterfaces.SelectMany(i => i.GetMembers()))
            {
                if (member is IMethodSymbol && Known.Has(member, attribute)
                    && SymbolEqualityComparer.Default.Equals(type.FindImplementationForInterfaceMember(member), at))
                    return true;
            }
        }
        return false;
    }

    private static IMethodSymbol Definition(IMethodSymbol method) => (method.ReducedFrom ?? method).OriginalDefinition;

    private Body BodyOf(IMethodSymbol method) => _bodies.GetOrAdd(Definition(method), _ => new Body());

    private void Visit(IOperation operation, Body body)
    {
        switch (operation)
        {
            case IThrowOperation:                              // a panic: there the rules end
            case INameOfOperation or ITypeOfOperation:
                return;
            case IInvocationOperation { TargetMethod: var method } when Known.DoesNotReturn(method):
                return;
            case IAnonymousFunctionOperation:
                return;
            case ILocalFunctionOperation local:
                foreach (IOperation child in local.ChildOperations)
                    Visit(child, BodyOf(local.Symbol));
                return;
        }
        if (Allocations.Of(operation) is { } what)
            body.Makes.Add((what, operation.Syntax.GetLocation()));
        foreach (IMethodSymbol callee in Allocations.Calls(operation))
            body.Calls.Add((callee, operation.Syntax.GetLocation()));
        foreach (IOperation child in operation.ChildOperations)
            Visit(child, body);
    }
}
