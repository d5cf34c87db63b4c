using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Sluice.Runtime;

/// <summary>
/// Copy and clear for buffers of hundreds of bytes to many pages that do not overlap: few instructions a byte before small code. What
/// is left of blocks of 1 KiB is done by a jump into a row of 16-byte steps. Pure algorithms: hosted tests compile this file, too.
/// </summary>
public static unsafe class BlockCopy
{
    /// <summary>Copies bytes to memory that shares none with the source.</summary>
    public static void Copy(byte* destination, byte* source, nuint bytes)
    {
        if (bytes < 16)
        {
            MemoryOperations.Copy(destination, source, bytes);
            return;
        }
        for (; bytes >= 1024; bytes -= 1024)
        {
            Copy512(destination, source, 0);
            Copy512(destination, source, 512);
            source += 1024;
            destination += 1024;
        }
        if (bytes == 0)
            return;
        // The last bytes by a whole step that overlaps what is done already, or what is to come.
        Copy16(destination + bytes, source + bytes, -16);
        switch (((uint)bytes >> 4) & 63)
        {
            case 63: Copy16(destination, source, 992); goto case 62;
            case 62: Copy16(destination, source, 976); goto case 61;
            case 61: Copy16(destination, source, 960); goto case 60;
            case 60: Copy16(destination, source, 944); goto case 59;
            case 59: Copy16(destination, source, 928); goto case 58;
            case 58: Copy16(destination, source, 912); goto case 57;
            case 57: Copy16(destination, source, 896); goto case 56;
            case 56: Copy16(destination, source, 880); goto case 55;
            case 55: Copy16(destination, source, 864); goto case 54;
            case 54: Copy16(destination, source, 848); goto case 53;
            case 53: Copy16(destination, source, 832); goto case 52;
            case 52: Copy16(destination, source, 816); goto case 51;
            case 51: Copy16(destination, source, 800); goto case 50;
            case 50: Copy16(destination, source, 784); goto case 49;
            case 49: Copy16(destination, source, 768); goto case 48;
            case 48: Copy16(destination, source, 752); goto case 47;
            case 47: Copy16(destination, source, 736); goto case 46;
            case 46: Copy16(destination, source, 720); goto case 45;
            case 45: Copy16(destination, source, 704); goto case 44;
            case 44: Copy16(destination, source, 688); goto case 43;
            case 43: Copy16(destination, source, 672); goto case 42;
            case 42: Copy16(destination, source, 656); goto case 41;
            case 41: Copy16(destination, source, 640); goto case 40;
            case 40: Copy16(destination, source, 624); goto case 39;
            case 39: Copy16(destination, source, 608); goto case 38;
            case 38: Copy16(destination, source, 592); goto case 37;
            case 37: Copy16(destination, source, 576); goto case 36;
            case 36: Copy16(destination, source, 560); goto case 35;
            case 35: Copy16(destination, source, 544); goto case 34;
            case 34: Copy16(destination, source, 528); goto case 33;
            case 33: Copy16(destination, source, 512); goto case 32;
            case 32: Copy16(destination, source, 496); goto case 31;
            case 31: Copy16(destination, source, 480); goto case 30;
            case 30: Copy16(destination, source, 464); goto case 29;
            case 29: Copy16(destination, source, 448); goto case 28;
            case 28: Copy16(destination, source, 432); goto case 27;
            case 27: Copy16(destination, source, 416); goto case 26;
            case 26: Copy16(destination, source, 400); goto case 25;
            case 25: Copy16(destination, source, 384); goto case 24;
            case 24: Copy16(destination, source, 368); goto case 23;
            case 23: Copy16(destination, source, 352); goto case 22;
            case 22: Copy16(destination, source, 336); goto case 21;
            case 21: Copy16(destination, source, 320); goto case 20;
            case 20: Copy16(destination, source, 304); goto case 19;
            case 19: Copy16(destination, source, 288); goto case 18;
            case 18: Copy16(destination, source, 272); goto case 17;
            case 17: Copy16(destination, source, 256); goto case 16;
            case 16: Copy16(destination, source, 240); goto case 15;
            case 15: Copy16(destination, source, 224); goto case 14;
            case 14: Copy16(destination, source, 208); goto case 13;
            case 13: Copy16(destination, source, 192); goto case 12;
            case 12: Copy16(destination, source, 176); goto case 11;
            case 11: Copy16(destination, source, 160); goto case 10;
            case 10: Copy16(destination, source, 144); goto case 9;
            case 9: Copy16(destination, source, 128); goto case 8;
            case 8: Copy16(destination, source, 112); goto case 7;
            case 7: Copy16(destination, source, 96); goto case 6;
            case 6: Copy16(destination, source, 80); goto case 5;
            case 5: Copy16(destination, source, 64); goto case 4;
            case 4: Copy16(destination, source, 48); goto case 3;
            case 3: Copy16(destination, source, 32); goto case 2;
            case 2: Copy16(destination, source, 16); goto case 1;
            case 1: Copy16(destination, source, 0); goto case 0;
            case 0:
                return;
        }
    }

    /// <summary>Sets bytes to zero, and as many behind them as make up a multiple of 16.</summary>
    public static void ClearBlocks(byte* destination, nuint bytes) => FillBlocks(destination, bytes, 0);

    /// <summary>Sets 4096 bytes to zero.</summary>
    public static void ClearPage(byte* page) => FillPage(page, 0);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FillPage(byte* page, ulong value)
    {
        Vector128<ulong> block = Vector128.Create(value);
        byte* end = page + 4096;
        do
        {
            Fill512(page, block, 0);
            Fill512(page, block, 512);
            Fill512(page, block, 1024);
            Fill512(page, block, 1536);
            page += 2048;
        }
        while (page != end);
    }

    // A value that the compiler knew it would load again for every other store.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FillBlocks(byte* destination, nuint bytes, ulong value)
    {
        Vector128<ulong> block = Vector128.Create(value);
        bytes += 15;
        for (; bytes >= 1024; bytes -= 1024)
        {
            Fill512(destination, block, 0);
            Fill512(destination, block, 512);
            destination += 1024;
        }
        if (bytes < 16)
            return;
        switch (((uint)bytes >> 4) & 63)
        {
            case 63: Fill16(destination, block, 992); goto case 62;
            case 62: Fill16(destination, block, 976); goto case 61;
            case 61: Fill16(destination, block, 960); goto case 60;
            case 60: Fill16(destination, block, 944); goto case 59;
            case 59: Fill16(destination, block, 928); goto case 58;
            case 58: Fill16(destination, block, 912); goto case 57;
            case 57: Fill16(destination, block, 896); goto case 56;
            case 56: Fill16(destination, block, 880); goto case 55;
            case 55: Fill16(destination, block, 864); goto case 54;
            case 54: Fill16(destination, block, 848); goto case 53;
            case 53: Fill16(destination, block, 832); goto case 52;
            case 52: Fill16(destination, block, 816); goto case 51;
            case 51: Fill16(destination, block, 800); goto case 50;
            case 50: Fill16(destination, block, 784); goto case 49;
            case 49: Fill16(destination, block, 768); goto case 48;
            case 48: Fill16(destination, block, 752); goto case 47;
            case 47: Fill16(destination, block, 736); goto case 46;
            case 46: Fill16(destination, block, 720); goto case 45;
            case 45: Fill16(destination, block, 704); goto case 44;
            case 44: Fill16(destination, block, 688); goto case 43;
            case 43: Fill16(destination, block, 672); goto case 42;
            case 42: Fill16(destination, block, 656); goto case 41;
            case 41: Fill16(destination, block, 640); goto case 40;
            case 40: Fill16(destination, block, 624); goto case 39;
            case 39: Fill16(destination, block, 608); goto case 38;
            case 38: Fill16(destination, block, 592); goto case 37;
            case 37: Fill16(destination, block, 576); goto case 36;
            case 36: Fill16(destination, block, 560); goto case 35;
            case 35: Fill16(destination, block, 544); goto case 34;
            case 34: Fill16(destination, block, 528); goto case 33;
            case 33: Fill16(destination, block, 512); goto case 32;
            case 32: Fill16(destination, block, 496); goto case 31;
            case 31: Fill16(destination, block, 480); goto case 30;
            case 30: Fill16(destination, block, 464); goto case 29;
            case 29: Fill16(destination, block, 448); goto case 28;
            case 28: Fill16(destination, block, 432); goto case 27;
            case 27: Fill16(destination, block, 416); goto case 26;
            case 26: Fill16(destination, block, 400); goto case 25;
            case 25: Fill16(destination, block, 384); goto case 24;
            case 24: Fill16(destination, block, 368); goto case 23;
            case 23: Fill16(destination, block, 352); goto case 22;
            case 22: Fill16(destination, block, 336); goto case 21;
            case 21: Fill16(destination, block, 320); goto case 20;
            case 20: Fill16(destination, block, 304); goto case 19;
            case 19: Fill16(destination, block, 288); goto case 18;
            case 18: Fill16(destination, block, 272); goto case 17;
            case 17: Fill16(destination, block, 256); goto case 16;
            case 16: Fill16(destination, block, 240); goto case 15;
            case 15: Fill16(destination, block, 224); goto case 14;
            case 14: Fill16(destination, block, 208); goto case 13;
            case 13: Fill16(destination, block, 192); goto case 12;
            case 12: Fill16(destination, block, 176); goto case 11;
            case 11: Fill16(destination, block, 160); goto case 10;
            case 10: Fill16(destination, block, 144); goto case 9;
            case 9: Fill16(destination, block, 128); goto case 8;
            case 8: Fill16(destination, block, 112); goto case 7;
            case 7: Fill16(destination, block, 96); goto case 6;
            case 6: Fill16(destination, block, 80); goto case 5;
            case 5: Fill16(destination, block, 64); goto case 4;
            case 4: Fill16(destination, block, 48); goto case 3;
            case 3: Fill16(destination, block, 32); goto case 2;
            case 2: Fill16(destination, block, 16); goto case 1;
            case 1: Fill16(destination, block, 0); goto case 0;
            case 0:
                return;
        }
    }

    // Offsets are arguments, not sums, so that they end up in the instructions.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy16(byte* destination, byte* source, nint at) =>
        *(Vector128<byte>*)(destination + at) = *(Vector128<byte>*)(source + at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy32(byte* destination, byte* source, nint at)
    {
        Copy16(destination, source, at);
        Copy16(destination, source, at + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy64(byte* destination, byte* source, nint at)
    {
        Copy32(destination, source, at);
        Copy32(destination, source, at + 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy128(byte* destination, byte* source, nint at)
    {
        Copy64(destination, source, at);
        Copy64(destination, source, at + 64);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy256(byte* destination, byte* source, nint at)
    {
        Copy128(destination, source, at);
        Copy128(destination, source, at + 128);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy512(byte* destination, byte* source, nint at)
    {
        Copy256(destination, source, at);
        Copy256(destination, source, at + 256);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fill16(byte* destination, Vector128<ulong> block, nint at) => *(Vector128<ulong>*)(destination + at) = block;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fill32(byte* destination, Vector128<ulong> block, nint at)
    {
        Fill16(destination, block, at);
        Fill16(destination, block, at + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fill64(byte* destination, Vector128<ulong> block, nint at)
    {
        Fill32(destination, block, at);
        Fill32(destination, block, at + 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fill128(byte* destination, Vector128<ulong> block, nint at)
    {
        Fill64(destination, block, at);
        Fill64(destination, block, at + 64);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fill256(byte* destination, Vector128<ulong> block, nint at)
    {
        Fill128(destination, block, at);
        Fill128(destination, block, at + 128);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fill512(byte* destination, Vector128<ulong> block, nint at)
    {
        Fill256(destination, block, at);
        Fill256(destination, block, at + 256);
    }
}
