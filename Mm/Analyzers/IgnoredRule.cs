using System;
using System.Collections.Generic;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Sluice.Analyzers;

/// <summary>SLU003: a result that says whether something worked is thrown away, or kept in a local that nobody reads.</summary>
internal static class IgnoredRule
{
    public static void Check(Known known, ISymbol code, IOperation body, Func<IOperation, ControlFlowGraph> graph, Action<Diagnostic> report)
    {
        // Locals that got such a result, and where.
        Dictionary<ISymbol, List<IOperation>>? kept = null;
        foreach (IOperation operation in body.DescendantsAndSelf())
        {
            switch (operation)
            {
                case IExpressionStatementOperation statement when Result(known, statement.Operation) is { } ignored:
                    Report(report, ignored);
                    break;
                case ISimpleAssignmentOperation { Target: IDiscardOperation } assignment when Result(known, assignment.Value) is { } ignored:
                    Report(report, ignored);
                    break;
                case ISimpleAssignmentOperation { Target: ILocalReferenceOperation local } assignment when Result(known, assignment.Value) is { } call:
                    Keep(ref kept, local.Local, call);
                    break;
                case IVariableDeclaratorOperation { Initializer.Value: { } value } declarator when Result(known, value) is { } call:
                    Keep(ref kept, declarator.Symbol, call);
                    break;
            }
        }
        if (kept != null)
            CheckKept(code, body, kept, graph, report);
    }

    // A local that nobody reads, or that gets its next value first.
    private static void CheckKept(ISymbol code, IOperation body, Dictionary<ISymbol, List<IOperation>> kept,
        Func<IOperation, ControlFlowGraph> graph, Action<Diagnostic> report)
    {
        var read = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        foreach (IOperation operation in body.Descendants())
        {
            if (operation is ILocalReferenceOperation local && kept.ContainsKey(local.Local) && !IsOverwritten(local))
                read.Add(local.Local);
        }
        HashSet<ISymbol>? shared = null;
        foreach (KeyValuePair<ISymbol, List<IOperation>> pair in kept)
        {
            bool unread = !read.Contains(pair.Key);
            if (!unread && (body is not IBlockOperation || (shared ??= Functions.Shared(body, code)).Contains(pair.Key)))
                continue;
            foreach (IOperation call in pair.Value)
            {
                if (unread || !DeadResults.IsRead(graph(body), (ILocalSymbol)pair.Key, call))
                    Report(report, call);
            }
        }
    }

    private static bool IsOverwritten(ILocalReferenceOperation local) =>
        local.Parent is ISimpleAssignmentOperation { Parent: IExpressionStatementOperation } assignment && assignment.Target == local;

    private static void Keep(ref Dictionary<ISymbol, List<IOperation>>? kept, ISymbol local, IOperation call)
    {
        kept ??= new(SymbolEqualityComparer.Default);
        if (!kept.TryGetValue(local, out List<IOperation>? calls))
            kept.Add(local, calls = []);
        calls.Add(call);
    }

    private static void Report(Action<Diagnostic> report, IOperation call)
    {
        string name = call switch
        {
            IInvocationOperation { TargetMethod.Name: var method } => method,
            _ => call.Syntax.ToString(),
        };
        report(Diagnostic.Create(Rules.Ignored, call.Syntax.GetLocation(), name));
    }

    // The call whose result must be looked at, if an expression is one.
    private static IOperation? Result(Known known, IOperation operation)
    {
        while (operation is IConversionOperation conversion)
            operation = conversion.Operand;
        return operation switch
        {
            IInvocationOperation { TargetMethod: var method } when IsMustUse(method.ReturnType) || Known.Has(method, "MustUse")
                || known.IsTake(method) => operation,
            IFunctionPointerInvocationOperation when IsMustUse(operation.Type) => operation,
            _ => null,
        };
    }

    private static bool IsMustUse(ITypeSymbol? type) => Known.IsError(type) || type is INamedTypeSymbol && Known.Has(type.OriginalDefinition, "MustUse");
}
