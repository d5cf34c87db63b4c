using System.Runtime.CompilerServices;

namespace Sluice.SelfTest;

/// <summary>Static fields and constructors.</summary>
internal static unsafe partial class CoreLibrarySuite
{
    private static int _constructions;

    private static class Lazy
    {
        public static readonly int Number;
        public static int Order;

        // An explicit static constructor: runs on first use and not before.
        static Lazy()
        {
            Order = ++_constructions;
            Number = Opaque(42);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ReadLazy() => Lazy.Number;

    private static void StaticConstructorOnce(ref Ktap t)
    {
        // The suite may run more than once; the constructor does not.
        bool first = _constructions == 0;
        int before = _constructions;
        int number = 0;
        for (int i = 0; i < 3; i++)
            number = ReadLazy();
        t.Equal(42, (ulong)number, "it has run when a field is read"u8);
        if (first)
            t.Equal((ulong)before + 1, (ulong)Lazy.Order, "not earlier"u8);
        t.Equal(1, (ulong)_constructions, "and once"u8);
    }

    private static class Egg
    {
        public static readonly int Value;

        static Egg() => Value = Opaque(1) + Hen.Value;
    }

    private static class Hen
    {
        public static readonly int Value;

        static Hen() => Value = Opaque(10) + Egg.Value;
    }

    private static void StaticConstructorCircle(ref Ktap t)
    {
        t.Equal(11, (ulong)Egg.Value, "the one used first sees the other complete"u8);
        t.Equal(10, (ulong)Hen.Value, "the other sees it as it was"u8);
    }

    private static void StaticConstructorTurns(ref Ktap t)
    {
        // CPUs that cannot be this one: the decisions are tried, nothing is run.
        const uint one = 0xFFFF_FFF0, two = 0xFFFF_FFF1, three = 0xFFFF_FFF2;
        StaticClassConstructionContext a = new() { Constructor = 1 }, b = new() { Constructor = 1 }, c = new() { Constructor = 1 };
        t.Check(ConstructionsUnderWay.Enter(&a, one) == ConstructionTurn.Run, "the first runs it"u8);
        t.Check(ConstructionsUnderWay.Enter(&a, one) == ConstructionTurn.GoOn, "and does not wait for itself"u8);
        t.Check(ConstructionsUnderWay.Enter(&b, two) == ConstructionTurn.Run, "another type, another CPU"u8);
        t.Check(ConstructionsUnderWay.Enter(&c, three) == ConstructionTurn.Run, "and a third"u8);
        t.Check(ConstructionsUnderWay.Enter(&b, one) == ConstructionTurn.Wait, "one waits for two"u8);
        t.Check(ConstructionsUnderWay.Enter(&c, two) == ConstructionTurn.Wait, "two for three"u8);
        t.Check(ConstructionsUnderWay.Enter(&a, three) == ConstructionTurn.GoOn, "three would wait for itself"u8);
        c.Constructor = 0;
        ConstructionsUnderWay.Leave(&c, three);
        ConstructionsUnderWay.Leave(&c, two);
        t.Check(ConstructionsUnderWay.Enter(&c, two) == ConstructionTurn.GoOn, "nothing to do once it has run"u8);
        ConstructionsUnderWay.Leave(&b, two);
        ConstructionsUnderWay.Leave(&b, one);
        ConstructionsUnderWay.Leave(&a, one);
        t.Check(ConstructionsUnderWay.Enter(&a, two) == ConstructionTurn.Run, "all is forgotten"u8);
        ConstructionsUnderWay.Leave(&a, two);
    }

    private static class PerType<T>
    {
        public static int Count = Opaque(100);
        public static T? Last;

        [MethodImpl(MethodImplOptions.NoInlining)]
        public static int Next(T value)
        {
            Last = value;
            return ++Count;
        }
    }

    private static void GenericStatics(ref Ktap t)
    {
        int ints = PerType<int>.Count, strings = PerType<string>.Count, objects = PerType<object>.Count;
        t.Equal((ulong)ints + 1, (ulong)PerType<int>.Next(7), "of a value"u8);
        t.Equal((ulong)strings + 1, (ulong)PerType<string>.Next("last"), "of a class"u8);
        t.Equal((ulong)strings + 2, (ulong)PerType<string>.Next("very last"), "again"u8);
        t.Equal((ulong)objects, (ulong)PerType<object>.Count, "another class has its own"u8);
        t.Check(PerType<int>.Last == 7 && PerType<string>.Last == "very last", "and its own references"u8);
    }

    private static readonly int[] _squares = [0, 1, 4, 9, 16];
    private static readonly string[] _words = ["zero", "one", "two"];
    private static object? _kept;
    private static object _made = new int[] { 5 };

    private static void ReferenceStatics(ref Ktap t)
    {
        t.Check(_squares[Opaque(3)] == 9 && _squares.Length == 5, "an array of numbers"u8);
        t.Check(_words[Opaque(2)] == "two" && _words.Length == 3, "an array of strings"u8);
        _kept = _squares;
        t.Check(Hide(_kept) == _squares, "set and read"u8);
        _kept = null;
        t.Check(((int[])_made)[0] == 5, "made by the static constructor"u8);
    }

    [EagerStaticClassConstruction]
    private static class Eager
    {
        public static int Value;

        static Eager() => Value = Opaque(77);
    }

    private static int _initialized;

#pragma warning disable CA2255 // a kernel is no library: this is the application
    [ModuleInitializer]
    internal static void InitializeModule() => _initialized++;
#pragma warning restore CA2255

    private static void EagerStatics(ref Ktap t)
    {
        t.Equal(77, (ulong)Eager.Value, "the constructor has run"u8);
        t.Equal(1, (ulong)_initialized, "the initializer has run, once"u8);
    }
}
