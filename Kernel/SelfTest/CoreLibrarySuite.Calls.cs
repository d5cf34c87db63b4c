using System.Runtime.CompilerServices;

namespace Sluice.SelfTest;

/// <summary>Delegates, function pointers, generics.</summary>
internal static unsafe partial class CoreLibrarySuite
{
    private delegate int Function(int value);
    private delegate TOut Function<in TIn, out TOut>(TIn value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Call(Function function, int value) => function(value);

    private static int Twice(int value) => 2 * value;

    private sealed class Adder(int amount)
    {
        public int Add(int value) => value + amount;
    }

    private static void Delegates(ref Ktap t)
    {
        Adder adder = new(Opaque(10));
        t.Equal(15, (ulong)Call(adder.Add, 5), "an object's method"u8);
        t.Equal(10, (ulong)Call(Twice, 5), "a static method"u8);
        t.Equal(6, (ulong)Call(static value => value + 1, 5), "a lambda"u8);
        int captured = Opaque(100);
        t.Equal(105, (ulong)Call(value => value + captured, 5), "a lambda that captures"u8);
        INumbered numbered = new Numbered<byte, byte>(1000);
        t.Equal(1005, (ulong)Call(numbered.Number, 5), "an interface's method"u8);
        t.Equal(42, (ulong)Call(new Counter { Count = 37 }.Number, 5), "a struct's method"u8);
        t.Equal(8, (ulong)Call("12345678".LengthPlus, 0), "an extension method"u8);
        Shape shape = new Square();
        Function<int, int> sides = shape.SidesPlus;
        t.Equal(7, (ulong)sides(3), "a generic delegate"u8);
        Function<object, string> wide = static value => value is string text ? text : "none";
        Function<string, object> narrow = wide;
        // Were none made, the compiler would take it that no object can be one.
        Function<string, object> exact = static value => value;
        t.Check((string)narrow("some") == "some" && (string)exact("some") == "some", "variance"u8);
        t.Check(Hide(wide) is Function<string, object> && Hide(exact) is not Function<object, string>, "casts agree"u8);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CallPointer(delegate*<int, int> function, int value) => function(value);

    private static T Identity<T>(T value) => value;

    private static void FunctionPointers(ref Ktap t)
    {
        t.Equal(10, (ulong)CallPointer(&Twice, 5), "a static method"u8);
        t.Equal(5, (ulong)CallPointer(&Identity, 5), "a generic method over a value"u8);
        delegate*<string, string> text = &Identity;
        t.Check(text("text") == "text", "over a class"u8);
        delegate*<int, int>* table = stackalloc delegate*<int, int>[2];
        table[0] = &Twice;
        table[1] = &Identity;
        t.Equal(14, (ulong)table[Opaque(0)](7), "from a table"u8);
        t.Equal(7, (ulong)table[Opaque(1)](7), "the other"u8);
    }

    private struct Stack<T>
    {
        private T[] _items;
        private int _count;

        public static Stack<T> Of(int capacity) => new() { _items = new T[capacity] };

        public readonly int Count => _count;

        public void Push(T item) => _items[_count++] = item;

        public T Pop() => _items[--_count];
    }

    private static void Generics(ref Ktap t)
    {
        Stack<int> ints = Stack<int>.Of(4);
        Stack<string> strings = Stack<string>.Of(4);
        Stack<Wide> wides = Stack<Wide>.Of(4);
        for (int i = 0; i < 4; i++)
        {
            ints.Push(i);
            strings.Push(i == 3 ? "three" : "less");
            wides.Push(new Wide { A = i, D = -i });
        }
        t.Check(ints.Pop() == 3 && ints.Pop() == 2 && ints.Count == 2, "of ints"u8);
        t.Check(strings.Pop() == "three" && strings.Pop() == "less", "of strings"u8);
        t.Check(wides.Pop() is { A: 3, D: -3 }, "of structs"u8);
        (int low, string high) = Swap(("high", 1));
        t.Check(low == 1 && high == "high", "tuples"u8);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (TB, TA) Swap<TA, TB>((TA First, TB Second) pair) => (pair.Second, pair.First);

    private interface IMeasure<TSelf> where TSelf : IMeasure<TSelf>
    {
        static abstract int Unit { get; }
        static virtual int Doubled => 2 * TSelf.Unit;
    }

    private struct Metre : IMeasure<Metre> { public static int Unit => Opaque(1000); }
    private struct Mile : IMeasure<Mile> { public static int Unit => Opaque(1609); static int IMeasure<Mile>.Doubled => 3218; }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Units<T>(int count) where T : IMeasure<T> => count * T.Unit + T.Doubled;

    private static void StaticAbstracts(ref Ktap t)
    {
        t.Equal(5000, (ulong)Units<Metre>(3), "with the interface's body"u8);
        t.Equal(4827, (ulong)Units<Mile>(1), "with its own"u8);
    }
}

/// <summary>Extension methods for the delegate case.</summary>
internal static class CoreLibraryExtensions
{
    public static int LengthPlus(this string text, int add) => text.Length + add;

    public static int SidesPlus(this object shape, int add) => shape is null ? add : 4 + add;
}
