using System;
using System.Linq;
using Sluice.Devices;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Platform;

/// <summary>The machine whose devices see other bytes than the CPU, itself.</summary>
public sealed unsafe class NoncoherentCachesTests : IDisposable
{
    private const ulong Bytes = 1 << 20;

    private readonly SimulatedMemory _memory = new(Bytes);

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData(32u)]
    [InlineData(64u)]
    [InlineData(128u)]
    public void Bytes_move_by_whole_lines_and_only_when_told(uint line)
    {
        NoncoherentCaches caches = Make(line);
        Cpu(0x1FC0, 256).Fill(1);
        Assert.True(Device(caches, 0x1FC0, 256).All(b => b is not 0 and not 1), "memory holds whatever it held");
        // Across a page's end; a byte brings its line.
        caches.Clean(0x1FFF, 2);
        byte[] seen = Device(caches, 0x1F00, 0x300);
        Assert.Equal(2 * line, (uint)seen.Count(b => b is 0 or 1));
        Assert.Equal((1, 1), (seen[0xFF], seen[0x100]));

        caches.Write(0x1FFF, [2, 3]);
        Assert.Equal((1, 1), (_memory.Base[0x1FFF], _memory.Base[0x2000]));
        Cpu(0x2001, 1)[0] = 9;
        caches.Invalidate(0x2000, 1);
        Assert.Equal((1, 3), (_memory.Base[0x1FFF], _memory.Base[0x2000]));
        Assert.True(_memory.Base[0x2001] == 1, "what the CPU wrote beside it is lost");
        caches.Clean(0x1FFF, 1);
        Assert.True(Device(caches, 0x1FFF, 1)[0] == 1, "a line that is written back covers what the device wrote");
        caches.Clean(0x5010, 0);
        Assert.NotEqual(0, Device(caches, 0x5010, 1)[0]);
    }

    [Fact]
    public void Lines_of_what_devices_have_move_by_themselves_both_ways()
    {
        NoncoherentCaches caches = Make(64);
        Cpu(0x3000, 4096).Clear();
        caches.Clean(0x3000, 4096);
        byte[] device = new byte[4096];
        Array.Fill(device, (byte)7);
        Cpu(0x3040, 1)[0] = 1;                          // dirty when the device gets it
        caches.Write(0x3000, device);
        caches.ChooseLive = _ => (0x3040, 128);
        for (int i = 0; i < 100; i++)
            Device(caches, 0x3000, 1);
        Assert.InRange(caches.Evictions, 50, 500);
        Assert.Equal((1, 0), (Device(caches, 0x3040, 64)[0], Device(caches, 0x3040, 64)[1]));
        Assert.True(Cpu(0x3080, 64).ToArray().All(b => b == 7), "fetched before anybody asked");
        Assert.True(Cpu(0x3000, 64).ToArray().All(b => b == 0) && Cpu(0x30C0, 64).ToArray().All(b => b == 0));
    }

    [Fact]
    public void A_seed_gives_the_same_evictions()
    {
        Assert.Equal(Run(1), Run(1));
        Assert.NotEqual(Run(1), Run(2));

        string Run(int seed)
        {
            var caches = new NoncoherentCaches(_memory.Base, 32, seed, (0, Bytes)) { ChooseLive = _ => (0, 4096) };
            Cpu(0, 4096).Clear();
            caches.Clean(0, 4096);
            string moved = "";
            for (int i = 0; i < 20; i++)
            {
                caches.Write(0, Enumerable.Repeat((byte)(i + 1), 4096).ToArray());
                moved += Convert.ToHexString(Cpu(0, 4096)) + caches.Evictions;
            }
            return moved;
        }
    }

    [Fact]
    public void Uncached_pages_have_one_view_and_no_lines_may_be_left_of_them()
    {
        NoncoherentCaches caches = Make(64);
        Cpu(0x4000, 4096).Fill(5);
        Assert.Throws<CacheViolationException>(() => caches.SetUncached(0x4000, 4096, uncached: true));
        caches.Clean(0x4000, 4096);
        Assert.Throws<CacheViolationException>(() => caches.SetUncached(0x4000, 4096, uncached: true));
        caches.Invalidate(0x4000, 4096);
        Assert.Throws<CacheViolationException>(() => caches.SetUncached(0x4000, 100, uncached: true));
        caches.SetUncached(0x4000, 4096, uncached: true);
        Assert.Equal(5, Device(caches, 0x4000, 1)[0]);
        caches.Write(0x4001, [6]);
        Assert.Equal(6, _memory.Base[0x4001]);
        _memory.Base[0x4002] = 7;
        Assert.Equal(7, Device(caches, 0x4002, 1)[0]);
        caches.SetUncached(0x4000, 4096, uncached: false);
        Assert.Throws<CacheViolationException>(() => caches.SetUncached(0x4000, 4096, uncached: false));
        _memory.Base[0x4002] = 8;
        Assert.Equal(7, Device(caches, 0x4002, 1)[0]);
    }

    private NoncoherentCaches Make(uint line) => new(_memory.Base, line, 1, (0, Bytes));

    private Span<byte> Cpu(ulong address, int bytes) => new(_memory.Base + address, bytes);

    private static byte[] Device(NoncoherentCaches caches, ulong address, int bytes)
    {
        byte[] read = new byte[bytes];
        caches.Read(address, read);
        return read;
    }
}
