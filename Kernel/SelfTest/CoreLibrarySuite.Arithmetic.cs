using System.Runtime.CompilerServices;
using System.Threading;

namespace Sluice.SelfTest;

/// <summary>Arithmetic, atomics, control flow.</summary>
internal static unsafe partial class CoreLibrarySuite
{
    private static void CheckedArithmetic(ref Ktap t)
    {
        checked
        {
            int large = Opaque(int.MaxValue - 1), small = Opaque(int.MinValue + 1);
            t.Check(large + 1 == int.MaxValue && small - 1 == int.MinValue, "add and subtract"u8);
            t.Check(Opaque(46340) * Opaque(46340) == 2147395600, "multiply"u8);
            t.Check(-large == small + 1 && (uint)large == 0x7FFF_FFFE && (short)Opaque(-32768) == short.MinValue, "convert"u8);
            t.Check((long)Opaque(1 << 30) * 8 == 1L << 33, "widen"u8);
            ulong product = (ulong)(uint)Opaque(-1 & int.MaxValue) * 3;
            t.Equal(3UL * int.MaxValue, product, "unsigned"u8);
            byte b = (byte)Opaque(255);
            t.Check(b == 255, "narrow"u8);
        }
        unchecked
        {
            t.Check(Opaque(int.MaxValue) + 1 == int.MinValue && (byte)Opaque(-1) == 255, "unchecked wraps"u8);
        }
    }

    private static void Division(ref Ktap t)
    {
        t.Check(Opaque(-7) / 2 == -3 && Opaque(-7) % 2 == -1, "truncates toward zero"u8);
        t.Check(Opaque(int.MinValue) / 1 == int.MinValue && Opaque(int.MaxValue) / Opaque(-1) == -int.MaxValue, "edges"u8);
        t.Check((long)Opaque(-9) / Opaque(4) == -2 && (ulong)(uint)Opaque(9) % 4 == 1, "longs"u8);
        t.Check(Opaque(1) << Opaque(33) == 2 && Opaque(-8) >> 1 == -4 && Opaque(-8) >>> 28 == 15, "shifts"u8);
        t.Check((double)Opaque(7) / 2 == 3.5 && (int)((double)Opaque(-7) / 2) == -3 && (ulong)(double)Opaque(3) == 3, "floating point"u8);
    }

    private static int _atomic;
    private static long _atomicLong;

    private static void Atomics(ref Ktap t)
    {
        _atomic = 5;
        t.Check(Interlocked.CompareExchange(ref _atomic, 7, 5) == 5 && _atomic == 7, "exchanged when equal"u8);
        t.Check(Interlocked.CompareExchange(ref _atomic, 9, 5) == 7 && _atomic == 7, "left when not"u8);
        t.Check(Interlocked.Exchange(ref _atomic, -1) == 7 && Interlocked.Increment(ref _atomic) == 0, "exchange and increment"u8);
        t.Check(Interlocked.Add(ref _atomic, 10) == 10 && Interlocked.Decrement(ref _atomic) == 9, "add and decrement"u8);
        _atomicLong = long.MaxValue;
        t.Check(Interlocked.Increment(ref _atomicLong) == long.MinValue, "a long wraps"u8);
        Volatile.Write(ref _atomic, 3);
        Interlocked.MemoryBarrier();
        t.Check(Volatile.Read(ref _atomic) == 3, "volatile"u8);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Dense(int value)
    {
        switch (value)
        {
            case 0: return 10;
            case 1: return 11;
            case 2: return 12;
            case 3: return 13;
            case 4: return 14;
            case 5: return 15;
            case 6: return 16;
            case 7: return 17;
            default: return -1;
        }
    }

    private static void Switches(ref Ktap t)
    {
        for (int i = 0; i < 8; i++)
            t.Equal((ulong)(10 + i), (ulong)Dense(i), "a jump table"u8);
        t.Check(Dense(-1) == -1 && Dense(8) == -1, "outside of it"u8);
        long sparse = (long)Opaque(1_000_000) * 1_000_000;
        t.Equal(2, sparse switch { 0 => 1u, 1_000_000_000_000 => 2u, _ => 3u }, "sparse values"u8);
    }

    private static int _finally;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int LeaveEarly(int value)
    {
        try
        {
            if (value > 0)
                return value;
            value = 5;
        }
        finally
        {
            _finally++;
        }
        return value;
    }

    private ref struct Scope(ref int counter)
    {
        private ref int _counter = ref counter;

        public readonly void Dispose() => _counter++;
    }

    private static void Finally(ref Ktap t)
    {
        _finally = 0;
        t.Check(LeaveEarly(3) == 3 && LeaveEarly(0) == 5 && _finally == 2, "on both ways out"u8);
        int disposed = 0;
        using (new Scope(ref disposed))
            t.Check(disposed == 0, "using: not yet"u8);
        t.Check(disposed == 1, "using: at its end"u8);
    }

    private static void Identity(ref Ktap t)
    {
        object a = new Base(), b = new Base();
        t.Check(a != b && a.Equals(a) && !a.Equals(b), "equal to itself only"u8);
        t.Check(a.GetHashCode() == a.GetHashCode() && a.GetHashCode() != b.GetHashCode(), "hash codes"u8);
        t.Check(ReferenceEquals(a, Hide(a)), "references"u8);
    }
}
