using System;
using System.Runtime.CompilerServices;

namespace Sluice.SelfTest;

/// <summary>Casts, arrays of objects, boxes.</summary>
internal static unsafe partial class CoreLibrarySuite
{
    private enum Small : byte { None, One, Many = 200 }
    private enum Large : ulong { None, Top = 1UL << 63 }
    private enum Plain { Zero, One, Two }

    private static void ClassCasts(ref Ktap t)
    {
        object overriding = Hide(new Overriding())!;
        t.Check(overriding is Base && overriding is Overriding && overriding is object, "to itself and its bases"u8);
        t.Check(overriding is not Reimplementing && overriding is not Triangle && overriding is not string, "not to others"u8);
        t.Check(Hide(new Base()) is not Overriding, "not to a derived class"u8);
        t.Check((Base?)overriding == overriding && Hide(overriding) as Triangle is null, "cast and as"u8);
        t.Check((Base?)Hide(null) is null, "null is cast to anything"u8);
        t.Check(Hide("text") is string && Hide(5) is ValueType && Hide(Plain.One) is Enum, "the library's own"u8);
    }

    private static void InterfaceCasts(ref Ktap t)
    {
        object inheriting = Hide(new Inheriting())!;
        t.Check(inheriting is IStep && (IStep)inheriting == inheriting, "inherited"u8);
        t.Check(Hide(new Polite()) is IGreeting, "by way of an interface"u8);
        t.Check(inheriting is not IGreeting, "not implemented"u8);
        t.Check(Hide(new Counter()) is INumbered, "boxed"u8);
        t.Check(Hide(new Converter()) is IConvert<int, string> and IConvert<Wide, long> and not IConvert<int, int>, "generic"u8);
    }

    private static void ArrayCasts(ref Ktap t)
    {
        object derived = Hide(new Overriding[1])!;
        t.Check(derived is Overriding[] && derived is Base[] && derived is object[] && derived is IStep[], "covariant"u8);
        t.Check(derived is not Triangle[] && derived is not IGreeting[] && derived is not int[], "not to others"u8);
        t.Check(derived is Array && derived is not Base, "an array is an Array"u8);
        t.Check(Hide(new Base[1]) is not Overriding[], "not to a derived element"u8);
        object ints = Hide(new int[1])!;
        t.Check(ints is int[] && ints is uint[] && ints is Plain[], "integers of one width"u8);
        t.Check(ints is not long[] && ints is not object[] && Hide(new bool[1]) is not byte[], "but no other values"u8);
        t.Check(Hide(new string[1][]) is object[][] and object[], "arrays of arrays"u8);
        t.Check(Hide(new Texts[1]) is IMake<object>[], "by variance of the element"u8);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Store(object?[] array, int index, object? value) => array[index] = value;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ref Base? ElementOf(Base?[] array, int index) => ref array[index];

    private static void ArrayStores(ref Ktap t)
    {
        Base[] bases = new Base[2];
        Overriding value = new();
        Store(bases, 1, value);
        t.Check(bases[1] == value, "a derived object into an array of its base"u8);
        Store(bases, 1, null);
        t.Check(bases[1] is null, "null"u8);
        IStep[] steps = new IStep[1];
        Store(steps, 0, value);
        t.Check(steps[0] == value, "into an array of an interface"u8);
        object[] objects = new object[1];
        Store(objects, 0, bases);
        t.Check(objects[0] == bases, "anything into objects"u8);
        ElementOf(bases, 0) = value;
        t.Check(bases[0] == value, "through a reference"u8);
        t.Equal(0, (ulong)new string[0].Length, "an empty array"u8);
    }

    private struct Padded
    {
        public long A;
        public byte B;
    }

    private struct Holding
    {
        public string Text;
        public int Number;
        public object Other;
    }

    private static void Boxes(ref Ktap t)
    {
        t.Check(Hide(5) is int five && five == 5, "int"u8);
        t.Check(Hide((byte)200) is byte and 200, "byte"u8);
        t.Check(Hide(ulong.MaxValue) is ulong and ulong.MaxValue, "ulong"u8);
        t.Check(Hide(5) is not long and not uint, "only itself"u8);
        t.Check((uint)Hide(7u)! == 7 && (int)(Plain)Hide(Plain.Two)! == 2, "cast"u8);
        Padded padded = (Padded)Hide(new Padded { A = long.MinValue, B = 9 })!;
        t.Check(padded.A == long.MinValue && padded.B == 9, "a struct with padding"u8);
        object array = new int[3];
        Holding holding = (Holding)Hide(new Holding { Text = "text", Number = -1, Other = array })!;
        t.Check(holding.Text == "text" && holding.Number == -1 && holding.Other == array, "a struct with references"u8);
        t.Check((int)Hide(Plain.Two)! == 2 && (Plain)Hide(1)! == Plain.One, "an enumeration and its integer"u8);
        object a = 5, b = 5;
        t.Check(a != b, "each box is an object of its own"u8);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int? Maybe(int value) => value < 0 ? null : value;

    private static void Nullables(ref Ktap t)
    {
        int? some = Maybe(5), none = Maybe(-1);
        t.Check(some.HasValue && some.Value == 5 && some == 5, "a value"u8);
        t.Check(!none.HasValue && none is null && none.GetValueOrDefault(7) == 7, "none"u8);
        t.Check((some ?? 0) + (none ?? 1) == 6 && (some + none) is null && some + 1 == 6, "operators"u8);
        t.Check(Hide(none) is null && Hide(some) is int and 5, "boxed as the value or null"u8);
        t.Check((int?)Hide(5) == 5 && (int?)Hide(null) is null, "unboxed"u8);
        t.Check(Hide(5) is int && (Hide(5L) as int?) is null && (Hide(5) as int?) == 5, "cast"u8);
        Wide? wide = new Wide { D = 3 };
        t.Check(((Wide?)Hide(wide))!.Value.D == 3, "of a struct"u8);
        Small? small = Small.Many;
        t.Check((Small?)Hide(small) == Small.Many, "of a byte"u8);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool SameEnum<T>(T a, T b) where T : unmanaged, Enum => a.Equals(b);

    private static void Enumerations(ref Ktap t)
    {
        t.Check(SameEnum(Small.Many, (Small)Opaque(200)) && !SameEnum(Small.One, Small.Many), "bytes"u8);
        t.Check(SameEnum(Large.Top, (Large)(1UL << 63)) && !SameEnum(Large.Top, Large.None), "longs"u8);
        t.Check(Plain.One.Equals(Hide(Plain.One)) && !Plain.One.Equals(Hide(1)), "boxed, of the same type only"u8);
    }

    private class Cell<T> where T : class
    {
        public T? Content;

        [MethodImpl(MethodImplOptions.NoInlining)]
        public bool Fits(object? value) => value is T;

        [MethodImpl(MethodImplOptions.NoInlining)]
        public void Put(object? value) => Content = (T?)value;

        [MethodImpl(MethodImplOptions.NoInlining)]
        public T?[] Row(int length) => new T?[length];
    }

    private static void GenericCasts(ref Ktap t)
    {
        Cell<string> strings = new();
        Cell<IStep> steps = new();
        Cell<int[]> arrays = new();
        t.Check(strings.Fits(Hide("text")) && !strings.Fits(Hide(5)) && !strings.Fits(null), "a class"u8);
        t.Check(steps.Fits(Hide(new Base())) && !steps.Fits(Hide("text")), "an interface"u8);
        t.Check(arrays.Fits(Hide(new uint[2])) && !arrays.Fits(Hide(new string[2])), "an array"u8);
        strings.Put("text");
        t.Check(strings.Content == "text", "cast"u8);
        t.Check((object)strings.Row(2) is string[] && (object)steps.Row(1) is IStep[], "makes arrays of its own"u8);
    }

    private static int Classify(object? value) => value switch
    {
        null => 0,
        int and > 10 => 1,
        int => 2,
        string { Length: 3 } => 3,
        string => 4,
        Base and IStep => 5,
        int[] and [1, _, ..] => 6,
        Array => 7,
        _ => 8,
    };

    private static void Patterns(ref Ktap t)
    {
        t.Equal(0, (ulong)Classify(null), "null"u8);
        t.Equal(1, (ulong)Classify(11), "relational"u8);
        t.Equal(2, (ulong)Classify(10), "type"u8);
        t.Equal(3, (ulong)Classify("abc"), "property"u8);
        t.Equal(4, (ulong)Classify("abcd"), "second type"u8);
        t.Equal(5, (ulong)Classify(new Overriding()), "conjunction"u8);
        t.Equal(6, (ulong)Classify(new int[] { 1, 2, 3 }), "list"u8);
        t.Equal(7, (ulong)Classify(new int[] { 2, 2 }), "base"u8);
        t.Equal(8, (ulong)Classify(new Triangle()), "default"u8);
    }
}
