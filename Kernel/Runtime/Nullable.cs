namespace System;

/// <summary>A value that may be missing.</summary>
public readonly struct Nullable<T> where T : struct
{
    // The compilers know the fields by these names.
    private readonly bool hasValue;
    private readonly T value;

    public Nullable(T value)
    {
        hasValue = true;
        this.value = value;
    }

    /// <summary>Whether there is a value.</summary>
    public bool HasValue => hasValue;

    /// <summary>The value; panics if there is none.</summary>
    public T Value
    {
        get
        {
            if (!hasValue)
                throw new InvalidOperationException("Nullable has no value");
            return value;
        }
    }

    /// <summary>The value, or all zeros if there is none.</summary>
    public T GetValueOrDefault() => value;

    /// <summary>The value, or <paramref name="other"/> if there is none.</summary>
    public T GetValueOrDefault(T other) => hasValue ? value : other;

    public override bool Equals(object? other) => hasValue ? other is not null && value.Equals(other) : other is null;

    public override int GetHashCode() => hasValue ? value.GetHashCode() : 0;

    public static implicit operator T?(T value) => new Nullable<T>(value);
    public static explicit operator T(T? value) => value!.Value;
}
