using System.Collections.Generic;
using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;

namespace Sluice.Analyzers;

/// <summary>What is known about a value.</summary>
internal enum Fact
{
    /// <summary>Nothing, or for a handle: that it holds nothing that is tracked.</summary>
    None,

    /// <summary>A bool.</summary>
    True,

    /// <summary>A bool.</summary>
    False,

    /// <summary>An error: Error.None.</summary>
    Success,

    /// <summary>An error that is not Error.None.</summary>
    Failure,

    /// <summary>A handle that may hold something; it was taken at the value's site.</summary>
    Held,

    /// <summary>Memory of a handle.</summary>
    Memory,

    /// <summary>Memory of a handle that was handed over.</summary>
    StaleMemory,
}

/// <summary>Where a handle got what it holds.</summary>
internal sealed class Site(int number, string name, Location location)
{
    public int Number => number;

    public string Name => name;

    public Location Location => location;
}

/// <summary>The value of an expression or variable on one path.</summary>
internal readonly struct Value(Fact fact, Site? site = null, object? key = null, ISymbol? source = null)
{
    public Fact Fact => fact;

    /// <summary>Of <see cref="Fact.Held"/>.</summary>
    public Site? Site => site;

    /// <summary>The variable that the value was read from: a symbol, or a capture of the flow graph; null for a fresh value.</summary>
    public object? Key => key;

    /// <summary>The handle whose memory this is.</summary>
    public ISymbol? Source => source;

    /// <summary>Whether it is a handle's that nothing else has yet.</summary>
    public bool IsFresh => fact == Fact.Held && key == null;

    public Value Stored() => new(fact, site, null, source);

    public static Value Of(bool value) => new(value ? Fact.True : Fact.False);

    public static Value OfError(bool success) => new(success ? Fact.Success : Fact.Failure);

    public bool? Truth => fact switch { Fact.True => true, Fact.False => false, _ => null };
}

/// <summary>What is known on one path about variables; immutable.</summary>
internal sealed class State
{
    public static readonly State Empty = new(ImmutableDictionary<object, Value>.Empty);

    private readonly ImmutableDictionary<object, Value> _values;
    private string? _text;

    private State(ImmutableDictionary<object, Value> values) => _values = values;

    public IEnumerable<KeyValuePair<object, Value>> Values => _values;

    public Value this[object key] => _values.TryGetValue(key, out Value value) ? value : default;

    public State With(object key, Value value) =>
        value.Fact == Fact.None && value.Key == null ? Without(key) : new(_values.SetItem(key, value));

    public State Without(object key) => _values.ContainsKey(key) ? new(_values.Remove(key)) : this;

    /// <summary>The memory of a handle must not be used from here on.</summary>
    public State WithStale(ISymbol handle)
    {
        State state = this;
        foreach (KeyValuePair<object, Value> pair in _values)
        {
            if (pair.Value.Fact == Fact.Memory && SymbolEqualityComparer.Default.Equals(pair.Value.Source, handle))
                state = state.With(pair.Key, new Value(Fact.StaleMemory, source: handle));
        }
        return state;
    }

    /// <summary>Equal for equal states, within one method.</summary>
    public string Text(Dictionary<object, int> numbers)
    {
        if (_text != null)
            return _text;
        var parts = new List<string>(_values.Count);
        foreach (KeyValuePair<object, Value> pair in _values)
        {
            Value value = pair.Value;
            parts.Add($"{Number(pair.Key)}:{(int)value.Fact}.{value.Site?.Number}.{Number(value.Key)}.{Number(value.Source)}");
        }
        parts.Sort(string.CompareOrdinal);
        var text = new StringBuilder();
        foreach (string part in parts)
            text.Append(part).Append(' ');
        return _text = text.ToString();

        int Number(object? key)
        {
            if (key == null)
                return -1;
            if (!numbers.TryGetValue(key, out int number))
                numbers.Add(key, number = numbers.Count);
            return number;
        }
    }
}
