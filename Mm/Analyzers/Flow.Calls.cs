using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Sluice.Analyzers;

// Calls: where handles come from and where they go.
internal sealed partial class Flow
{
    private IReadOnlyList<(State, Value)> Call(IOperation call, IMethodSymbol method, IOperation? instance, ImmutableArray<IArgumentOperation> arguments, State state)
    {
        IEnumerable<IOperation> parts = instance == null ? [] : [instance];
        return Each2(All(parts.Concat(arguments), state), (s, values) =>
        {
            Value receiver = instance == null ? default : values[0];
            return Called(call, method, instance, receiver, arguments, [.. values.Skip(instance == null ? 0 : 1)], s);
        });
    }

    private IReadOnlyList<(State, Value)> Called(IOperation call, IMethodSymbol method, IOperation? instance, Value receiver,
        ImmutableArray<IArgumentOperation> arguments, Value[] values, State state)
    {
        if (Known.DoesNotReturn(method))
            return _noWay;
        if (instance != null && _known.MustRelease(instance.Type))
        {
            if (receiver.IsFresh && !IsRelease(method))
                Dropped(receiver.Site!);
            if (IsRelease(method))
                state = Consume(state, receiver);
        }
        Value moved = default;
        var taken = new List<(ISymbol Variable, Site Site)>();
        for (int i = 0; i < arguments.Length; i++)
        {
            IParameterSymbol? parameter = arguments[i].Parameter;
            Value value = values[i];
            switch (parameter?.RefKind)
            {
                case RefKind.Out:
                    state = Fill(arguments[i], state, taken);
                    break;
                case RefKind.Ref when Known.IsMove(method):
                    moved = value.Fact == Fact.Held ? new Value(Fact.Held, value.Site)
                        : value.Key is ISymbol known && IsTracked(known) ? default
                        : new Value(Fact.Held, SiteOf(call, null, arguments[i].Value.Syntax.ToString()));
                    state = Consume(state, value);
                    break;
                case RefKind.Ref:
                    state = Consume(state, value);
                    if (value.Key is ISymbol changed && !_known.IsHandle(TypeOf(changed)))
                        state = state.Without(changed);
                    break;
                case RefKind.None or null:
                    if (Known.DoesNotReturnIf(parameter) is { } end)
                    {
                        if (value.Truth == end)
                            return _noWay;
                        if (value is { Truth: null, Key: { } tested })
                            state = state.With(tested, Value.Of(!end));
                    }
                    state = Consume(state, value);
                    break;
            }
        }
        if (Known.IsMove(method))
            return [(state, _known.MustRelease(method.ReturnType) ? moved : default)];
        return Results(call, method, instance, receiver, values, taken, state);
    }

    private IReadOnlyList<(State, Value)> Results(IOperation call, IMethodSymbol method, IOperation? instance, Value receiver, Value[] values,
        List<(ISymbol Variable, Site Site)> taken, State state)
    {
        State worked = taken.Aggregate(state, (s, t) => s.With(t.Variable, new Value(Fact.Held, t.Site)));
        if (call is IObjectCreationOperation creation)
        {
            bool holds = _known.MustRelease(creation.Type) && creation.Arguments.Length != 0;
            return [(worked, holds ? new Value(Fact.Held, SiteOf(call, null, call.Syntax.ToString())) : default)];
        }
        if (taken.Count != 0 && Known.IsBool(method.ReturnType))
            return [(worked, Value.Of(true)), (state, Value.Of(false))];
        if (taken.Count != 0 && Known.IsError(method.ReturnType))
            return [(worked, Value.OfError(true)), (state, Value.OfError(false))];
        if (_known.MustRelease(method.ReturnType) && method.RefKind == RefKind.None)
            return [(worked, new Value(Fact.Held, SiteOf(call, null, method.Name)))];
        // A check that returns its condition, as a test's does.
        for (int i = 0; i < method.Parameters.Length && Known.IsBool(method.ReturnType); i++)
        {
            if (method.Parameters[i] is { Name: "condition" } && i < values.Length)
                return [(worked, new Value(values[i].Fact))];
        }
        Value memory = Memory(method, method.RefKind, method.ReturnType, instance, receiver);
        if (memory.Fact == Fact.None && (Known.IsSpan(method.ReturnType) || method.RefKind != RefKind.None))
            memory = MemoryOfArguments(method, values);
        return [(worked, memory)];
    }

    // A span that is part of another one, or what a method finds in a handle that it is shown: Bytes(in handle).
    private Value MemoryOfArguments(IMethodSymbol method, Value[] values)
    {
        for (int i = 0; i < values.Length && i < method.Parameters.Length; i++)
        {
            if (values[i].Fact == Fact.Memory)
                return values[i].Stored();
            if (method.Parameters[i] is { RefKind: RefKind.In or RefKind.RefReadOnlyParameter, Type: var type } && _known.MustRelease(type)
                && values[i].Key is ISymbol handle)
                return new Value(Fact.Memory, source: handle);
        }
        return default;
    }

    // An `out` argument: what was in the variable is lost, and it may hold something new.
    private State Fill(IArgumentOperation argument, State state, List<(ISymbol Variable, Site Site)> taken)
    {
        ISymbol? variable = Target(argument.Value, state);
        bool handle = _known.MustRelease(argument.Parameter!.Type);
        if (argument.Value is IDiscardOperation && handle && !Known.IsInternal(_code, argument.Parameter.Type))
            Found(Rules.Drop, argument.Syntax.GetLocation(), "a handle is taken and dropped at once: 'out _'");
        if (variable == null)
            return state;
        if (state[variable] is { Fact: Fact.Held, Site: { } lost })
            Overwritten(lost, argument);
        if (handle && IsTracked(variable))
            taken.Add((variable, SiteOf(argument, variable, variable.Name)));
        return state.Without(variable);
    }

    // A handle's own method that gives it back: one that changes it, or says so by its name.
    private static bool IsRelease(IMethodSymbol method) =>
        Known.ExtensionReceiver(method) is { } receiver ? receiver is RefKind.None or RefKind.Ref
        : !method.IsStatic && (method.Name is "Dispose" or "Release" or "Free" or "Give" || !method.IsReadOnly && method.MethodKind == MethodKind.Ordinary);
}
