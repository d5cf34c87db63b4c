using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using System.Threading;
using Xunit;

namespace Sluice.Tests.FireWire.VfioUser;

/// <summary>The server as QEMU sees it.</summary>
public sealed class ServerTests
{
    private const uint Configuration = 7;

    [Fact]
    public void It_says_what_the_device_is()
    {
        using var server = new TestServer();
        using var client = Client.Agreed(server.Path);
        (uint error, byte[] info) = client.Call(4, [16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(0u, error);
        Assert.Equal([16, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 0], info);
        ulong[] lengths = [.. Enumerable.Range(0, 9).Select(region => RegionLength(client, (uint)region))];
        Assert.Equal([4096, 0, 0, 0, 0, 0, 0, 256, 0], lengths);
        Assert.Equal(22u, client.Call(5, RegionRequest(9)).Errno);
        Assert.Equal([(7u, 1u), (9u, 1u), (1u, 0u), (1u, 0u), (1u, 0u)], Enumerable.Range(0, 5).Select(index => InterruptInfo(client, (uint)index)));
    }

    [Fact]
    public void Configuration_space_keeps_what_may_be_written_and_nothing_else()
    {
        using var server = new TestServer();
        using var client = Client.Agreed(server.Path);
        byte[] all = client.Read(Configuration, 0, 256);
        Assert.Equal([0x34, 0x12, 0x78, 0x56], all[..4]);
        Assert.Equal([3, 0x10, 0x00, 0x0C], all[8..12]);
        Assert.Equal(1, all[0x3D]);
        client.Write(Configuration, 0, [.. Enumerable.Repeat((byte)0xFF, 256)]);
        byte[] written = client.Read(Configuration, 0, 256);
        Assert.Equal(all[..4], written[..4]);
        Assert.Equal(0xFFFFF000, client.Read32(Configuration, 0x10));
        Assert.Equal(0u, client.Read32(Configuration, 0x14));
        Assert.Equal(0x0547, BinaryPrimitives.ReadUInt16LittleEndian(written.AsSpan(4)));
        Assert.Equal((0x01, 0x05), (written[written[0x34]], written[written[written[0x34] + 1]]));
        client.Write32(Configuration, 0x10, 0xFEB0_0000);
        Assert.Equal(0xFEB0_0000, client.Read32(Configuration, 0x10));
    }

    [Fact]
    public void Registers_are_read_and_written_in_any_width()
    {
        using var server = new TestServer();
        using var client = Client.Agreed(server.Path);
        client.Write(0, 0x10, [1, 2, 3, 4, 5, 6, 7, 8]);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], client.Read(0, 0x10, 8));
        Assert.Equal([3, 4], client.Read(0, 0x12, 2));
        client.Write(0, 0x15, [0x55]);
        Assert.Equal([0x05, 0x55, 0x07, 0x08], client.Read(0, 0x14, 4));
        client.Send(10, Client.Access(0, 0x20, 4, [9, 9, 9, 9]), flags: 0x10);
        Assert.Equal([9, 9, 9, 9], client.Read(0, 0x20, 4));
        foreach ((uint region, ulong offset, uint count) in ((uint, ulong, uint)[])[(0, 4096, 4), (0, 4094, 4), (0, 1, 4), (0, 0, 3), (0, 0, 0), (1, 0, 4), (7, 255, 2), (9, 0, 4), (0, ulong.MaxValue - 2, 4)])
            Assert.Equal(22u, client.Call(9, Client.Access(region, offset, count, [])).Errno);
    }

    [Fact]
    public void Memory_is_reached_where_it_was_mapped_and_only_by_a_bus_master()
    {
        using var server = new TestServer();
        using var client = Client.Agreed(server.Path);
        int memory = Files.Memory(3 * 4096);
        Files.Write(memory, 4096 + 0x10, [0x78, 0x56, 0x34, 0x12]);
        Assert.Equal(0u, client.Map(0x10000, 8192, 4096, memory));
        Assert.Equal(17u, client.Map(0x11000, 4096, 0, memory));
        Assert.Equal(22u, client.Map(0x20000, 8192, 8192, memory));
        Assert.False(Copies(client, 0x10010));
        client.Write(Configuration, 4, [6, 0]);
        Assert.True(Copies(client, 0x10010));
        Assert.Equal([0x87, 0xA9, 0xCB, 0xED], Files.Read(memory, 4096 + 0x14, 4));
        Assert.False(Copies(client, 0xFFFC));
        Assert.False(Copies(client, 0x11FFC));
        Assert.False(Copies(client, 0x10012));
        Assert.False(Copies(client, 0x12000));
        Assert.Equal(22u, client.Unmap(0x10000, 4096));
        Assert.Equal(0u, client.Unmap(0x10000, 8192));
        Assert.False(Copies(client, 0x10010));
        Assert.Equal(0u, client.Map(0x10000, 4096, 0, memory, flags: 1));
        Assert.False(Copies(client, 0x10010));
        Assert.Equal(0u, client.Map(0x40000, 4096, 0, -1));
        Assert.False(Copies(client, 0x40010));
        Assert.Equal(8, server.Device.Memory.Refused);
        Files.Close(memory);
    }

    [Fact]
    public void Spans_cross_from_one_mapping_into_the_next()
    {
        using var server = new TestServer();
        using var client = Client.Agreed(server.Path);
        client.Write(Configuration, 4, [6, 0]);
        int memory = Files.Memory(8192);
        Assert.Equal(0u, client.Map(0x2000, 4096, 0, memory));
        Assert.Equal(0u, client.Map(0x1000, 4096, 4096, memory));
        byte[] bytes = [.. Enumerable.Range(0, 100).Select(i => (byte)i)];
        Assert.True(server.Device.Memory.TryWrite(0x2000 - 50, bytes));
        Assert.Equal(bytes[..50], Files.Read(memory, 8192 - 50, 50));
        Assert.Equal(bytes[50..], Files.Read(memory, 0, 50));
        byte[] back = new byte[100];
        Assert.True(server.Device.Memory.TryRead(0x2000 - 50, back));
        Assert.Equal(bytes, back);
        Assert.False(server.Device.Memory.TryRead(0x3000 - 50, back));
        Files.Close(memory);
    }

    [Fact]
    public void A_pin_is_signalled_once_until_it_is_unmasked_and_again_while_the_cause_stands()
    {
        using var server = new TestServer();
        using var client = Client.Agreed(server.Path);
        int pin = Files.Event();
        server.Device.Interrupt.Set(true);
        Assert.Equal(0u, client.SetInterrupts(0x24, 0, 1, pin));
        Assert.Equal(1ul, Files.Take(pin, 30_000));
        Assert.Equal(8, client.Read(Configuration, 6, 1)[0] & 8);
        server.Device.Interrupt.Set(false);
        server.Device.Interrupt.Set(true);
        Assert.Equal(0ul, Files.Take(pin, 20));
        Assert.Equal(0u, client.SetInterrupts(0x11, 0, 1));
        Assert.Equal(1ul, Files.Take(pin, 30_000));
        server.Device.Interrupt.Set(false);
        Assert.Equal(0u, client.SetInterrupts(0x11, 0, 1));
        Assert.Equal(0ul, Files.Take(pin, 20));
        Assert.Equal(0, client.Read(Configuration, 6, 1)[0] & 8);
        // INTx disable holds it back, and gives it when it is lifted.
        client.Write(Configuration, 5, [4]);
        server.Device.Interrupt.Set(true);
        Assert.Equal(0ul, Files.Take(pin, 20));
        client.Write(Configuration, 5, [0]);
        Assert.Equal(1ul, Files.Take(pin, 30_000));
        Assert.Equal(0u, client.SetInterrupts(0x21, 0, 0));
        Files.Close(pin);
    }

    [Fact]
    public void A_message_goes_out_for_each_rise_and_when_asked_for()
    {
        using var server = new TestServer();
        using var client = Client.Agreed(server.Path);
        int pin = Files.Event(), message = Files.Event();
        Assert.Equal(0u, client.SetInterrupts(0x24, 0, 1, pin));
        Assert.Equal(0u, client.SetInterrupts(0x24, 1, 1, message));
        server.Device.Interrupt.Set(true);
        server.Device.Interrupt.Set(true);
        Assert.Equal(1ul, Files.Take(message));
        server.Device.Interrupt.Again();
        Assert.Equal(1ul, Files.Take(message));
        server.Device.Interrupt.Set(false);
        server.Device.Interrupt.Again();
        Assert.Equal(0ul, Files.Take(message));
        Assert.Equal(0ul, Files.Take(pin));
        Assert.Equal(2, server.Device.Interrupt.Signals);
        Files.Close(pin);
        Files.Close(message);
    }

    [Fact]
    public void When_one_leaves_the_next_finds_a_fresh_device()
    {
        using var server = new TestServer();
        int memory = Files.Memory(4096);
        for (int round = 1; round <= 3; round++)
        {
            using (var client = Client.Agreed(server.Path))
            {
                Assert.Equal(0u, client.Read32(0, 0x10));
                Assert.Equal(0u, client.Read32(Configuration, 0x10));
                Assert.Equal(0u, client.Map(0x1000, 4096, 0, memory));
                client.Write32(0, 0x10, 7);
                client.Write32(Configuration, 0x10, 0xFEB0_0000);
                client.Write(Configuration, 4, [6, 0]);
            }
            SpinWait.SpinUntil(() => server.Device.Departures == round, 30_000);
            Assert.Equal(round, server.Device.Departures);
        }
        Files.Close(memory);
    }

    [Fact]
    public void A_reset_makes_configuration_space_new()
    {
        using var server = new TestServer();
        using var client = Client.Agreed(server.Path);
        client.Write32(Configuration, 0x10, 0xFEB0_0000);
        client.Write(Configuration, 4, [6, 0]);
        Assert.Equal(0u, client.Call(13, []).Errno);
        Assert.Equal((1, 0u, 0), (server.Device.Resets, client.Read32(Configuration, 0x10), client.Read(Configuration, 4, 1)[0]));
    }

    private static bool Copies(Client client, uint address)
    {
        client.Write32(0, 0x800, address);
        return client.Read32(0, 0x804) == 1;
    }

    private static byte[] RegionRequest(uint region)
    {
        byte[] request = new byte[32];
        BinaryPrimitives.WriteUInt32LittleEndian(request, 32);
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(8), region);
        return request;
    }

    private static ulong RegionLength(Client client, uint region)
    {
        (uint error, byte[] info) = client.Call(5, RegionRequest(region));
        Assert.Equal(0u, error);
        Assert.Equal(region, BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(8)));
        return BinaryPrimitives.ReadUInt64LittleEndian(info.AsSpan(16));
    }

    private static (uint Flags, uint Count) InterruptInfo(Client client, uint index)
    {
        byte[] request = new byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(request, 16);
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(8), index);
        (uint error, byte[] info) = client.Call(7, request);
        Assert.Equal(0u, error);
        return (BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(4)), BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(12)));
    }
}
