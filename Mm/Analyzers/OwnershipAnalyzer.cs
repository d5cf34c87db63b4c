using System;
using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Sluice.Analyzers;

/// <summary>Runs the rules on each body: method, accessor, initialiser.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class OwnershipAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics =>
        [Rules.Copy, Rules.Drop, Rules.Ignored, Rules.Allocation, Rules.Stale];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.RegisterCompilationStartAction(static start =>
        {
            var known = new Known();
            var calls = new CallGraph();
            start.RegisterSymbolAction(c => CopyRule.CheckMember(known, c.Symbol, c.ReportDiagnostic), SymbolKind.Field);
            start.RegisterSymbolAction(c => CheckProperties(known, (INamedTypeSymbol)c.Symbol, c.ReportDiagnostic), SymbolKind.NamedType);
            start.RegisterOperationBlockAction(c =>
            {
                foreach (IOperation body in c.OperationBlocks)
                    CheckBody(known, calls, c, body);
            });
            start.RegisterCompilationEndAction(c => calls.Report(c.ReportDiagnostic));
        });
    }

    // Backing fields are no symbols that an action is called for.
    private static void CheckProperties(Known known, INamedTypeSymbol type, Action<Diagnostic> report)
    {
        foreach (ISymbol member in type.GetMembers())
        {
            if (member is IFieldSymbol { IsImplicitlyDeclared: true, AssociatedSymbol: IPropertySymbol })
                CopyRule.CheckMember(known, member, report);
        }
    }

    private static void CheckBody(Known known, CallGraph calls, OperationBlockAnalysisContext context, IOperation body)
    {
        ISymbol code = context.OwningSymbol;
        if (body is IAttributeOperation)
            return;
        calls.Add(code, body);
        IgnoredRule.Check(known, code, body, context.GetControlFlowGraph, context.ReportDiagnostic);
        bool handles = false;
        foreach (IOperation operation in body.DescendantsAndSelf())
            handles |= known.IsHandle(Places.TypeOf(operation));
        if (!handles)
            return;
        new CopyRule(known, code, context.ReportDiagnostic).Check(body);
        if (body is IBlockOperation && !Known.IsInternal(code, null))
            CheckFlow(known, code, context.GetControlFlowGraph(body), body, context.ReportDiagnostic);
    }

    private static void CheckFlow(Known known, ISymbol code, ControlFlowGraph graph, IOperation body, Action<Diagnostic> report)
    {
        new Flow(known, code, graph, body, report).Run();
        foreach (IMethodSymbol local in graph.LocalFunctions)
            CheckFlow(known, local, graph.GetLocalFunctionControlFlowGraph(local), body, report);
        foreach (BasicBlock block in graph.Blocks)
        {
            foreach (IOperation operation in block.Operations)
                CheckLambdas(known, graph, operation, body, report);
            if (block.BranchValue != null)
                CheckLambdas(known, graph, block.BranchValue, body, report);
        }
    }

    private static void CheckLambdas(Known known, ControlFlowGraph graph, IOperation operation, IOperation body, Action<Diagnostic> report)
    {
        foreach (IOperation inside in operation.DescendantsAndSelf())
        {
            if (inside is IFlowAnonymousFunctionOperation lambda)
                CheckFlow(known, lambda.Symbol, graph.GetAnonymousFunctionControlFlowGraph(lambda), body, report);
        }
    }
}
