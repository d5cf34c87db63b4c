using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Linq;
using System.Reflection;
using Microsoft.CodeAnalysis;

namespace Sluice.Analyzers;

/// <summary>
/// What symbols are, by the full names of types: the kernel has a core library of its own, and the hosted tests have .NET's.
/// </summary>
internal sealed class Known
{
    private static readonly PropertyInfo? _extensionParameter = typeof(INamedTypeSymbol).GetProperty("ExtensionParameter");

    private readonly ConcurrentDictionary<INamedTypeSymbol, Handle> _handles = new(SymbolEqualityComparer.Default);

    private enum Handle
    {
        No,
        NotReleased,
        Released,
    }

    /// <summary>Whether values of a type must not be copied.</summary>
    public bool IsHandle(ITypeSymbol? type) => Kind(type) != Handle.No;

    /// <summary>Whether values of a type must be given back, too.</summary>
    public bool MustRelease(ITypeSymbol? type) => Kind(type) == Handle.Released;

    /// <summary>Whether code may do with a handle what it likes: it says so, or is a member of the handle's type.</summary>
    public static bool IsInternal(ISymbol? code, ITypeSymbol? handle)
    {
        for (ISymbol? symbol = code; symbol is not (null or INamespaceSymbol); symbol = symbol.ContainingSymbol)
        {
            if (Has(symbol, "OwnershipInternals"))
                return true;
            if (symbol is IMethodSymbol { AssociatedSymbol: { } property } && Has(property, "OwnershipInternals"))
                return true;
            if (symbol is INamedTypeSymbol && handle != null && SymbolEqualityComparer.Default.Equals(symbol, handle.OriginalDefinition))
                return true;
        }
        return false;
    }

    /// <summary>Whether a symbol has one of the project's attributes, named without "Attribute".</summary>
    public static bool Has(ISymbol symbol, string attribute) => Find(symbol.GetAttributes(), attribute) != null;

    /// <summary>Whether a type is Sluice.Error.</summary>
    public static bool IsError(ITypeSymbol? type) => type is { Name: "Error", TypeKind: TypeKind.Enum } && IsIn(type, "Sluice");

    /// <summary>Whether a type is bool.</summary>
    public static bool IsBool(ITypeSymbol? type) => type?.SpecialType == SpecialType.System_Boolean;

    /// <summary>Whether a type is a span.</summary>
    public static bool IsSpan(ITypeSymbol? type) => type is { Name: "Span" or "ReadOnlySpan" } && IsIn(type, "System");

    /// <summary>Whether a method is <c>Own.Move</c>.</summary>
    public static bool IsMove(IMethodSymbol method) =>
        method is { Name: "Move", ContainingType: { Name: "Own" } type } && IsIn(type, "Sluice");

    /// <summary>Whether a method never comes back.</summary>
    public static bool DoesNotReturn(IMethodSymbol method) =>
        method.GetAttributes().Any(a => a.AttributeClass?.Name == "DoesNotReturnAttribute");

    /// <summary>The value of a bool parameter with which its method never comes back.</summary>
    public static bool? DoesNotReturnIf(IParameterSymbol? parameter) =>
        parameter?.GetAttributes().FirstOrDefault(a => a.AttributeClass?.Name == "DoesNotReturnIfAttribute")
            is { ConstructorArguments.Length: 1 } attribute && attribute.ConstructorArguments[0].Value is bool value ? value : null;

    /// <summary>Whether a method fills a handle that is empty when it says that it failed.</summary>
    public bool IsTake(IMethodSymbol method) =>
        (IsBool(method.ReturnType) || IsError(method.ReturnType)) && method.Parameters.Any(p => p.RefKind == RefKind.Out && MustRelease(p.Type));

    /// <summary>
    /// How a member of an extension block gets its receiver; null if it is no such member. The package that this is compiled
    /// against is older than these blocks, the compiler that it runs in is not.
    /// </summary>
    public static RefKind? ExtensionReceiver(ISymbol member) =>
        member.ContainingType is { } type && _extensionParameter?.GetValue(type) is IParameterSymbol parameter ? parameter.RefKind : null;

    private static bool IsIn(ISymbol symbol, string space) =>
        symbol.ContainingNamespace is { } found && found.Name == space && found.ContainingNamespace.IsGlobalNamespace;

    private static AttributeData? Find(ImmutableArray<AttributeData> attributes, string name)
    {
        foreach (AttributeData attribute in attributes)
        {
            if (attribute.AttributeClass is { } type && type.Name.Length == name.Length + 9
                && type.Name.StartsWith(name, System.StringComparison.Ordinal) && IsIn(type, "Sluice"))
                return attribute;
        }
        return null;
    }

    private Handle Kind(ITypeSymbol? type) =>
        type is INamedTypeSymbol { TypeKind: TypeKind.Struct } named ? _handles.GetOrAdd(named.OriginalDefinition, Classify) : Handle.No;

    private static Handle Classify(INamedTypeSymbol type)
    {
        if (Find(type.GetAttributes(), "NonCopyable") is not { } attribute)
            return Handle.No;
        return attribute.NamedArguments.Any(a => a is { Key: "Release", Value.Value: false }) ? Handle.NotReleased : Handle.Released;
    }
}
