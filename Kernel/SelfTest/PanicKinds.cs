using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace Sluice.SelfTest;

/// <summary>One way to stop the machine on purpose.</summary>
internal readonly unsafe ref struct PanicKind(ReadOnlySpan<byte> name, ReadOnlySpan<byte> expected, delegate*<void> provoke)
{
    /// <summary>As in the boot argument <c>panic=NAME</c>.</summary>
    public readonly ReadOnlySpan<byte> Name = name;

    /// <summary>What the report must say.</summary>
    public readonly ReadOnlySpan<byte> Expected = expected;

    /// <summary>Does it; does not return.</summary>
    public readonly delegate*<void> Provoke = provoke;
}

/// <summary>
/// Checks that the compiler and the core library make, each failing: what cannot be a self-test, as it ends in a panic.
/// Boot tests start one machine for each and read the report.
/// </summary>
internal static unsafe class PanicKinds
{
    private static int _five = 5;
    private static object? _none;

    /// <summary>Number of ways.</summary>
    public const int Count = 18;

    /// <summary>A way by its number, from 0.</summary>
    public static PanicKind At(int index) => index switch
    {
        0 => new("null"u8, "null reference"u8, &Null),
        1 => new("null-call"u8, "null reference"u8, &NullCall),
        2 => new("index"u8, "index out of range"u8, &ArrayIndex),
        3 => new("span-index"u8, "index out of range"u8, &SpanIndex),
        4 => new("slice"u8, "argument out of range"u8, &Slice),
        5 => new("copy"u8, "invalid argument"u8, &Copy),
        6 => new("overflow"u8, "arithmetic overflow"u8, &Overflow),
        7 => new("narrowing"u8, "arithmetic overflow"u8, &Narrowing),
        8 => new("divide"u8, "divide by zero"u8, &Divide),
        9 => new("quotient"u8, "quotient overflow"u8, &Quotient),
        10 => new("cast"u8, "invalid cast"u8, &Cast),
        11 => new("unbox"u8, "invalid cast"u8, &Unbox),
        12 => new("store"u8, "array type mismatch"u8, &Store),
        13 => new("nullable"u8, "Nullable has no value"u8, &MissingValue),
        14 => new("throw"u8, "thrown on purpose"u8, &Throw),
        15 => new("array-size"u8, "arithmetic overflow"u8, &ArraySize),
        16 => new("heap"u8, "the object heap is full"u8, &HeapFull),
        17 => new("canary"u8, "stack buffer overrun"u8, &BufferOverrun),
        _ => default,
    };

    /// <summary>A way by its name.</summary>
    public static bool TryFind(ReadOnlySpan<byte> name, out PanicKind kind)
    {
        for (int i = 0; i < Count; i++)
        {
            kind = At(i);
            if (kind.Name.SequenceEqual(name))
                return true;
        }
        kind = default;
        return false;
    }

    // Values that the compiler cannot know.
    private static int Five => Volatile.Read(ref _five);

    private static T Unknown<T>() where T : class => Unsafe.As<T>(Volatile.Read(ref Unsafe.As<object?, nint>(ref _none)) == 0 ? null : _none)!;

    private static void Keep(int value) => _five = value;

    private class Base
    {
        public int Field = Five;
        public virtual int Method() => Field;
    }

    private sealed class Derived : Base
    {
        public override int Method() => 1;
    }

    private static object Made(int kind) => kind switch { 5 => new Base(), 6 => new Derived(), _ => "text" };

    private static void Null() => Keep(Unknown<Base>().Field);

    private static void NullCall() => Keep(Unknown<Base>().Method() + ((Base)Made(Five)).Method() + ((Base)Made(6)).Method());

    private static int[] Numbers() => new int[5];

    private static void ArrayIndex() => Keep(Numbers()[Five]);

    private static void SpanIndex()
    {
        Span<int> span = stackalloc int[5];
        Keep(span[Five]);
    }

    private static void Slice() => Keep("12345"u8.Slice(Five, 1)[0]);

    private static void Copy() => "12345"u8.CopyTo(stackalloc byte[Five - 1]);

    private static void Overflow() => Keep(checked(Five + int.MaxValue));

    private static void Narrowing() => Keep(checked((byte)(Five + 251)));

    private static void Divide() => Keep(1 / (Five - 5));

    private static void Quotient() => Keep((int.MinValue + Five - 5) / (Five - 6));

    private static void Cast() => Keep(((Derived)Made(Five)).Field);

    private static void Unbox()
    {
        object box = (long)Five;
        Keep((int)box);
    }

    private static void Store()
    {
        object[] array = Five == 5 ? new Derived[1] : new object[1];
        array[0] = Made(Five);
        Keep(array.Length);
    }

    private static int ValueOf(int? maybe) => maybe!.Value;

    private static void MissingValue()
    {
        int? none = Five == 5 ? null : 1;
        Keep(ValueOf(none));
    }

    private static void Throw() => throw new InvalidOperationException("thrown on purpose");

    private static void ArraySize() => Keep(new byte[Five - 6].Length);

    private static void HeapFull()
    {
        while (true)
            Keep(new byte[1 << 16].Length);
    }

    private static void BufferOverrun()
    {
        Span<byte> buffer = stackalloc byte[16 + Five];
        fixed (byte* start = buffer)
        {
            // Upwards, over the canary and the return address.
            for (int i = 0; i < 64 + Five; i++)
                start[i] = 0xFF;
        }
        Keep(buffer[3]);
    }
}
