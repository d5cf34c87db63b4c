using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.SelfTest;

/// <summary>Spans, inline arrays, ref structs, strings.</summary>
internal static unsafe partial class CoreLibrarySuite
{
    private static void Spans(ref Ktap t)
    {
        int[] array = [1, 2, 3, 4, 5, 6, 7, 8];
        Span<int> span = array;
        span[3] = 40;
        t.Check(array[3] == 40 && span.Length == 8, "an array's"u8);
        t.Check(span.Slice(2, 3).Length == 3 && span.Slice(2, 3)[1] == 40 && span[6..][0] == 7, "slices"u8);
        span.Slice(1, 5).CopyTo(span);
        t.Check(array is [2, 3, 40, 5, 6, 6, 7, 8], "an overlapping copy down"u8);
        span.Slice(0, 5).CopyTo(span.Slice(2));
        t.Check(array is [2, 3, 2, 3, 40, 5, 6, 8], "an overlapping copy up"u8);
        span.Slice(6).Fill(9);
        span.Slice(0, 2).Clear();
        t.Check(array is [0, 0, 2, 3, 40, 5, 9, 9], "fill and clear"u8);
        long single = 7;
        Span<long> one = new(ref single);
        one[0]++;
        t.Check(single == 8 && one.Length == 1, "a single value's"u8);
        t.Check(!span.TryCopyTo(span.Slice(1)), "a copy that does not fit is not begun"u8);
        Span<byte> bytes = MemoryMarshal.AsBytes(span);
        t.Check(bytes.Length == 32 && bytes[8] == 2, "as bytes"u8);
        t.Check(MemoryMarshal.Cast<byte, long>(bytes.Slice(0, 15)).Length == 1, "as wider values"u8);
        int sum = 0;
        foreach (ref int value in span)
            sum += ++value;
        t.Equal(76, (ulong)sum, "foreach by reference"u8);
        string[] texts = ["a", "b", "c"];
        Span<string> references = texts;
        references[1..].CopyTo(references);
        t.Check(texts[0] == "b" && texts[1] == "c" && texts[2] == "c", "of references"u8);
        ReadOnlySpan<byte> literal = "literal"u8;
        t.Check(literal.Length == 7 && literal[6] == (byte)'l', "a UTF-8 literal"u8);
    }

    private struct Page
    {
        public fixed byte Bytes[10_000];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int LargeFrame(int seed)
    {
        Page page = default;
        int sum = 0;
        for (int i = 0; i < 10_000; i++)
            sum += page.Bytes[i];
        page.Bytes[seed] = 3;
        return sum + page.Bytes[seed];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Buffer(int length)
    {
        Span<byte> buffer = stackalloc byte[length];
        Span<int> fixedSize = stackalloc int[5];
        buffer.Fill(0xEE);
        fixedSize.Clear();
        foreach (byte b in buffer)
        {
            if (b != 0xEE)
                return -1;
        }
        buffer.Fill(1);
        fixedSize[4] = 1000;
        int sum = fixedSize[0] + fixedSize[4];
        foreach (byte b in buffer)
            sum += b;
        return sum;
    }

    private static void StackBuffers(ref Ktap t)
    {
        for (int length = 0; length < 70; length++)
            t.Equal((ulong)(1000 + length), (ulong)Buffer(length), "apart, and as long as asked for"u8);
        t.Equal(6_000, (ulong)Buffer(5_000), "larger than a page"u8);
        t.Equal(3, (ulong)LargeFrame(Opaque(9_999)), "a frame larger than a page"u8);
    }

    [InlineArray(7)]
    private struct Seven<T>
    {
        private T _first;
    }

    private static void InlineArrays(ref Ktap t)
    {
        Seven<int> numbers = default;
        for (int i = 0; i < 7; i++)
            numbers[i] = i * i;
        Span<int> span = numbers;
        t.Check(span.Length == 7 && span[6] == 36 && numbers[Opaque(5)] == 25, "elements"u8);
        span[2] = -1;
        t.Check(numbers[2] == -1 && numbers[1..3][1] == -1, "a span of it is it"u8);
        t.Equal(28, (ulong)sizeof(Seven<int>), "size"u8);
        Seven<string> texts = default;
        texts[6] = "last";
        t.Check(texts[6] == "last" && texts[0] is null, "of references"u8);
        int sum = 0;
        foreach (int number in numbers)
            sum += number;
        t.Equal(0 + 1 - 1 + 9 + 16 + 25 + 36, (ulong)sum, "foreach"u8);
    }

    private ref struct Window
    {
        public ref int Value;
        public ReadOnlySpan<byte> Name;

        public Window(ref int value, ReadOnlySpan<byte> name)
        {
            Value = ref value;
            Name = name;
        }

        public readonly void Add(int amount) => Value += amount;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ref int Larger(ref int a, ref int b)
    {
        if (a > b)
            return ref a;
        return ref b;
    }

    private static void RefStructs(ref Ktap t)
    {
        int a = Opaque(1), b = Opaque(2);
        Window window = new(ref a, "name"u8);
        window.Add(5);
        t.Check(a == 6 && window.Name.Length == 4, "a ref field"u8);
        window.Value = ref b;
        window.Add(5);
        t.Check(a == 6 && b == 7, "set anew"u8);
        Larger(ref a, ref b) = 0;
        t.Check(b == 0 && a == 6, "a ref returned"u8);
    }

    private struct Deep
    {
        public string A, B, C;
        public Holding Inner;
        public long Tail;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Copy(ref Deep target, in Deep source) => target = source;

    private static void StructCopies(ref Ktap t)
    {
        Deep source = new() { A = "a", B = "b", C = "c", Inner = new Holding { Text = "t", Number = 5, Other = "o" }, Tail = -7 };
        Deep target = default;
        Copy(ref target, in source);
        t.Check(target.A == "a" && target.B == "b" && target.C == "c" && target.Tail == -7, "fields"u8);
        t.Check(target.Inner.Text == "t" && target.Inner.Number == 5 && (string)target.Inner.Other == "o", "nested fields"u8);
        Deep[] array = new Deep[3];
        array[1] = source;
        Deep[] copy = new Deep[3];
        array.AsSpan().CopyTo(copy);
        t.Check(copy[1].Inner.Text == "t" && copy[0].A is null && copy[2].A is null, "in arrays"u8);
    }

    private static void Strings(ref Ktap t)
    {
        string text = Opaque(1) == 1 ? "text" : "";
        t.Check(text.Length == 4 && text[1] == 'e', "length and characters"u8);
        t.Check(text == "text" && text != "tent" && text != "texts" && text != null, "equality"u8);
        t.Check(Hide(text)!.Equals("text") && "ab".GetHashCode() == "ab".GetHashCode(), "as objects"u8);
        int choice = text switch { "tent" => 1, "text" => 2, _ => 3 };
        t.Equal(2, (ulong)choice, "switch"u8);
        ReadOnlySpan<char> span = text;
        t.Check(span.Length == 4 && span[3] == 't', "as a span"u8);
    }

    private static void Ranges(ref Ktap t)
    {
        int[] array = [0, 1, 2, 3, 4];
        t.Check(array[^1] == 4 && array[^5] == 0, "from the end"u8);
        t.Check(array[1..^1] is [1, 2, 3] && array[..2] is [0, 1] && array[5..].Length == 0, "ranges"u8);
        (int offset, int length) = (1..^2).GetOffsetAndLength(5);
        t.Check(offset == 1 && length == 2, "resolved"u8);
    }
}
