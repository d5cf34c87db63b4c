using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace Sluice.Analyzers;

/// <summary>Which expressions denote a place in memory, whose value somebody else still has after it was read.</summary>
internal static class Places
{
    /// <summary>Whether an expression denotes a place.</summary>
    public static bool IsPlace(IOperation operation) => operation switch
    {
        ILocalReferenceOperation local => !local.IsDeclaration,
        IParameterReferenceOperation or IInstanceReferenceOperation or IArrayElementReferenceOperation => true,
        IFieldReferenceOperation field => field.Instance is not { Type.IsValueType: true } instance || IsPlace(instance),
        IInlineArrayAccessOperation access => IsPlace(access.Instance),
        IPropertyReferenceOperation property => property.Property.RefKind != RefKind.None,
        IInvocationOperation call => call.TargetMethod.RefKind != RefKind.None,
        IFunctionPointerInvocationOperation call => call.GetFunctionPointerSignature().RefKind != RefKind.None,
        ISimpleAssignmentOperation => true,
        IConditionalOperation { IsRef: true } => false,       // its branches are looked at
        _ => IsPointee(operation),
    };

    /// <summary>Whether an expression is <c>*p</c> or <c>p[i]</c>; the compiler's operations have no kind for these.</summary>
    public static bool IsPointee(IOperation operation) =>
        operation.Kind == OperationKind.None && operation.Syntax switch
        {
            PrefixUnaryExpressionSyntax prefix => prefix.IsKind(SyntaxKind.PointerIndirectionExpression),
            ElementAccessExpressionSyntax => true,
            _ => false,
        };

    /// <summary>The type of an expression, also of one that the compiler's operations have no kind for.</summary>
    public static ITypeSymbol? TypeOf(IOperation operation) =>
        operation.Type ?? (IsPointee(operation) ? operation.SemanticModel?.GetTypeInfo(operation.Syntax).Type : null);

    /// <summary>Whether a place may only be read, so that a member which is not readonly would work on a copy of it.</summary>
    public static bool IsReadOnly(IOperation place, ISymbol code) => place switch
    {
        IParameterReferenceOperation parameter => parameter.Parameter.RefKind is RefKind.In or RefKind.RefReadOnlyParameter,
        ILocalReferenceOperation local => local.Local.RefKind == RefKind.RefReadOnly,
        IFieldReferenceOperation field =>
            field.Field.IsReadOnly && !IsConstructorOf(code, field.Field)
            || field.Instance is { Type.IsValueType: true } instance && IsReadOnly(instance, code),
        IInstanceReferenceOperation => code is IMethodSymbol { IsReadOnly: true },
        IPropertyReferenceOperation property => property.Property.RefKind == RefKind.RefReadOnly,
        IInvocationOperation call => call.TargetMethod.RefKind == RefKind.RefReadOnly,
        IInlineArrayAccessOperation access => IsReadOnly(access.Instance, code),
        _ => false,
    };

    private static bool IsConstructorOf(ISymbol code, IFieldSymbol field) =>
        code is IMethodSymbol { MethodKind: MethodKind.Constructor or MethodKind.StaticConstructor } or IFieldSymbol or IPropertySymbol
        && SymbolEqualityComparer.Default.Equals(code.ContainingType, field.ContainingType);
}
