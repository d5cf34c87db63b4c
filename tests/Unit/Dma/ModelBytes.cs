using System;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>The bytes that one side should see: some are known, others may be anything.</summary>
public sealed class ModelBytes(int count)
{
    private readonly byte[] _values = new byte[count];
    private readonly bool[] _known = new bool[count];

    public void Set(int at, ReadOnlySpan<byte> values)
    {
        values.CopyTo(_values.AsSpan(at));
        _known.AsSpan(at, values.Length).Fill(true);
    }

    public void SetZero()
    {
        _values.AsSpan().Clear();
        _known.AsSpan().Fill(true);
    }

    public void Copy(ModelBytes from, int at, int length)
    {
        from._values.AsSpan(at, length).CopyTo(_values.AsSpan(at));
        from._known.AsSpan(at, length).CopyTo(_known.AsSpan(at));
    }

    public void Forget(int at) => _known[at] = false;

    /// <summary>Compares what is known of the front.</summary>
    public void AssertFront(ReadOnlySpan<byte> seen, string who)
    {
        if (seen.SequenceEqual(_values.AsSpan(0, seen.Length)))
            return;
        for (int i = 0; i < seen.Length; i++)
        {
            if (_known[i] && seen[i] != _values[i])
                Assert.Fail($"{who}: byte {i} of {seen.Length} is {seen[i]:x2} and should be {_values[i]:x2}");
        }
    }
}
