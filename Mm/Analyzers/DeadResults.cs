using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Sluice.Analyzers;

/// <summary>Whether a local is read after it got a value, on some path, before it gets the next.</summary>
internal static class DeadResults
{
    public static bool IsRead(ControlFlowGraph graph, ILocalSymbol local, IOperation value)
    {
        foreach (BasicBlock block in graph.Blocks)
        {
            for (int i = 0; i < block.Operations.Length; i++)
            {
                if (Assigned(block.Operations[i], local) is { } assigned && assigned.Syntax.Span.Contains(value.Syntax.Span))
                    return IsReadAfter(block, i + 1, local, []);
            }
        }
        return true;                // in a lambda, or in a form unknown here
    }

    private static bool IsReadAfter(BasicBlock block, int first, ILocalSymbol local, HashSet<int> seen)
    {
        foreach (IOperation? operation in block.Operations.Skip(first).Append(block.BranchValue))
        {
            if (operation == null)
                continue;
            IOperation? assigned = Assigned(operation, local);
            if (Reads(assigned ?? operation, local))
                return true;
            if (assigned != null)
                return false;
        }
        foreach (ControlFlowBranch? branch in (ControlFlowBranch?[])[block.ConditionalSuccessor, block.FallThroughSuccessor])
        {
            if (branch?.FinallyRegions.Length > 0 || branch?.Semantics == ControlFlowBranchSemantics.StructuredExceptionHandling)
                return true;        // not followed
            if (branch?.Destination is { } next && seen.Add(next.Ordinal) && IsReadAfter(next, 0, local, seen))
                return true;
        }
        return false;
    }

    // The value that an operation gives to a local, if that is what it does.
    private static IOperation? Assigned(IOperation operation, ILocalSymbol local)
    {
        if (operation is IExpressionStatementOperation statement)
            operation = statement.Operation;
        return operation is ISimpleAssignmentOperation { Target: ILocalReferenceOperation target } assignment
            && SymbolEqualityComparer.Default.Equals(target.Local, local) ? assignment.Value : null;
    }

    private static bool Reads(IOperation operation, ILocalSymbol local) => operation.DescendantsAndSelf().Any(inside =>
        inside is ILocalReferenceOperation reference && SymbolEqualityComparer.Default.Equals(reference.Local, local));
}
