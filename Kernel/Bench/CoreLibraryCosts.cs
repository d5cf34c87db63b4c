using System;
using System.Runtime.CompilerServices;
using Sluice.Runtime;

namespace Sluice.Bench;

/// <summary>What calls, casts and memory operations of the core library cost, loop included.</summary>
internal static unsafe class CoreLibraryCosts
{
    private const int Rounds = 4_000, PageBytes = 4096;

    private static readonly IOperation[] _operations =
    [
        new Operation<byte>(1), new Operation<sbyte>(2), new Operation<short>(3), new Operation<ushort>(4),
        new Operation<int>(5), new Operation<uint>(6), new Operation<long>(7), new Operation<ulong>(8),
    ];

    private static byte[] _source = [], _destination = [];
    private static object? _object;
    private static int _result;

    /// <summary>Calls through interfaces to one type and to eight in turn, a cast, an allocation, and copies and fills of 64 bytes and a page.</summary>
    public static void Measure(ref Run run)
    {
        if (_source.Length == 0)
            (_source, _destination) = (new byte[PageBytes], new byte[PageBytes]);
        _object = _operations[7];
        run.Measure("call-interface-one-type"u8, Rounds, &CallOne);
        run.Measure("call-interface-eight-types"u8, Rounds, &CallEight);
        run.Measure("cast-to-interface"u8, Rounds, &Cast);
        run.Measure("new-object"u8, 64, &Allocate);
        run.Measure("copy-64-bytes"u8, Rounds, &Copy64);
        run.Measure("copy-4096-bytes"u8, Rounds, &CopyPage);
        run.Measure("clear-4096-bytes"u8, Rounds, &ClearPage);
        run.Measure("compare-4096-bytes"u8, Rounds, &ComparePage);
    }

    private interface IOperation
    {
        int Apply(int value);
    }

    // A type for each T.
    private sealed class Operation<T>(int amount) : IOperation
    {
        public int Apply(int value) => value + amount;
    }

    private static void CallOne(int rounds)
    {
        IOperation operation = _operations[3];
        for (int i = 0; i < rounds; i++)
            _result = operation.Apply(i);
    }

    private static void CallEight(int rounds)
    {
        IOperation[] operations = _operations;
        for (int i = 0; i < rounds; i++)
            _result = operations[i & 7].Apply(i);
    }

    private static void Cast(int rounds)
    {
        for (int i = 0; i < rounds; i++)
            _result += Test(_object) ? 1 : 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Test(object? value) => value is IOperation;

    private static void Allocate(int rounds)
    {
        for (int i = 0; i < rounds; i++)
            _object = new Operation<char>(i);
    }

    private static void Copy64(int rounds)
    {
        ReadOnlySpan<byte> source = _source.AsSpan(0, 64);
        for (int i = 0; i < rounds; i++)
            source.CopyTo(_destination);
    }

    private static void CopyPage(int rounds)
    {
        for (int i = 0; i < rounds; i++)
            _source.AsSpan().CopyTo(_destination);
    }

    private static void ClearPage(int rounds)
    {
        for (int i = 0; i < rounds; i++)
            _destination.AsSpan().Clear();
    }

    private static void ComparePage(int rounds)
    {
        _source.AsSpan().CopyTo(_destination);
        for (int i = 0; i < rounds; i++)
            _result += _source.AsSpan().SequenceEqual(_destination) ? 1 : 0;
    }
}
