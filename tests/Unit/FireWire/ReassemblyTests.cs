using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Drivers.Ip1394;
using Sluice.Tests.Net;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Datagrams in fragments: as a simple model puts them together, and as much as hostile senders can take.</summary>
public sealed class ReassemblyTests : IDisposable
{
    private readonly NetMachine _machine = new();
    private readonly Reassembly _reassembly;
    private Ip1394Counters _counters;

    public ReassemblyTests() => _reassembly = new Reassembly(_machine.Pool);

    public void Dispose()
    {
        _reassembly.Clear();
        _machine.Dispose();
    }

    /// <summary>Fragments of several senders at random: right ones in any order, and overlapping, lying, repeated ones. The model keeps bytes.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void What_comes_out_is_what_a_simple_model_says(int seed)
    {
        var random = new Random(seed);
        var model = new Model();
        int whole = 0;
        ulong now = 5;
        for (int i = 0; i < 40_000; i++)
        {
            uint source = (uint)random.Next(4);
            ushort label = (ushort)random.Next(4);
            // Few places and sizes, so that fragments meet; now and then any.
            int size = random.Next(60) switch { 0 => 1 + random.Next(4096), 1 => 4070, 2 => 32, _ => 12 + 4 * label };
            int cells = random.Next(40) == 0 ? 1 + random.Next(size) : 4 * (1 + random.Next(2)), offset = random.Next(40) == 0 ? random.Next(4096) : 4 * random.Next(size / 4 + 1);
            if (random.Next(10) != 0)
                cells = Math.Min(cells, Math.Max(1, size - offset));
            LinkFragment kind = offset == 0 ? LinkFragment.First : offset + cells == size ? LinkFragment.Last : LinkFragment.Interior;
            if (random.Next(30) == 0)
                kind = (LinkFragment)(1 + random.Next(3));
            byte[] data = new byte[random.Next(200) == 0 ? 0 : cells];
            random.NextBytes(data);
            ushort type = (ushort)random.Next(65536);
            var header = new EncapsulationHeader((uint)kind << 30 | (uint)(size - 1) << 16 | (kind == LinkFragment.First ? type : (uint)offset & 0xFFF), (uint)label << 16);
            now += random.Next(4) == 0 ? (ulong)random.Next(3_000_000) : 0;
            if (random.Next(50) == 0)
            {
                _reassembly.Expire(now, ref _counters);
                model.Expire(now);
            }
            (byte[] Data, ushort Type)? expected = model.Add(source << 16 | label, kind, size, header.Offset, data, type, now);
            bool isWhole = _reassembly.TryAdd(source, header, data, now, ref _counters, out Frame datagram, out ushort got);
            Assert.Equal(expected != null, isWhole);
            if (isWhole)
            {
                whole++;
                Assert.Equal(expected!.Value.Type, got);
                Assert.Equal(expected.Value.Data, NetMachine.Take(ref datagram)[14..]);
            }
            Assert.Equal(model.Count, _reassembly.Count);
            Assert.Equal(model.Count, _machine.Pool.Used);
            Assert.Equal(model.Due, _reassembly.Due);
        }
        Assert.True(whole > 300, $"{whole} datagrams");
        Assert.Equal((ulong)whole, _counters.Reassembled);
        Assert.Equal(40_000ul, _counters.FragmentsReceived);
        Assert.Equal((model.Bad, model.TooLong), (_counters.BadFragment, _counters.BadLength));
        Assert.Equal((model.Overlapping, model.SizeChanged, model.TooScattered, model.Incomplete), (_counters.Overlapping, _counters.SizeChanged, _counters.TooScattered, _counters.Incomplete));
        ulong[] each = [model.Bad, model.TooLong, model.Overlapping, model.SizeChanged, model.Incomplete];
        Assert.DoesNotContain(0ul, each);
    }

    [Fact]
    public void Fragments_of_the_longest_datagram_come_in_any_order()
    {
        var random = new Random(1);
        int[] order = [.. Enumerable.Range(0, 9)];
        byte[] data = IpTests.Bytes(Reassembly.Longest);
        for (int turn = 0; turn < 500; turn++)
        {
            random.Shuffle(order);
            bool isWhole = false;
            for (int i = 0; i < order.Length; i++)
            {
                Assert.False(isWhole);
                int offset = order[i] * 504, bytes = Math.Min(504, data.Length - offset);
                isWhole = _reassembly.TryAdd(7, EncapsulationHeader.Fragment(0x800, data.Length, offset, bytes, (ushort)turn), data.AsSpan(offset, bytes), 0, ref _counters, out Frame frame, out _);
                if (isWhole)
                    Assert.Equal(data, NetMachine.Take(ref frame)[14..]);
            }
            Assert.True(isWhole);
        }
    }

    [Fact]
    public void Every_other_byte_alone_is_too_scattered()
    {
        for (int i = 0; i < 8; i++)
            Add(1, 1, 1000, 10 + 2 * i, 1);
        Assert.Equal((1, 0ul), (_reassembly.Count, _counters.TooScattered));
        Add(1, 1, 1000, 100, 1);
        Assert.Equal((0, 1ul), (_reassembly.Count, _counters.TooScattered));
    }

    [Fact]
    public void One_source_takes_no_more_than_its_share_and_pushes_out_its_own()
    {
        Add(1, 0xFFFF, 1000, 0, 500);
        for (int i = 0; i < 1000; i++)
            Add(2, (ushort)i, 1000, 0, 500, (ulong)i);
        Assert.Equal(1 + Reassembly.MostOfSource, _reassembly.Count);
        Assert.Equal(1000ul - Reassembly.MostOfSource, _counters.PushedOut);
        // The newest of it are there, and what others began is, too.
        Assert.True(Completes(2, 999));
        Assert.False(Completes(2, 0));
        Assert.True(Completes(1, 0xFFFF));
    }

    [Fact]
    public void All_sources_together_take_no_more_than_there_is()
    {
        for (uint source = 0; source < 63; source++)
            for (int i = 0; i < Reassembly.MostOfSource; i++)
                Add(source, (ushort)i, 4000, 0, 500, source * 100 + (uint)i);
        Assert.Equal((Reassembly.Most, Reassembly.Most), (_reassembly.Count, _machine.Pool.Used));
    }

    [Fact]
    public void What_never_ends_is_given_up_after_its_time()
    {
        Add(1, 1, 1000, 0, 500, 100);
        Assert.Equal(100 + Reassembly.Patience, _reassembly.Due);
        _reassembly.Expire(99 + Reassembly.Patience, ref _counters);
        Assert.Equal(1, _reassembly.Count);
        _reassembly.Expire(100 + Reassembly.Patience, ref _counters);
        Assert.Equal((0, 1ul, ulong.MaxValue), (_reassembly.Count, _counters.Incomplete, _reassembly.Due));
    }

    [Fact]
    public void Without_frames_nothing_begins_and_nothing_breaks()
    {
        var all = new Frame[_machine.Pool.Most];
        Assert.Equal(all.Length, _machine.Pool.Take(all, 0));
        Add(1, 1, 1000, 0, 500);
        Assert.Equal(0, _reassembly.Count);
        foreach (ref Frame frame in all.AsSpan())
            frame.Free();
        Add(1, 1, 1000, 0, 500);
        Assert.True(Completes(1, 1));
    }

    private void Add(uint source, ushort label, int size, int offset, int bytes, ulong now = 0) =>
        Assert.False(_reassembly.TryAdd(source, EncapsulationHeader.Fragment(0x800, size, offset, bytes, label), new byte[bytes], now, ref _counters, out _, out _));

    // The second half of a datagram of 1,000 bytes.
    private bool Completes(uint source, ushort label)
    {
        bool isWhole = _reassembly.TryAdd(source, EncapsulationHeader.Fragment(0x800, 1000, 500, 500, label), new byte[500], 0, ref _counters, out Frame frame, out _);
        if (isWhole)
            frame.Free();
        return isWhole;
    }

    // Byte by byte, without a limit on datagrams: there are 16 keys.
    private sealed class Model
    {
        private readonly Dictionary<uint, Datagram> _datagrams = [];

        public ulong Bad, TooLong, Overlapping, SizeChanged, TooScattered, Incomplete;

        public int Count => _datagrams.Count;

        public ulong Due => _datagrams.Count == 0 ? ulong.MaxValue : _datagrams.Values.Min(one => one.Since) + Reassembly.Patience;

        public (byte[], ushort)? Add(uint key, LinkFragment kind, int size, int offset, byte[] data, ushort type, ulong now)
        {
            int end = offset + data.Length;
            bool isFirst = offset == 0, isLast = end == size;
            if (data.Length == 0 || end > size || (isFirst && isLast) || kind != (isFirst ? LinkFragment.First : isLast ? LinkFragment.Last : LinkFragment.Interior))
            {
                Bad++;
                return null;
            }
            if (size > Reassembly.Longest)
            {
                TooLong++;
                return null;
            }
            if (_datagrams.TryGetValue(key, out Datagram? there) && there.Bytes.Length != size)
            {
                SizeChanged++;
                _datagrams.Remove(key);
            }
            else if (there != null && there.Bytes.Skip(offset).Take(data.Length).Any(cell => cell != null))
            {
                Overlapping++;
                _datagrams.Remove(key);
            }
            if (!_datagrams.TryGetValue(key, out there))
                _datagrams[key] = there = new Datagram(new byte?[size], now);
            for (int i = 0; i < data.Length; i++)
                there.Bytes[offset + i] = data[i];
            if (isFirst)
                there.Type = type;
            int ranges = 0;
            for (int i = 0; i < size; i++)
                ranges += there.Bytes[i].HasValue && (i == 0 || !there.Bytes[i - 1].HasValue) ? 1 : 0;
            if (ranges > 8)
            {
                TooScattered++;
                _datagrams.Remove(key);
            }
            if (there.Bytes.Any(cell => cell == null))
                return null;
            _datagrams.Remove(key);
            return ([.. there.Bytes.Select(cell => cell!.Value)], there.Type);
        }

        public void Expire(ulong now)
        {
            foreach (uint key in _datagrams.Where(one => now - one.Value.Since >= Reassembly.Patience).Select(one => one.Key).ToArray())
            {
                Incomplete++;
                _datagrams.Remove(key);
            }
        }

        private sealed record Datagram(byte?[] Bytes, ulong Since)
        {
            public ushort Type { get; set; }
        }
    }
}
