using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using Sluice.Dma;
using Sluice.Net;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Net;

/// <summary>The TFTP client against a server of plain code, over good and bad wires; and the hash of what it fetched.</summary>
public sealed class TftpTests
{
    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(1427, true)]
    [InlineData(1428, true)]
    [InlineData(100_000, true)]
    [InlineData(511, false)]
    [InlineData(512, false)]
    [InlineData(100_000, false)]
    public void A_file_comes_whole(int bytes, bool options)
    {
        using var bench = new Bench(bytes, options);
        Assert.Equal(TftpResult.Done, bench.Fetch());
        Assert.Equal(bench.File, bench.Sink.Bytes);
        Assert.Equal(((ulong)bytes, options ? (ulong)bytes : 0, 0ul), (bench.Client.Bytes, bench.Client.Promised, bench.Client.Retransmissions));
    }

    [Fact]
    public void Block_numbers_begin_again_behind_65535()
    {
        using var bench = new Bench(66_000 * 8, true) { BlockBytes = 8 };
        Assert.Equal(TftpResult.Done, bench.Fetch());
        Assert.Equal(bench.File, bench.Sink.Bytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Over_a_bad_wire_it_comes_whole_or_not_at_all(int seed)
    {
        using var bench = new Bench(60_000, true, new FaultRates { Drop = 40, Corrupt = 20, Duplicate = 60, Reorder = 60, Delay = 30, DelayMicroseconds = 20_000 }, seed);
        Assert.Equal(TftpResult.Done, bench.Fetch());
        Assert.Equal(bench.File, bench.Sink.Bytes);
        Assert.True(bench.Client.Retransmissions > 0);
    }

    [Fact]
    public void A_doubled_wire_does_not_double_the_blocks_for_good()
    {
        using var bench = new Bench(100_000, true, new FaultRates { Duplicate = 1000 }, 1);
        Assert.Equal(TftpResult.Done, bench.Fetch());
        Assert.Equal(bench.File, bench.Sink.Bytes);
        int blocks = 100_000 / 1428 + 1;
        Assert.InRange(bench.ServerSent, blocks, 4 * blocks);
    }

    [Fact]
    public void A_refusal_is_told()
    {
        using var bench = new Bench(10, true) { Refuses = true };
        Assert.Equal(TftpResult.Refused, bench.Fetch());
        Assert.Equal("no such?file", Encoding.UTF8.GetString(bench.Client.ServerError));
    }

    [Fact]
    public void A_silent_server_is_given_up()
    {
        using var bench = new Bench(10, true) { IsSilent = true };
        Assert.Equal(TftpResult.Timeout, bench.Fetch());
        Assert.Equal(5ul, bench.Client.Retransmissions);
    }

    [Fact]
    public void A_server_that_stops_and_one_that_lies_are_noticed()
    {
        using (var bench = new Bench(100_000, true) { StopsAfter = 10 })
            Assert.Equal(TftpResult.Timeout, bench.Fetch());
        using (var bench = new Bench(100_000, true) { Promise = 99_999 })
            Assert.Equal(TftpResult.WrongLength, bench.Fetch());
        using (var bench = new Bench(100, true) { BlockBytes = 1429 })
            Assert.Equal(TftpResult.Malformed, bench.Fetch());
    }

    [Fact]
    public void Names_that_cannot_be_are_refused_here()
    {
        using var bench = new Bench(10, true);
        foreach (byte[] name in (byte[][])[[], new byte[129], [1, 0, 2]])
        {
            bench.Client.Start(bench.Ip, NetMachine.Second, name, bench.Sink);
            Assert.Equal(TftpResult.CannotSend, bench.Client.Result);
        }
        bench.Client.Start(bench.Ip, NetMachine.Ip("192.168.0.1"), "x"u8, bench.Sink);
        Assert.Equal(TftpResult.CannotSend, bench.Client.Result);
    }

    [Fact]
    public void The_hash_is_NETs_however_it_is_fed()
    {
        var random = new Random(1);
        byte[] hash = new byte[32];
        for (int round = 0; round < 600; round++)
        {
            byte[] data = new byte[round < 300 ? round : random.Next(5000)];
            random.NextBytes(data);
            var ours = new Sha256();
            ours.Start();
            for (int at = 0; at < data.Length;)
            {
                int count = Math.Min(1 + random.Next(200), data.Length - at);
                ours.Add(data.AsSpan(at, count));
                at += count;
            }
            ours.Finish(hash);
            Assert.Equal(SHA256.HashData(data), hash);
        }
    }

    private sealed class Bench : IDisposable
    {
        private readonly NetMachine _machine = new();
        private readonly IpInterface _other;
        private readonly UdpSocket _request;
        private UdpSocket? _transfer;
        private UdpSender _client;
        private int _block;
        private byte[]? _last;
        private ulong _sentAt;

        public Bench(int bytes, bool options, FaultRates faults = default, int seed = 1)
        {
            File = IpTests.Bytes(bytes);
            Options = options;
            (Loopback one, Loopback other) = NetMachine.Wire();
            var bad = new FaultInjector(one, _machine.Pool, (ulong)seed) { Receiving = faults, Sending = faults };
            _machine.AtEnd(bad.Clear);
            Ip = _machine.Interface(bad);
            _other = _machine.Interface(other, 2);
            Ip.Configure(NetMachine.First, 24, default);
            _other.Configure(NetMachine.Second, 24, default);
            Assert.True(_other.TryOpen(69, out UdpSocket? request));
            _request = request!;
        }

        public IpInterface Ip { get; }

        public byte[] File { get; }

        public bool Options { get; }

        public int BlockBytes { get; init; } = 1428;

        public bool Refuses { get; init; }

        public bool IsSilent { get; init; }

        public int StopsAfter { get; init; } = int.MaxValue;

        public int? Promise { get; init; }

        public int ServerSent { get; private set; }

        public TftpClient Client { get; } = new();

        public HostileTests.Collected Sink { get; } = new();

        public TftpResult Fetch()
        {
            Client.Start(Ip, NetMachine.Second, "a/file"u8, Sink);
            _machine.Until(() =>
            {
                for (int turn = 0; turn < 50; turn++)
                {
                    _machine.Run();
                    Serve();
                    _machine.Run();
                    if (!Client.Poll(Clock.Microseconds))
                        return true;
                }
                return false;
            }, 600_000_000, 1000);
            _machine.Run();
            return Client.Result;
        }

        public void Dispose()
        {
            Client.Stop();
            _machine.Dispose();
        }

        private void Serve()
        {
            while (_request.TryTake(out Frame frame, out UdpSender sender))
            {
                byte[] request = NetMachine.Take(ref frame);
                if (IsSilent || _transfer != null && sender.Port == _client.Port)
                    continue;
                Assert.Equal("\0\u0001a/file\0octet\0tsize\00\0blksize\01428\0", Encoding.ASCII.GetString(request));
                _client = sender;
                _block = 0;
                _transfer?.Close();
                Assert.True(_other.TryOpen(0, out _transfer));
                if (Refuses)
                    Send([0, 5, 0, 1, .. "no such\u0007file\0"u8]);
                else if (Options)
                    Send([0, 6, .. Encoding.ASCII.GetBytes($"tsize\0{Promise ?? File.Length}\0blksize\0{BlockBytes}\0")]);
                else
                    SendBlock(1);
            }
            while (_transfer != null && _transfer.TryTake(out Frame frame, out _))
            {
                byte[] ack = NetMachine.Take(ref frame);
                // Only the answer to the last block brings the next one: Sorcerer's Apprentice.
                if (ack is [0, 4, _, _] && (ack[2] << 8 | ack[3]) == (_block & 0xFFFF) && (_block == 0 || (_block - 1) * Size < File.Length + 1 && _block * Size <= File.Length))
                    SendBlock(_block + 1);
            }
            if (_last != null && _transfer != null && Clock.Microseconds - _sentAt > 1_500_000)
                Send(_last);
        }

        private int Size => Options ? BlockBytes : 512;

        private void SendBlock(int block)
        {
            _block = block;
            if (block > StopsAfter)
            {
                _last = null;
                return;
            }
            int at = (block - 1) * Size;
            Send([0, 3, (byte)(block >> 8), (byte)block, .. File.AsSpan(at, Math.Min(Size, File.Length - at))]);
        }

        private void Send(byte[] packet)
        {
            _last = packet;
            _sentAt = Clock.Microseconds;
            ServerSent++;
            IpTests.Send(_other, _transfer!, _client.Address, packet, _client.Port);
        }
    }
}
