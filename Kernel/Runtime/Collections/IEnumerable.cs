namespace System.Collections
{
    /// <summary>What <c>foreach</c> walks; the C# compiler wants it to exist even where, for arrays and spans, it walks without it.</summary>
    public interface IEnumerable
    {
        IEnumerator GetEnumerator();
    }

    /// <summary>A walk in progress.</summary>
    public interface IEnumerator
    {
        object? Current { get; }

        bool MoveNext();

        void Reset();
    }
}

namespace System.Collections.Generic
{
    /// <summary>What <c>foreach</c> walks. Arrays do not implement it here: they are walked by index.</summary>
    public interface IEnumerable<out T> : IEnumerable
    {
        new IEnumerator<T> GetEnumerator();
    }

    /// <summary>A walk in progress.</summary>
    public interface IEnumerator<out T> : IEnumerator, IDisposable
    {
        new T Current { get; }
    }
}
