using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Sluice.Analyzers;

/// <summary>
/// SLU002 and SLU005: follows all paths through a function, each with what is known on it about handles, their memory, and the
/// bools and errors that say whether a handle was taken. A call that takes a handle goes on as two paths: it worked, it failed.
/// </summary>
/// <remarks>A function with more paths than <see cref="MostSteps"/> is not judged at all: better silent than wrong.</remarks>
internal sealed partial class Flow
{
    private const int MostSteps = 5000;

    private readonly Known _known;
    private readonly ISymbol _code;
    private readonly ControlFlowGraph _graph;
    private readonly Action<Diagnostic> _report;
    private readonly HashSet<ISymbol> _shared;
    private readonly Dictionary<(IOperation, ISymbol?), Site> _sites = [];
    private readonly Dictionary<object, int> _numbers = [];
    private readonly HashSet<string> _seen = [];
    private readonly Queue<(BasicBlock Block, State State, Pending? Pending)> _work = new();
    private readonly Dictionary<(string, Location), Diagnostic> _found = [];

    public Flow(Known known, ISymbol code, ControlFlowGraph graph, IOperation body, Action<Diagnostic> report)
    {
        _known = known;
        _code = code;
        _graph = graph;
        _report = report;
        _shared = Functions.Shared(body, code is IMethodSymbol { MethodKind: MethodKind.LocalFunction } ? code.ContainingSymbol : code);
    }

    // A way out of `try` blocks: their `finally` blocks run first.
    private sealed class Pending(ControlFlowBranch branch, int next, bool failed, Pending? outer)
    {
        public ControlFlowBranch Branch => branch;

        public int Next => next;

        public bool Failed => failed;

        public Pending? Outer => outer;

        public string Text => $"{branch.Source.Ordinal}>{branch.Destination?.Ordinal}.{next}.{failed}|{outer?.Text}";
    }

    public void Run()
    {
        State start = State.Empty;
        if (_code is IMethodSymbol method)
        {
            foreach (IParameterSymbol parameter in method.Parameters)
            {
                if (parameter.RefKind == RefKind.None && IsTracked(parameter) && parameter.Locations.Length != 0)
                    start = start.With(parameter, new Value(Fact.Held, new Site(_sites.Count, parameter.Name, parameter.Locations[0])));
            }
        }
        Enter(_graph.Blocks[0], start, null);
        while (_work.Count != 0)
        {
            if (_seen.Count > MostSteps)
                return;
            (BasicBlock block, State state, Pending? pending) = _work.Dequeue();
            Walk(block, state, pending);
        }
        foreach (Diagnostic found in _found.Values)
            _report(found);
    }

    private void Enter(BasicBlock block, State state, Pending? pending)
    {
        if (_seen.Add($"{block.Ordinal} {pending?.Text} {state.Text(_numbers)}"))
            _work.Enqueue((block, state, pending));
    }

    private void Walk(BasicBlock block, State entry, Pending? pending)
    {
        List<State> states = [entry];
        foreach (IOperation operation in block.Operations)
        {
            var after = new List<State>();
            foreach (State state in states)
            {
                foreach ((State next, Value value) in Run(operation, state))
                {
                    if (value.IsFresh && operation is IExpressionStatementOperation)
                        Dropped(value.Site!);
                    after.Add(next);
                }
            }
            states = after;
        }
        foreach (State state in states)
        {
            if (block.BranchValue == null)
                Follow(block.FallThroughSuccessor, state, false, pending);
            else
                Branch(block, state, pending);
        }
    }

    private void Branch(BasicBlock block, State before, Pending? pending)
    {
        foreach ((State state, Value value) in Run(block.BranchValue!, before))
        {
            if (block.ConditionKind == ControlFlowConditionKind.None)
            {
                Follow(block.FallThroughSuccessor, Consume(state, value), value.Fact is Fact.False or Fact.Failure, pending);
                continue;
            }
            foreach (bool truth in (bool[])[true, false])
            {
                if (value.Truth is { } known && known != truth)
                    continue;
                State chosen = value.Truth == null && value.Key != null ? state.With(value.Key, Value.Of(truth)) : state;
                bool conditional = truth == (block.ConditionKind == ControlFlowConditionKind.WhenTrue);
                Follow(conditional ? block.ConditionalSuccessor : block.FallThroughSuccessor, chosen, false, pending);
            }
        }
    }

    private void Follow(ControlFlowBranch? branch, State state, bool failed, Pending? pending)
    {
        switch (branch?.Semantics)
        {
            case ControlFlowBranchSemantics.Regular or ControlFlowBranchSemantics.Return:
                Finish(new Pending(branch, 0, failed, pending), state);
                break;
            case ControlFlowBranchSemantics.StructuredExceptionHandling when pending != null:
                Finish(pending, Leave(branch, state));
                break;
        }
    }

    // Runs the next `finally` of a way out, or goes where it leads.
    private void Finish(Pending way, State state)
    {
        if (way.Next < way.Branch.FinallyRegions.Length)
        {
            ControlFlowRegion region = way.Branch.FinallyRegions[way.Next];
            Enter(_graph.Blocks[region.FirstBlockOrdinal], state, new Pending(way.Branch, way.Next + 1, way.Failed, way.Outer));
            return;
        }
        if (way.Branch.Destination is not { } block)
            return;
        state = Leave(way.Branch, state);
        if (block.Kind == BasicBlockKind.Exit)
            Exit(way.Branch, state, way.Failed);
        else
            Enter(block, state, way.Outer);
    }

    // What ends with the scopes that a branch leaves.
    private State Leave(ControlFlowBranch branch, State state)
    {
        foreach (ControlFlowRegion region in branch.LeavingRegions)
        {
            foreach (ILocalSymbol local in region.Locals)
            {
                if (state[local] is { Fact: Fact.Held, Site: { } site })
                    Lost(site, branch);
                state = state.Without(local);
            }
            foreach (CaptureId capture in region.CaptureIds)
                state = state.Without(capture);
        }
        return state;
    }

    private void Exit(ControlFlowBranch branch, State state, bool failed)
    {
        foreach (KeyValuePair<object, Value> pair in state.Values)
        {
            if (pair.Value is not { Fact: Fact.Held, Site: { } site })
                continue;
            if (pair.Key is IParameterSymbol { RefKind: RefKind.Out })
            {
                if (failed)
                    Found(Rules.Drop, site.Location,
                        $"'{site.Name}' still holds what was taken here when the method says that it failed{Line(branch)}");
            }
            else if (pair.Key is ISymbol)
            {
                Lost(site, branch);
            }
        }
    }

    private static string Line(ControlFlowBranch branch)
    {
        IOperation? last = branch.Source.BranchValue ?? branch.Source.Operations.LastOrDefault();
        return last == null ? "" : $" (path through line {LineOf(last)})";
    }

    private static int LineOf(IOperation operation) => operation.Syntax.GetLocation().GetLineSpan().StartLinePosition.Line + 1;

    private void Lost(Site site, ControlFlowBranch branch) =>
        Found(Rules.Drop, site.Location,
            $"'{site.Name}', taken here, is neither given back, stored nor handed on at the end of a path{Line(branch)}");

    private void Overwritten(Site site, IOperation by) =>
        Found(Rules.Drop, site.Location, $"'{site.Name}', taken here, is overwritten while it may hold something (line {LineOf(by)})");

    private void Dropped(Site site) => Found(Rules.Drop, site.Location, $"the handle that '{site.Name}' returns is dropped");

    private void Found(DiagnosticDescriptor rule, Location at, params object[] what)
    {
        if (!_found.ContainsKey((rule.Id, at)))
            _found.Add((rule.Id, at), Diagnostic.Create(rule, at, what));
    }

    private Site SiteOf(IOperation operation, ISymbol? variable, string name)
    {
        if (!_sites.TryGetValue((operation, variable), out Site? site))
            _sites.Add((operation, variable), site = new Site(_sites.Count + 100, name, operation.Syntax.GetLocation()));
        return site;
    }

    private bool IsTracked(ISymbol? variable) => variable switch
    {
        ILocalSymbol { RefKind: RefKind.None, IsStatic: false, Type: var type } => Follows(type),
        IParameterSymbol { RefKind: RefKind.None or RefKind.Out, Type: var type } => Follows(type),
        _ => false,
    } && !_shared.Contains(variable!) && !Known.IsInternal(_code, TypeOf(variable!));

    private bool Follows(ITypeSymbol type) => _known.MustRelease(type);

    private static ITypeSymbol? TypeOf(ISymbol variable) => variable switch
    {
        ILocalSymbol local => local.Type,
        IParameterSymbol parameter => parameter.Type,
        IFieldSymbol field => field.Type,
        _ => null,
    };
}
