using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Streams in the modes that have no place for each packet, or no header, on every kind of machine.</summary>
public sealed class IsoReceiveModesTests
{
    private const int Channel = 5;

    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    [Theory, MemberData(nameof(Kinds))]
    public void Packets_of_several_channels_are_read_out_of_a_stream_wherever_buffers_end(string kind)
    {
        using var bus = new Hearing(kind, IsoReceiveMode.Stream, 1ul << 3 | 1ul << Channel | 1ul << 40, 5 * 4096);
        var random = new Random(1);
        Spoken[] said = [.. Enumerable.Range(0, 300).Select(i => new Spoken(Bytes(random, random.Next(5) == 0 ? random.Next(5) : random.Next(2000)), ((int[])[3, Channel, 40])[i % 3], i % 4, i % 16))];
        bus.Talker.Say(said);
        bus.Machine.Pass(50_000);
        // What is in a buffer that is not full is not seen.
        Assert.InRange(bus.Packets.Count, 270, 299);
        Assert.False(bus.Reader.IsLost);
        for (int i = 0; i < bus.Packets.Count; i++)
        {
            (IsoPacket packet, byte[] data) = bus.Packets[i];
            Assert.Equal((said[i].Channel, said[i].Tag, said[i].Sync, true), (packet.Channel, packet.Tag, packet.Sync, packet.IsWhole));
            Assert.Equal(said[i].Data, data);
            Assert.Equal(i == 0 ? 0 : 1, i == 0 ? 0 : IsoPacket.Cycles(bus.Packets[i - 1].Packet.Time, packet.Time));
        }
        bus.End();
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Data_alone_lies_one_behind_the_other(string kind)
    {
        using var bus = new Hearing(kind, IsoReceiveMode.StreamAlone, 1ul << Channel, 40_000);
        var random = new Random(2);
        Spoken[] said = [.. Enumerable.Range(0, 500).Select(_ => new Spoken(Bytes(random, 4 * random.Next(300)), Channel))];
        bus.Talker.Say(said);
        bus.Machine.Pass(80_000);
        byte[] all = [.. said.SelectMany(one => one.Data!)];
        Assert.InRange(bus.Bytes.Count, all.Length - 40_000, all.Length);
        Assert.True(all.AsSpan(0, bus.Bytes.Count).SequenceEqual(bus.Bytes.ToArray()));
        bus.End();
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Packets_without_headers_tell_how_long_they_are(string kind)
    {
        using var bus = new Hearing(kind, IsoReceiveMode.PacketsAlone, 1ul << Channel, 40_000);
        var random = new Random(3);
        Spoken[] said = [.. Enumerable.Range(0, 200).Select(i => new Spoken(Bytes(random, i % 3 == 0 ? 1000 : random.Next(1001)), Channel))];
        bus.Talker.Say([said[0] with { Sync = 7 }, .. said]);
        bus.Machine.Pass(40_000);
        Assert.Equal(200, bus.Packets.Count);
        for (int i = 1; i < 200; i++)
            Assert.Equal((said[i - 1].Data!.Length, true), (bus.Packets[i].Packet.DataBytes, bus.Packets[i].Packet.IsWhole));
        bus.End();
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Fronts_of_packets_are_divided_from_the_rest(string kind)
    {
        using var bus = new Hearing(kind, IsoReceiveMode.Divided, 1ul << Channel, 40 * 408);
        var random = new Random(5);
        // Most as long as places, some short, without a rest, or empty.
        Spoken[] said = [.. Enumerable.Range(0, 400).Select(i => new Spoken(Bytes(random, (i % 10) switch { 7 => 8, 8 => 0, 9 => random.Next(408), _ => 408 }), Channel, Tag: 1))];
        bus.Talker.Say(said);
        bus.Machine.Pass(80_000);
        Assert.InRange(bus.Packets.Count, 360, 400);
        for (int i = 0; i < bus.Packets.Count; i++)
        {
            Assert.Equal((1, Channel, true), (bus.Packets[i].Packet.Tag, bus.Packets[i].Packet.Channel, bus.Packets[i].Packet.IsWhole));
            Assert.Equal(said[i].Data, bus.Packets[i].Data);
            Assert.Equal(i == 0 ? 0 : 1, i == 0 ? 0 : IsoPacket.Cycles(bus.Packets[i - 1].Packet.Time, bus.Packets[i].Packet.Time));
        }
        bus.End();
    }

    [Theory]
    [InlineData("coherent")]
    [InlineData("coherent, bounced, checked")]
    public void Of_packets_that_are_longer_than_their_share_some_are_cut_and_no_others(string kind)
    {
        using var bus = new Hearing(kind, IsoReceiveMode.Divided, 1ul << Channel, 40 * 408);
        var random = new Random(6);
        Spoken[] said = [.. Enumerable.Range(0, 600).Select(i => new Spoken(Bytes(random, random.Next(60) == 0 ? 2000 : 408), Channel))];
        bus.Talker.Say(said);
        bus.Machine.Pass(120_000);
        Assert.InRange(bus.Packets.Count, 540, 590);
        // Each is one that was said, in order.
        int at = 0;
        foreach ((IsoPacket _, byte[] data) in bus.Packets)
        {
            while (!said[at].Data!.AsSpan().SequenceEqual(data))
                at++;
            at++;
        }
        bus.End();
    }

    [Fact]
    public void Only_controllers_that_are_in_order_divide_packets()
    {
        foreach ((string card, bool has) in (ReadOnlySpan<(string, bool)>)[("fw643", true), ("vt6306", false), ("xio2213", false)])
        {
            using var machine = new OhciMachine("coherent", card);
            Ohci driver = machine.Probe();
            Assert.True(driver.TryTakeReceiver(new Nobody(), out IsoReceiver? receiver));
            Assert.Equal(has, receiver!.HasMode(IsoReceiveMode.Divided));
            Assert.Equal(has ? Error.None : Error.NotSupported, receiver.Start(new IsoReceiveOptions(1, mode: IsoReceiveMode.Divided)));
            Assert.Equal(Error.None, receiver.Stop());
            IsoReceiveBuffer buffer = receiver.NewBuffer(IsoReceiveMode.Divided);
            Assert.Equal(Error.TooLarge, buffer.TryMake(driver.Function.Dma, 200, 400, waits: false));
            Assert.Equal(Error.TooLarge, buffer.TryMake(driver.Function.Dma, 20, 8, waits: false));
            machine.CheckNothingLeaks(driver);
        }
    }

    /// <summary>multiChanMode goes with bufferFill alone; dualBufferMode excludes both (OHCI 1.1, 10.3.1).</summary>
    [Theory]
    [InlineData(IsoReceiveMode.Packets, false)]
    [InlineData(IsoReceiveMode.PacketsAlone, false)]
    [InlineData(IsoReceiveMode.Stream, true)]
    [InlineData(IsoReceiveMode.StreamAlone, true)]
    [InlineData(IsoReceiveMode.Divided, false)]
    public void Several_channels_are_for_streams_alone(IsoReceiveMode mode, bool may)
    {
        using var machine = new OhciMachine();
        Ohci driver = machine.Probe();
        Assert.True(driver.TryTakeReceiver(new Nobody(), out IsoReceiver? receiver));
        Assert.Equal(may ? Error.None : Error.NotSupported, receiver!.Start(new IsoReceiveOptions(0b11, mode: mode)));
        Assert.Equal(Error.None, receiver.Stop());
        Assert.Equal(Error.None, receiver.Start(new IsoReceiveOptions(0b10, mode: mode)));
        Assert.Equal(Error.None, receiver.Stop());
        machine.CheckNothingLeaks(driver);
    }

    [Fact]
    public void What_is_no_header_ends_the_reading_and_nothing_is_read_twice()
    {
        var random = new Random(4);
        for (int run = 0; run < 300; run++)
        {
            var heard = new Heard();
            var reader = new IsoStreamReader(heard);
            List<byte> stream = [];
            List<byte[]> sent = [];
            for (int i = 0; i < 20; i++)
            {
                byte[] data = Bytes(random, random.Next(4) == 0 ? 8192 : random.Next(50));
                sent.Add(data);
                stream.AddRange(BitConverter.GetBytes((uint)data.Length << 16 | Channel << 8 | 0xA0));
                stream.AddRange(data);
                stream.AddRange(new byte[-data.Length & 3]);
                stream.AddRange(BitConverter.GetBytes(0x0011_0000u));
            }
            bool isBroken = run % 2 != 0;
            if (isBroken)
                stream.AddRange(BitConverter.GetBytes(run % 4 == 1 ? 8193u << 16 | 0xA0 : 4u << 16 | 0x10));
            byte[] bytes = [.. stream];
            for (int at = 0; at < bytes.Length;)
            {
                int count = Math.Min(bytes.Length - at, 1 + random.Next(run % 3 == 0 ? 3 : 5000));
                reader.Read(bytes.AsSpan(at, count));
                at += count;
            }
            reader.Read(new byte[run % 4]);
            Assert.Equal(sent, heard.Data);
            Assert.Equal(isBroken, reader.IsLost);
        }
    }

    private static byte[] Bytes(Random random, int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    private sealed class Nobody : IIsoReceiveHandler
    {
        public void OnFilled(IsoReceiveBuffer buffer)
        {
        }

        public void OnEnded(Error why)
        {
        }
    }

    private sealed class Heard : IIsoStreamHandler
    {
        public List<byte[]> Data { get; } = [];

        public void OnPacket(in IsoPacket packet, ReadOnlySpan<byte> data) => Data.Add(data.ToArray());
    }

    // A machine that hears in some mode.
    private sealed class Hearing : IIsoReceiveHandler, IIsoStreamHandler, IDisposable
    {
        private const int Places = 40;

        private readonly List<IsoReceiveBuffer> _buffers = [];

        public Hearing(string kind, IsoReceiveMode mode, ulong channels, int bytes)
        {
            Machine = new OhciMachine(kind);
            Machine.Add(Talker);
            Driver = Machine.ProbeRoot();
            Assert.True(Driver.TryTakeReceiver(this, out IsoReceiver? receiver));
            Receiver = receiver!;
            Reader = new IsoStreamReader(this);
            Assert.Equal(Error.None, Receiver.Start(new IsoReceiveOptions(channels, mode: mode)));
            for (int i = 0; i < 3; i++)
            {
                _buffers.Add(Receiver.NewBuffer(mode));
                Assert.Equal(Error.None, _buffers[i].TryMake(Driver.Function.Dma, Places, bytes / Places, waits: false));
                Receiver.Queue(_buffers[i]);
            }
        }

        public OhciMachine Machine { get; }

        public Talker Talker { get; } = new();

        public Ohci Driver { get; }

        public IsoReceiver Receiver { get; }

        public IsoStreamReader Reader { get; }

        public List<(IsoPacket Packet, byte[] Data)> Packets { get; } = [];

        public List<byte> Bytes { get; } = [];

        public void OnFilled(IsoReceiveBuffer buffer)
        {
            Bytes.AddRange(buffer.Bytes);
            if (buffer.Mode == IsoReceiveMode.Stream)
                Reader.Read(buffer.Bytes);
            for (int i = 0; buffer.Mode == IsoReceiveMode.PacketsAlone && i < Places; i++)
                Packets.Add((buffer[i], []));
            int at = buffer.FirstRest;
            for (int i = 0; buffer.Mode == IsoReceiveMode.Divided && i < buffer.Whole; i++)
            {
                IsoPacket packet = buffer[i];
                byte[] front = [.. BitConverter.GetBytes(buffer.FrontOf(i)).Take(packet.DataBytes)];
                Packets.Add((packet, [.. front, .. buffer.RestOf(packet, ref at)]));
            }
            Receiver.Queue(buffer);
        }

        public void OnPacket(in IsoPacket packet, ReadOnlySpan<byte> data) => Packets.Add((packet, data.ToArray()));

        public void OnEnded(Error why) => Assert.Fail("nothing is wrong");

        public void End()
        {
            Assert.Equal(0, Machine.Function.IsochronousLost);
            Assert.Equal(Error.None, Receiver.Stop());
            foreach (IsoReceiveBuffer buffer in _buffers)
                buffer.Free();
            Machine.CheckNothingLeaks(Driver);
        }

        public void Dispose() => Machine.Dispose();
    }
}
