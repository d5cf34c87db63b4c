using System;
using System.Collections.Generic;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace Sluice.Analyzers;

/// <summary>SLU001: the value of a place that holds a handle is used by value, so that there are two of it.</summary>
internal sealed class CopyRule(Known known, ISymbol code, Action<Diagnostic> report)
{
    // Locals and parameters of the body that are seen through a reference or by a function inside; built when first asked for.
    private HashSet<ISymbol>? _shared;
    private IOperation _body = null!;

    public void Check(IOperation body)
    {
        _body = body;
        foreach (IOperation operation in body.DescendantsAndSelf())
            Look(operation);
    }

    /// <summary>A struct with a handle in it is one itself, and an automatic property of a handle would hand out copies.</summary>
    public static void CheckMember(Known known, ISymbol member, Action<Diagnostic> report)
    {
        if (member is IFieldSymbol { IsStatic: false, IsConst: false, ContainingType: { TypeKind: TypeKind.Struct } type } field
            && field.RefKind == RefKind.None && known.IsHandle(field.Type) && !known.IsHandle(type) && !Known.IsInternal(type, field.Type))
            Report(report, Place(field), $"'{type.Name}' contains the handle '{field.Type.Name}' and can be copied; mark it [NonCopyable]");
        else if (member is IFieldSymbol { AssociatedSymbol: IPropertySymbol { GetMethod: not null } property }
            && known.IsHandle(property.Type) && !Known.IsInternal(property.ContainingType, property.Type))
            Report(report, Place(property), $"the automatic property '{property.Name}' hands out copies of its handle; return it by reference");
    }

    private static Location Place(ISymbol symbol) => symbol.Locations.Length == 0 ? Location.None : symbol.Locations[0];

    private static void Report(Action<Diagnostic> report, Location place, string what) => report(Diagnostic.Create(Rules.Copy, place, what));

    private void Report(IOperation at, string what) => Report(report, at.Syntax.GetLocation(), what);

    private void Look(IOperation operation)
    {
        switch (operation)
        {
            case IForEachLoopOperation { LoopControlVariable: IVariableDeclaratorOperation { Symbol: { RefKind: RefKind.None } symbol } } loop
                when Applies(symbol.Type):
                Report(loop.LoopControlVariable, $"each round copies a handle to '{symbol.Name}'; iterate by reference");
                return;
            case IDeclarationPatternOperation { DeclaredSymbol: ILocalSymbol symbol } when Applies(symbol.Type):
                Report(operation, $"the pattern copies a handle to '{symbol.Name}'");
                return;
            case IRecursivePatternOperation { DeclaredSymbol: ILocalSymbol symbol } when Applies(symbol.Type):
                Report(operation, $"the pattern copies a handle to '{symbol.Name}'");
                return;
            case IConversionOperation { Type.IsReferenceType: true } boxing when Applies(boxing.Operand.Type):
                Report(boxing, $"boxing copies the handle '{boxing.Operand.Syntax}'");
                return;
        }
        ITypeSymbol? type = Places.TypeOf(operation);
        if (!known.IsHandle(type) || Known.IsInternal(code, type) || operation.Syntax is TypeSyntax and not SimpleNameSyntax)
            return;
        if (IsCapture(operation))
            Report(operation, $"a lambda captures the handle '{operation.Syntax}'");
        else if (Places.IsPlace(operation))
            Use(operation, operation);
    }

    private bool Applies(ITypeSymbol? type) => known.IsHandle(type) && !Known.IsInternal(code, type);

    // What becomes of a place's value: climbs over what passes the value on.
    private void Use(IOperation place, IOperation value)
    {
        switch (value.Parent)
        {
            case IArgumentOperation { Parameter.RefKind: RefKind.None }:
                Report(place, $"passing '{place.Syntax}' by value copies a handle; move it with Own.Move(ref ...), or pass it by reference");
                return;
            case ISimpleAssignmentOperation { IsRef: false, Target: not IDiscardOperation } assignment when assignment.Value == value:
            case IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol.RefKind: RefKind.None } }:
            case IFieldInitializerOperation or IPropertyInitializerOperation:
            case ITupleOperation or IArrayInitializerOperation or ICollectionExpressionOperation or IWithOperation:
            case IBinaryOperation or IUnaryOperation:
                Report(place, $"'{place.Syntax}' is a handle and is copied; move it with Own.Move(ref ...)");
                return;
            case IReturnOperation { Kind: OperationKind.Return } when !ReturnsReference(value):
                if (!IsMove(place, value))
                    Report(place, $"returning '{place.Syntax}' copies a handle; move it with Own.Move(ref ...)");
                return;
            case IReturnOperation { Kind: OperationKind.YieldReturn }:
                Report(place, $"'yield return' copies the handle '{place.Syntax}'");
                return;
            case IInvocationOperation call when call.Instance == value:
                UseMember(place, call.TargetMethod, call.TargetMethod.IsReadOnly);
                return;
            case IPropertyReferenceOperation property when property.Instance == value:
                UseMember(place, property.Property, property.Property.GetMethod is not { IsReadOnly: false });
                return;
            case IMethodReferenceOperation method when method.Instance == value:
                Report(place, $"a delegate boxes the handle '{place.Syntax}'");
                return;
            case IConversionOperation { Type.IsReferenceType: false } conversion:
                if (conversion.OperatorMethod != null || !known.IsHandle(conversion.Type))
                    Report(place, $"the conversion copies the handle '{place.Syntax}'");
                else
                    Use(place, conversion);
                return;
            case IConditionalOperation { IsRef: false } choice when choice.Condition != value && choice.Type != null:
                Use(place, choice);
                return;
            case IConditionalOperation { IsRef: true } choice when choice.Condition != value:
                Use(place, choice);
                return;
            case ISwitchExpressionArmOperation { Parent: ISwitchExpressionOperation choice } arm when arm.Value == value:
                Use(place, choice);
                return;
        }
    }

    private void UseMember(IOperation place, ISymbol member, bool isReadOnly)
    {
        if (member.ContainingType?.SpecialType is SpecialType.System_Object or SpecialType.System_ValueType)
            Report(place, $"'{member.Name}' boxes the handle '{place.Syntax}'");
        else if (Known.ExtensionReceiver(member) is { } receiver)
        {
            if (receiver == RefKind.None)
                Report(place, $"'{member.Name}' gets a copy of the handle '{place.Syntax}'; let its extension take it by reference");
        }
        else if (!isReadOnly && Places.IsReadOnly(place, code))
            Report(place, $"'{member.Name}' is not readonly and '{place.Syntax}' is: it works on a copy");
    }

    private bool ReturnsReference(IOperation value)
    {
        IMethodSymbol? function = Functions.Around(value) ?? code as IMethodSymbol;
        return function != null ? function.RefKind != RefKind.None : code is IPropertySymbol property && property.RefKind != RefKind.None;
    }

    // The end of a local's life, if nobody else sees it and no `finally` comes after the return.
    private bool IsMove(IOperation place, IOperation value)
    {
        ISymbol? symbol = place switch
        {
            ILocalReferenceOperation { Local: { RefKind: RefKind.None, IsStatic: false } local } => local,
            IParameterReferenceOperation { Parameter: { RefKind: RefKind.None, ContainingSymbol: IMethodSymbol } parameter } => parameter,
            _ => null,
        };
        if (symbol == null)
            return false;
        _shared ??= Functions.Shared(_body, code);
        if (_shared.Contains(symbol))
            return false;
        for (IOperation? around = value; around != null; around = around.Parent)
        {
            if (around is ITryOperation { Finally: { } last })
            {
                foreach (IOperation operation in last.Descendants())
                {
                    if (SymbolEqualityComparer.Default.Equals(Functions.Variable(operation), symbol))
                        return false;
                }
            }
        }
        return true;
    }

    private bool IsCapture(IOperation operation) =>
        Functions.Variable(operation) is { } symbol && Functions.LambdaAround(operation) is { } lambda && !Functions.IsInside(symbol, lambda);
}
