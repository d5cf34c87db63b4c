using System;
using System.Runtime.CompilerServices;
using System.Threading;
using Sluice.Arch;

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
    private static object? _none, _last;

    /// <summary>Number of ways.</summary>
    public const int Count = 33;

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
        18 => new("bug"u8, "a bug on purpose"u8, &BugFound),
        19 => new("stack"u8, "stack overflow"u8, &StackOverflow),
        20 => new("stackalloc"u8, "stack overflow"u8, &LargeStackBuffer),
        21 => new("unmapped"u8, "page fault: write"u8, &WriteUnmapped),
        22 => new("write-code"u8, "forbidden"u8, &WriteCode),
        23 => new("execute-data"u8, "page fault: execution"u8, &ExecuteData),
        24 => new("address"u8, "general protection fault"u8, &ImpossibleAddress),
        25 => new("equality"u8, "a struct is compared that does not say how"u8, &StructEquality),
        26 => new("page-twice"u8, "a page run was given back twice"u8, &PagePanics.GiveTwice),
        27 => new("page-stale"u8, "by now it is somebody else's"u8, &PagePanics.GiveStale),
        28 => new("block-twice"u8, "an object was given back twice"u8, &PagePanics.GiveBlockTwice),
        29 => new("page-poison"u8, "(last owner: careless) was written after it was given back: 0x42 at 0x11"u8, &PagePanics.WriteAfterGive),
        30 => new("stack-in-turns"u8, "stack overflow"u8, &StackOverflowInTurns),
        31 => new("large-frame"u8, "stack overflow"u8, &LargeFrame),
        32 => new("double-fault"u8, "double fault"u8, &DoubleFault),
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
            _last = new byte[1 << 16];
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

    private static void BugFound() => Bug.If(Five == 5, "a bug on purpose"u8);

    private static void StackOverflow() => Keep(Deeper(Five));

    // Ever deeper frames; the sum keeps them from being turned into a loop.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Deeper(int level)
    {
        Span<int> frame = stackalloc int[64];
        frame[level & 63] = level;
        return Deeper(level + 1) + frame[Five];
    }

    private static void StackOverflowInTurns() => Keep(Ping(Five));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Ping(int level) => Pong(level + 1) + level;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Pong(int level) => Ping(level + 1) + level;

    private static void LargeStackBuffer()
    {
        Span<byte> buffer = stackalloc byte[Five << 20];
        Keep(buffer[Five]);
    }

    private struct ManyPages
    {
        public fixed byte Bytes[100_000];
    }

    private static void LargeFrame()
    {
        ManyPages pages = default;
        Keep(pages.Bytes[Five]);
    }

    // The first of two faults is the division's, the second that nobody is there to be told.
    private static void DoubleFault()
    {
        InterruptTable.Remove(0);
        Keep(1 / (Five - 5));
    }

    private static void WriteUnmapped() => *(int*)(0xFFFF_A000_0000_0000 + (ulong)Five * 4096) = Five;

    private static void WriteCode()
    {
        delegate*<void> code = &WriteCode;
        *(int*)code = Five;
    }

    private static void ExecuteData()
    {
        // Bytes of a method that returns at once, but on the stack.
        byte* code = stackalloc byte[16];
        new Span<byte>(code, 16).Fill(0xC3);
        ((delegate*<void>)code)();
        Keep(code[Five]);
    }

    private static void ImpossibleAddress() => Keep(*(int*)(0x8000_0000_0000_0000 + (ulong)Five));

    private struct Silent
    {
        public int Value;
    }

    private static void StructEquality()
    {
        object one = new Silent { Value = Five };
        Keep(one.Equals(one) ? 1 : 0);
    }
}
