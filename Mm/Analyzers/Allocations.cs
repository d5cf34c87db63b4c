using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace Sluice.Analyzers;

/// <summary>What the compiler makes an object for, and which methods an operation calls.</summary>
internal static class Allocations
{
    /// <summary>The object that an operation itself makes; null if it makes none.</summary>
    public static string? Of(IOperation operation) => operation switch
    {
        IObjectCreationOperation { Type: { IsReferenceType: true } type } => $"new {type.Name}",
        ITypeParameterObjectCreationOperation { Type: { IsValueType: false } type } => $"new {type.Name}",
        IAnonymousObjectCreationOperation => "an anonymous object",
        IWithOperation { Type.IsReferenceType: true } => "a copy by 'with'",
        IArrayCreationOperation array => Array(array),
        ICollectionExpressionOperation { Type: { } type, Elements.Length: > 0 } when !Known.IsSpan(type) && !type.IsValueType => "a collection",
        IConversionOperation conversion when IsBoxing(conversion) => $"the boxed '{conversion.Operand.Syntax}'",
        IDelegateCreationOperation { Target: IAnonymousFunctionOperation } => "a lambda's delegate",
        IDelegateCreationOperation => "a delegate",
        IInterpolatedStringOperation { Type.SpecialType: SpecialType.System_String, ConstantValue.HasValue: false } text
            when text.Parent is not IInterpolatedStringHandlerCreationOperation => "an interpolated string",
        IBinaryOperation { OperatorKind: BinaryOperatorKind.Add, Type.SpecialType: SpecialType.System_String, ConstantValue.HasValue: false } => "a joined string",
        ICompoundAssignmentOperation { OperatorKind: BinaryOperatorKind.Add, Type.SpecialType: SpecialType.System_String } => "a joined string",
        IInvocationOperation { TargetMethod: { Name: "ToString", IsStatic: false, ReturnType.SpecialType: SpecialType.System_String } method }
            when method.ContainingType.SpecialType != SpecialType.System_String => "a string",
        IMethodReferenceOperation { Parent: not (IDelegateCreationOperation or IAddressOfOperation), Instance.Type.IsValueType: true } => "a delegate",
        IReturnOperation { Kind: OperationKind.YieldReturn or OperationKind.YieldBreak } => "an iterator",
        IAwaitOperation => "a task",
        _ => null,
    };

    /// <summary>The methods that an operation itself calls.</summary>
    public static IEnumerable<IMethodSymbol> Calls(IOperation operation)
    {
        switch (operation)
        {
            case IInvocationOperation call:
                yield return call.TargetMethod;
                break;
            case IObjectCreationOperation { Constructor: { } constructor }:
                yield return constructor;
                break;
            case IPropertyReferenceOperation property:
                bool written = property.Parent is ISimpleAssignmentOperation assignment && assignment.Target == property;
                bool both = property.Parent is ICompoundAssignmentOperation compound && compound.Target == property || property.Parent is IIncrementOrDecrementOperation;
                if ((!written || both) && property.Property.GetMethod is { } getter)
                    yield return getter;
                if ((written || both) && property.Property.SetMethod is { } setter)
                    yield return setter;
                break;
            case IBinaryOperation { OperatorMethod: { } method }:
                yield return method;
                break;
            case IUnaryOperation { OperatorMethod: { } method }:
                yield return method;
                break;
            case IConversionOperation { OperatorMethod: { } method }:
                yield return method;
                break;
            case ICompoundAssignmentOperation { OperatorMethod: { } method }:
                yield return method;
                break;
            case IForEachLoopOperation { Syntax: CommonForEachStatementSyntax syntax, SemanticModel: { } model }:
                ForEachStatementInfo info = model.GetForEachStatementInfo(syntax);
                foreach (IMethodSymbol? method in (IMethodSymbol?[])[info.GetEnumeratorMethod, info.MoveNextMethod, info.CurrentProperty?.GetMethod])
                {
                    if (method != null)
                        yield return method;
                }
                break;
        }
    }

    // An array, save one of constants that becomes a span over the image's own data, and the empty one of `params`.
    private static string? Array(IArrayCreationOperation array)
    {
        if (array is { IsImplicit: true, Initializer: null or { ElementValues.IsEmpty: true } })
            return null;
        if (array.Parent is IConversionOperation { Type: { Name: "ReadOnlySpan" } span } && Known.IsSpan(span)
            && array.Initializer?.ElementValues.All(value => value.ConstantValue.HasValue) == true)
            return null;
        return array.Parent is IArgumentOperation { ArgumentKind: ArgumentKind.ParamArray } ? "an array for 'params'" : $"an array ('{array.Syntax}')";
    }

    private static bool IsBoxing(IConversionOperation conversion) =>
        conversion.OperatorMethod == null && conversion is { Operand.Type: { IsReferenceType: false, TypeKind: not TypeKind.Pointer } from, Type.IsReferenceType: true }
        && from.TypeKind is TypeKind.Struct or TypeKind.Enum or TypeKind.TypeParameter && conversion.GetConversion().IsBoxing;
}
