using Microsoft.CodeAnalysis;

namespace Sluice.Analyzers;

/// <summary>What can be found. Each is an error: nothing is built that breaks a rule. Described in docs/design.md.</summary>
internal static class Rules
{
    public static readonly DiagnosticDescriptor Copy = Rule("SLU001", "A handle is copied", "{0}");

    public static readonly DiagnosticDescriptor Drop = Rule("SLU002", "A handle is dropped", "{0}");

    public static readonly DiagnosticDescriptor Ignored = Rule("SLU003", "A result is ignored",
        "The result of '{0}' is ignored; look at it, or say with .Ignore(\"why\"u8) why it does not matter");

    public static readonly DiagnosticDescriptor Allocation = Rule("SLU004", "Forbidden where interrupts are off or packets pass",
        "'{0}' is [{1}], but {2}", WellKnownDiagnosticTags.CompilationEnd);

    public static readonly DiagnosticDescriptor Stale = Rule("SLU005", "Memory is used after its handle was handed over",
        "'{0}' is memory of '{1}', which was handed over");

    private static DiagnosticDescriptor Rule(string id, string title, string message, params string[] tags) =>
        new(id, title, message, "Ownership", DiagnosticSeverity.Error, isEnabledByDefault: true, customTags: tags);
}
