using System.Runtime.CompilerServices;

namespace Sluice.SelfTest;

/// <summary>Calls through interfaces and virtual methods.</summary>
internal static unsafe partial class CoreLibrarySuite
{
    private interface INumbered
    {
        int Number(int add);
    }

    // Each pair of arguments makes a type of its own.
    private sealed class Numbered<TA, TB>(int number) : INumbered
    {
        public int Number(int add) => number + add;
    }

    private static INumbered[] Implementors() =>
    [
        new Numbered<byte, byte>(0), new Numbered<byte, short>(1), new Numbered<byte, int>(2), new Numbered<byte, long>(3),
        new Numbered<byte, uint>(4), new Numbered<byte, ulong>(5), new Numbered<byte, char>(6), new Numbered<byte, bool>(7),
        new Numbered<short, byte>(8), new Numbered<short, short>(9), new Numbered<short, int>(10), new Numbered<short, long>(11),
        new Numbered<short, uint>(12), new Numbered<short, ulong>(13), new Numbered<short, char>(14), new Numbered<short, bool>(15),
        new Numbered<int, byte>(16), new Numbered<int, short>(17), new Numbered<int, int>(18), new Numbered<int, long>(19),
        new Numbered<int, uint>(20), new Numbered<int, ulong>(21), new Numbered<int, char>(22), new Numbered<int, bool>(23),
        new Numbered<long, byte>(24), new Numbered<long, short>(25), new Numbered<long, int>(26), new Numbered<long, long>(27),
        new Numbered<long, uint>(28), new Numbered<long, ulong>(29), new Numbered<long, char>(30), new Numbered<long, bool>(31),
        new Numbered<uint, byte>(32), new Numbered<uint, short>(33), new Numbered<uint, int>(34), new Numbered<uint, long>(35),
        new Numbered<uint, uint>(36), new Numbered<uint, ulong>(37), new Numbered<uint, char>(38), new Numbered<uint, bool>(39),
    ];

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CallNumber(INumbered receiver, int add) => receiver.Number(add);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CallNumberElsewhere(INumbered receiver, int add) => receiver.Number(add);

    private static void ManyImplementors(ref Ktap t)
    {
        INumbered[] all = Implementors();
        t.Equal(40, (ulong)all.Length, "implementors"u8);
        // One more type with each round, and all those before again.
        for (int types = 1; types <= all.Length; types++)
        {
            for (int i = 0; i < types; i++)
                t.Equal((ulong)(i + types), (ulong)CallNumber(all[i], types), "the right method answers"u8);
        }
    }

    private static void FirstAgain(ref Ktap t)
    {
        INumbered[] all = Implementors();
        foreach (INumbered one in all)
            CallNumberElsewhere(one, 0);
        for (int i = all.Length - 1; i >= 0; i--)
            t.Equal((ulong)i, (ulong)CallNumberElsewhere(all[i], 0), "the right method answers"u8);
    }

    private struct Wide
    {
        public long A, B, C, D;
    }

    private interface IManyArguments
    {
        Wide Mix(long a, long b, long c, long d, long e, double f, double g, double h, double i, Wide j);
    }

    private sealed class Mixer(long factor) : IManyArguments
    {
        public Wide Mix(long a, long b, long c, long d, long e, double f, double g, double h, double i, Wide j) => new()
        {
            A = factor * (a + 10 * b + 100 * c),
            B = d + 10 * e,
            C = (long)f + 10 * (long)g + 100 * (long)h + 1000 * (long)i,
            D = j.A + j.B + j.C + j.D,
        };
    }

    private sealed class OtherMixer : IManyArguments
    {
        public Wide Mix(long a, long b, long c, long d, long e, double f, double g, double h, double i, Wide j) => new() { A = a };
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Wide CallMix(IManyArguments mixer) =>
        mixer.Mix(1, 2, 3, 4, 5, 6, 7, 8, 9, new Wide { A = 1, B = 20, C = 300, D = 4000 });

    private static void ArgumentsSurvive(ref Ktap t)
    {
        for (int i = 0; i < 3; i++)
        {
            Wide result = CallMix(i == 1 ? new OtherMixer() : new Mixer(1));
            t.Equal(i == 1 ? 1u : 321u, (ulong)result.A, "integers in registers"u8);
            if (i == 1)
                continue;
            t.Equal(54, (ulong)result.B, "more integers"u8);
            t.Equal(9876, (ulong)result.C, "floating point"u8);
            t.Equal(4321, (ulong)result.D, "on the stack"u8);
        }
    }

    private interface IStep
    {
        int First();
        int Second();
    }

    private class Base : IStep
    {
        public virtual int First() => 1;
        int IStep.Second() => 2;
        public int CallFirst() => First();
    }

    private class Overriding : Base
    {
        public override int First() => 11;
    }

    private class Reimplementing : Base, IStep
    {
        public int Second() => 22;
        public new int First() => 21;
    }

    private sealed class Inheriting : Reimplementing;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CallFirst(IStep step) => step.First();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CallSecond(IStep step) => step.Second();

    private static void Overrides(ref Ktap t)
    {
        t.Equal(1, (ulong)CallFirst(new Base()), "virtual"u8);
        t.Equal(2, (ulong)CallSecond(new Base()), "explicit"u8);
        t.Equal(11, (ulong)CallFirst(new Overriding()), "overridden"u8);
        t.Equal(2, (ulong)CallSecond(new Overriding()), "explicit, inherited"u8);
        t.Equal(21, (ulong)CallFirst(new Reimplementing()), "implemented anew"u8);
        t.Equal(22, (ulong)CallSecond(new Inheriting()), "implemented anew, inherited"u8);
        t.Equal(1, (ulong)new Inheriting().CallFirst(), "the hidden virtual method is still there"u8);
    }

    private interface IGreeting
    {
        int Word() => 1;
        int Twice() => Word() * 2;
    }

    private interface IPoliteGreeting : IGreeting
    {
        int IGreeting.Word() => 5;
    }

    private sealed class Silent : IGreeting;
    private sealed class Polite : IPoliteGreeting;
    private sealed class Loud : IGreeting { public int Word() => 100; }
    private struct Short : IGreeting { public int Value; public readonly int Word() => Value; }

    private interface IDefaultOf<T>
    {
        bool Is(object value) => value is T;
    }

    private sealed class OfStrings : IDefaultOf<string>;
    private sealed class OfArrays : IDefaultOf<int[]>;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CallTwice(IGreeting greeting) => greeting.Twice();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool CallIs<T>(IDefaultOf<T> of, object value) => of.Is(value);

    private static void DefaultMethods(ref Ktap t)
    {
        t.Equal(2, (ulong)CallTwice(new Silent()), "both by default"u8);
        t.Equal(10, (ulong)CallTwice(new Polite()), "the derived interface's"u8);
        t.Equal(200, (ulong)CallTwice(new Loud()), "the class's own"u8);
        t.Equal(14, (ulong)CallTwice(new Short { Value = 7 }), "a struct's own"u8);
        t.Check(CallIs(new OfStrings(), "text") && !CallIs(new OfStrings(), new int[1]), "in a generic interface"u8);
        t.Check(CallIs(new OfArrays(), new int[1]) && !CallIs(new OfArrays(), "text"), "and in another instance of it"u8);
    }

    private interface IConvert<TIn, TOut>
    {
        TOut Convert(TIn value);
    }

    private sealed class Converter : IConvert<int, string>, IConvert<string, int>, IConvert<object, object>, IConvert<Wide, long>
    {
        string IConvert<int, string>.Convert(int value) => value == 1 ? "one" : "many";
        int IConvert<string, int>.Convert(string value) => value.Length;
        object IConvert<object, object>.Convert(object value) => this;
        long IConvert<Wide, long>.Convert(Wide value) => value.D;
    }

    private sealed class OtherConverter : IConvert<int, string>, IConvert<string, int>, IConvert<object, object>, IConvert<Wide, long>
    {
        public string Convert(int value) => "other";
        public int Convert(string value) => -1;
        public object Convert(object value) => value;
        public long Convert(Wide value) => value.A;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static TOut CallConvert<TIn, TOut>(IConvert<TIn, TOut> converter, TIn value) => converter.Convert(value);

    private static void GenericInterfaces(ref Ktap t)
    {
        Converter one = new();
        OtherConverter other = new();
        Wide wide = new() { A = 1, D = 4 };
        t.Check(CallConvert<int, string>(one, 1) == "one" && CallConvert<int, string>(other, 1) == "other", "of a value"u8);
        t.Check(CallConvert<string, int>(one, "four") == 4 && CallConvert<string, int>(other, "") == -1, "of a class"u8);
        t.Check(CallConvert<object, object>(one, other) == one && CallConvert<object, object>(other, one) == one, "of objects"u8);
        t.Check(CallConvert<Wide, long>(one, wide) == 4 && CallConvert<Wide, long>(other, wide) == 1, "of a struct"u8);
    }

    private interface IMake<out T> { T Make(); }
    private interface ITake<in T> { int Take(T value); }

    private sealed class Texts : IMake<string>, ITake<object>
    {
        public string Make() => "made";
        public int Take(object value) => value is string text ? text.Length : -1;
    }

    private sealed class Both : IMake<object>, IMake<string>
    {
        object IMake<object>.Make() => this;
        string IMake<string>.Make() => "both";
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static object CallMake(IMake<object> maker) => maker.Make();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CallTake(ITake<string> taker, string value) => taker.Take(value);

    private static void Variance(ref Ktap t)
    {
        Texts texts = new();
        Both both = new();
        t.Check((string)CallMake(texts) == "made", "out"u8);
        t.Check(CallMake(both) == both, "the exact instance is preferred"u8);
        t.Equal(5, (ulong)CallTake(texts, "taken"), "in"u8);
        t.Check(Hide(texts) is IMake<object> and ITake<string> and not IMake<Texts>, "casts agree"u8);
    }

    private struct Counter : INumbered
    {
        public int Count;
        public int Number(int add) => Count += add;
    }

    private static void StructReceivers(ref Ktap t)
    {
        Counter counter = new() { Count = 5 };
        INumbered boxed = counter;
        t.Equal(6, (ulong)CallNumber(boxed, 1), "in the box"u8);
        t.Equal(7, (ulong)CallNumber(boxed, 1), "changes stay in the box"u8);
        t.Equal(5, (ulong)counter.Count, "and out of the value it was made from"u8);
    }

    private abstract class Shape
    {
        public abstract int Sides { get; }
        public virtual int Corners => Sides;
    }

    private class Triangle : Shape { public override int Sides => 3; }
    private class Square : Shape { public override int Sides => 4; }
    private sealed class Circle : Shape { public override int Sides => 1; public override int Corners => 0; }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Count(Shape shape) => shape.Sides * 10 + shape.Corners;

    private static void VirtualCalls(ref Ktap t)
    {
        t.Equal(33, (ulong)Count(new Triangle()), "inherited body"u8);
        t.Equal(44, (ulong)Count(new Square()), "another class"u8);
        t.Equal(10, (ulong)Count(new Circle()), "both overridden"u8);
    }
}
