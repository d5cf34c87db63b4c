using System.Collections.Generic;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Sluice.Analyzers;

/// <summary>Functions inside of methods, and the variables that they share with them.</summary>
internal static class Functions
{
    /// <summary>The local or parameter that an expression names.</summary>
    public static ISymbol? Variable(IOperation operation) => operation switch
    {
        ILocalReferenceOperation local => local.Local,
        IParameterReferenceOperation parameter => parameter.Parameter,
        IDeclarationExpressionOperation { Expression: ILocalReferenceOperation local } => local.Local,
        _ => null,
    };

    /// <summary>The innermost lambda or local function around an operation.</summary>
    public static IMethodSymbol? Around(IOperation operation)
    {
        for (IOperation? around = operation.Parent; around != null; around = around.Parent)
        {
            if (around is IAnonymousFunctionOperation lambda)
                return lambda.Symbol;
            if (around is ILocalFunctionOperation local)
                return local.Symbol;
        }
        return null;
    }

    /// <summary>The innermost lambda around an operation, if no local function comes before.</summary>
    public static IMethodSymbol? LambdaAround(IOperation operation) =>
        Around(operation) is { MethodKind: MethodKind.AnonymousFunction } lambda ? lambda : null;

    /// <summary>Whether a variable belongs to a function or one inside of it.</summary>
    public static bool IsInside(ISymbol variable, IMethodSymbol function)
    {
        for (ISymbol? symbol = variable.ContainingSymbol; symbol is IMethodSymbol; symbol = symbol.ContainingSymbol)
        {
            if (SymbolEqualityComparer.Default.Equals(symbol, function))
                return true;
        }
        return false;
    }

    /// <summary>
    /// The variables of a body that can be reached in another way than by their name in their own function: captured, with their address
    /// taken, or referred to by a ref local.
    /// </summary>
    public static HashSet<ISymbol> Shared(IOperation body, ISymbol code)
    {
        var shared = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        foreach (IOperation operation in body.Descendants())
        {
            ISymbol? symbol = Variable(operation);
            if (symbol == null)
                continue;
            ISymbol function = Around(operation) ?? code;
            if (symbol.ContainingSymbol is IMethodSymbol && !SymbolEqualityComparer.Default.Equals(symbol.ContainingSymbol, function)
                && Around(operation) != null)
                shared.Add(symbol);
            else if (IsReferredTo(operation))
                shared.Add(symbol);
        }
        return shared;
    }

    private static bool IsReferredTo(IOperation operation)
    {
        for (IOperation child = operation; ; child = child.Parent)
        {
            switch (child.Parent)
            {
                case IAddressOfOperation:
                case ISimpleAssignmentOperation { IsRef: true } assignment when assignment.Value == child:
                case IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol.RefKind: not RefKind.None } }:
                    return true;
                case IConditionalOperation { IsRef: true }:
                case IFieldReferenceOperation { Instance.Type.IsValueType: true } or IInlineArrayAccessOperation:
                    continue;
                default:
                    return false;
            }
        }
    }
}
