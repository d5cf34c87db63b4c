using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Sluice.Analyzers;

// One expression on one path: what it changes, and its value; several results where the path divides.
internal sealed partial class Flow
{
    private static readonly (State, Value)[] _noWay = [];

    private IReadOnlyList<(State State, Value Value)> Run(IOperation operation, State state)
    {
        if (operation.ConstantValue is { HasValue: true, Value: var constant })
        {
            if (constant is bool truth)
                return [(state, Value.Of(truth))];
            if (Known.IsError(operation.Type))
                return [(state, Value.OfError(System.Convert.ToInt64(constant) == 0))];
            return [(state, default)];
        }
        switch (operation)
        {
            case IExpressionStatementOperation statement:
                return Run(statement.Operation, state);
            case ILocalReferenceOperation local:
                return [(state, Read(local.Local, state, local))];
            case IParameterReferenceOperation parameter:
                return [(state, Read(parameter.Parameter, state, parameter))];
            case IFieldReferenceOperation field:
                return Through(field.Instance, state, field);
            case IFlowCaptureOperation capture:
                return Each(Run(capture.Value, state), (s, v) => (s.With(capture.Id, v.Key == null ? v : new Value(Fact.None, key: v.Key)), default));
            case IFlowCaptureReferenceOperation reference:
                return [(state, Captured(reference.Id, state))];
            case ISimpleAssignmentOperation assignment:
                return Assign(assignment, state);
            case ICompoundAssignmentOperation { Target: ILocalReferenceOperation target } compound:
                return Each(Run(compound.Value, state), (s, v) => (s.Without(target.Local), default));
            case IConversionOperation conversion:
                return Each(Run(conversion.Operand, state), (s, v) => Convert(conversion, s, v));
            case IUnaryOperation { OperatorKind: UnaryOperatorKind.Not } not when Known.IsBool(not.Type):
                return Negate(Run(not.Operand, state));
            case IBinaryOperation { OperatorKind: BinaryOperatorKind.Equals } equal:
                return Compare(equal, state);
            case IBinaryOperation { OperatorKind: BinaryOperatorKind.NotEquals } different:
                return Negate(Compare(different, state));
            case IIsPatternOperation match:
                return Each2(Run(match.Value, state), (s, v) => Match(match.Pattern, s, v));
            case IInvocationOperation call:
                return Call(call, call.TargetMethod, call.Instance, call.Arguments, state);
            case IFunctionPointerInvocationOperation call:
                return Call(call, call.GetFunctionPointerSignature(), null, call.Arguments, state);
            case IObjectCreationOperation { Constructor: { } constructor } creation:
                return Call(creation, constructor, null, creation.Arguments, state);
            case IPropertyReferenceOperation property:
                return Property(property, state);
            case IImplicitIndexerReferenceOperation part:
                return Each(All([part.Instance, part.Argument], state), (s, v) => (s, v[0].Fact == Fact.Memory ? v[0].Stored() : default));
            case IDefaultValueOperation:
                return [(state, Known.IsBool(operation.Type) ? Value.Of(false) : Known.IsError(operation.Type) ? Value.OfError(true) : default)];
            case IAddressOfOperation or IFlowAnonymousFunctionOperation or INameOfOperation or IDiscardOperation:
                return [(state, default)];
            default:
                return Each(All(operation.ChildOperations, state), (s, values) => (values.Aggregate(s, Consume), default));
        }
    }

    private Value Read(ISymbol variable, State state, IOperation at)
    {
        Value value = state[variable];
        if (value is { Fact: Fact.StaleMemory, Source: { } source })
            Found(Rules.Stale, at.Syntax.GetLocation(), variable.Name, source.Name);
        return new Value(value.Fact, value.Site, variable, value.Source);
    }

    private static Value Captured(CaptureId capture, State state)
    {
        Value value = state[capture];
        if (value.Key == null)
            return new Value(value.Fact, value.Site, capture, value.Source);
        Value now = state[value.Key];
        return new Value(now.Fact, now.Site, value.Key, now.Source);
    }

    // A field: of the handle in a variable, of `this`, or static.
    private IReadOnlyList<(State, Value)> Through(IOperation? instance, State state, IFieldReferenceOperation field)
    {
        object? key = instance is null or IInstanceReferenceOperation && _known.IsHandle(field.Type) ? field.Field : null;
        return instance == null ? [(state, new Value(Fact.None, key: key))] : Each(Run(instance, state), (s, v) => (s, new Value(Fact.None, key: key)));
    }

    // The variable's handle goes elsewhere: it is nobody's business here any more, and neither is its memory.
    private State Consume(State state, Value value)
    {
        if (value.Key is CaptureId)
            return state.Without(value.Key);
        if (value.Key is not ISymbol symbol || !_known.MustRelease(TypeOf(symbol)))
            return state;
        return state.Without(symbol).WithStale(symbol);
    }

    private IReadOnlyList<(State, Value)> Assign(ISimpleAssignmentOperation assignment, State state)
    {
        ISymbol? target = Target(assignment.Target, state);
        if (target is ILocalSymbol { RefKind: not RefKind.None } && !assignment.IsRef)
        {
            Read(target, state, assignment.Target);            // through the reference
            return Each(Run(assignment.Value, state), (s, value) => (Consume(s, value), default));
        }
        if (target == null || assignment.IsRef && !IsMemory(target))
        {
            IEnumerable<IOperation> parts = assignment.Target.ChildOperations;
            return Each(All(parts.Append(assignment.Value), state), (s, values) =>
            {
                Value value = values[values.Length - 1];
                if (value.IsFresh && assignment.Target is IDiscardOperation)
                    Dropped(value.Site!);
                return (assignment.Target is IDiscardOperation || assignment.IsRef ? s : Consume(s, value), default);
            });
        }
        return Each(Run(assignment.Value, state), (s, value) => (Put(s, target, value, assignment), new Value(Fact.None, key: target)));
    }

    private static ISymbol? Target(IOperation target, State state) => target switch
    {
        ILocalReferenceOperation local => local.Local,
        IDeclarationExpressionOperation { Expression: ILocalReferenceOperation local } => local.Local,
        IParameterReferenceOperation { Parameter.RefKind: RefKind.None or RefKind.Out } parameter => parameter.Parameter,
        IFlowCaptureReferenceOperation capture => state[capture.Id].Key as ISymbol,
        _ => null,
    };

    private State Put(State state, ISymbol variable, Value value, IOperation by)
    {
        if (_known.IsHandle(TypeOf(variable)))
        {
            if (!IsTracked(variable))
                return Consume(state, value);
            if (state[variable] is { Fact: Fact.Held, Site: { } lost } && !Equals(value.Key, variable))
                Overwritten(lost, by);
            state = Consume(state, value);
            return state.With(variable, value.Fact == Fact.Held ? new Value(Fact.Held, value.Site) : default);
        }
        return state.With(variable, value.Fact is Fact.Held ? default : value.Stored());
    }

    private static bool IsMemory(ISymbol variable) => variable is ILocalSymbol { RefKind: not RefKind.None };

    private (State, Value) Convert(IConversionOperation conversion, State state, Value value)
    {
        if (Known.IsBool(conversion.Type) || Known.IsError(conversion.Type) || Known.IsSpan(conversion.Type))
            return (state, value);
        return _known.IsHandle(conversion.Type) ? (state, value) : (Consume(state, value), default);
    }

    private static IReadOnlyList<(State, Value)> Negate(IReadOnlyList<(State, Value)> results) =>
        Each2(results, (s, v) => v.Truth is { } truth ? [(s, Value.Of(!truth))]
            : v.Key != null ? [(s.With(v.Key, Value.Of(true)), Value.Of(false)), (s.With(v.Key, Value.Of(false)), Value.Of(true))]
            : [(s, default)]);

    private IReadOnlyList<(State, Value)> Compare(IBinaryOperation operation, State state)
    {
        IOperation left = operation.LeftOperand, right = operation.RightOperand;
        if (left.ConstantValue.HasValue && !right.ConstantValue.HasValue)
            (left, right) = (right, left);
        if (right.ConstantValue is not { HasValue: true, Value: { } constant })
            return Each(All([left, right], state), (s, v) => (s, default));
        if (constant is bool wanted)
            return wanted ? Run(left, state) : Negate(Run(left, state));
        return Known.IsError(left.Type)
            ? Each2(Run(left, state), (s, v) => IsError(System.Convert.ToInt64(constant) == 0, s, v))
            : Each(Run(left, state), (s, v) => (s, default));
    }

    // error == Error.None, or == one of the others.
    private static IReadOnlyList<(State, Value)> IsError(bool none, State state, Value value)
    {
        switch (value.Fact)
        {
            case Fact.Success:
                return [(state, Value.Of(none))];
            case Fact.Failure:
                return none ? [(state, Value.Of(false))] : [(state, default)];
        }
        if (value.Key == null || !none)
            return [(state, default)];
        return [(state.With(value.Key, Value.OfError(true)), Value.Of(true)), (state.With(value.Key, Value.OfError(false)), Value.Of(false))];
    }

    private IReadOnlyList<(State, Value)> Match(IPatternOperation pattern, State state, Value value)
    {
        switch (pattern)
        {
            case IConstantPatternOperation { Value.ConstantValue: { HasValue: true, Value: bool wanted } }:
                return wanted ? [(state, value)] : Negate([(state, value)]);
            case IConstantPatternOperation { Value: { ConstantValue: { HasValue: true, Value: { } constant } } operand } when Known.IsError(operand.Type):
                return IsError(System.Convert.ToInt64(constant) == 0, state, value);
            case INegatedPatternOperation negated:
                return Negate(Match(negated.Pattern, state, value));
            case IBinaryPatternOperation { OperatorKind: BinaryOperatorKind.Or } either:
                return Each2(Match(either.LeftPattern, state, value), (s, v) =>
                    v.Truth == true ? [(s, v)] : Each(Match(either.RightPattern, s, value), (s2, v2) => (s2, v2.Truth == false ? v : v2)));
            case IDiscardPatternOperation:
                return [(state, Value.Of(true))];
            case IRecursivePatternOperation { PropertySubpatterns.Length: 1 } properties
                when properties.PropertySubpatterns[0] is { Member: IPropertyReferenceOperation { Property.Name: "IsEmpty" }, Pattern: { } inner }
                && value is { Fact: Fact.Held, Key: { } key }:
                return [.. Match(inner, state.Without(key), Value.Of(true)), .. Match(inner, state, Value.Of(false))];
            default:
                return [(Consume(state, value), default)];
        }
    }

    private IReadOnlyList<(State, Value)> Property(IPropertyReferenceOperation property, State state)
    {
        IEnumerable<IOperation> parts = property.Instance == null ? [] : [property.Instance];
        return Each2(All(parts.Concat(property.Arguments), state), (s, values) =>
        {
            Value instance = property.Instance == null ? default : values[0];
            s = values.Skip(property.Instance == null ? 0 : 1).Aggregate(s, Consume);
            if (property.Instance is { } handle && _known.MustRelease(handle.Type))
            {
                if (instance.IsFresh)
                    Dropped(instance.Site!);
                if (property.Property.Name == "IsEmpty" && Known.IsBool(property.Type) && instance is { Fact: Fact.Held, Key: { } key })
                    return [(s.Without(key), Value.Of(true)), (s, Value.Of(false))];
            }
            return [(s, Memory(property.Property, property.Property.RefKind, property.Type, property.Instance, instance))];
        });
    }

    // What a member returns may be memory of the handle that it is a member of, or part of such memory.
    private Value Memory(ISymbol member, RefKind refKind, ITypeSymbol? type, IOperation? instance, Value value)
    {
        if (instance == null || refKind == RefKind.None && !Known.IsSpan(type) || member.IsStatic)
            return default;
        if (value.Fact == Fact.Memory)
            return new Value(Fact.Memory, source: value.Source);
        return _known.MustRelease(instance.Type) && value.Key is ISymbol handle ? new Value(Fact.Memory, source: handle) : default;
    }

    private List<(State State, Value[] Values)> All(IEnumerable<IOperation> operations, State state)
    {
        List<(State State, Value[] Values)> results = [(state, [])];
        foreach (IOperation operation in operations)
        {
            IOperation part = operation is IArgumentOperation argument ? argument.Value : operation;
            var next = new List<(State, Value[])>();
            foreach ((State before, Value[] values) in results)
            {
                if (operation is IArgumentOperation { Parameter.RefKind: RefKind.Out } && Functions.Variable(part) is { } variable)
                {
                    next.Add((before, [.. values, new Value(Fact.None, key: variable)]));
                    continue;
                }
                foreach ((State after, Value value) in Run(part, before))
                    next.Add((after, [.. values, value]));
            }
            results = next;
        }
        return results;
    }

    private static List<(State, Value)> Each(IReadOnlyList<(State, Value)> results, System.Func<State, Value, (State, Value)> next) =>
        [.. results.Select(r => next(r.Item1, r.Item2))];

    private static List<(State, Value)> Each(List<(State, Value[])> results, System.Func<State, Value[], (State, Value)> next) =>
        [.. results.Select(r => next(r.Item1, r.Item2))];

    private static List<(State, Value)> Each2(IReadOnlyList<(State, Value)> results, System.Func<State, Value, IReadOnlyList<(State, Value)>> next) =>
        [.. results.SelectMany(r => next(r.Item1, r.Item2))];

    private static List<(State, Value)> Each2(List<(State, Value[])> results, System.Func<State, Value[], IReadOnlyList<(State, Value)>> next) =>
        [.. results.SelectMany(r => next(r.Item1, r.Item2))];
}
