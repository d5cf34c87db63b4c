using System;
using System.Linq;
using System.Threading;
using Xunit;

namespace Sluice.Tests.FireWire.VfioUser;

/// <summary>Clients that break the protocol lose their connection, and nobody else anything.</summary>
public sealed class HostileClientTests(ITestOutputHelper output)
{
    public static TheoryData<string, byte[]> Broken => new()
    {
        { "a size below the header's", Message(size: 15) },
        { "a size without end", Message(size: uint.MaxValue) },
        { "a reply to nothing", Message(flags: 1) },
        { "the version twice", Message(command: 1, payload: 4) },
        { "a map without its fields", Message(command: 2, payload: 31) },
        { "an unmap without its fields", Message(command: 3, payload: 23) },
        { "a region question without its fields", Message(command: 5, payload: 12) },
        { "an interrupt question without its fields", Message(command: 7, payload: 12) },
        { "an interrupt change without its fields", Message(command: 8, payload: 19) },
        { "a read without its fields", Message(command: 9, payload: 15) },
        { "a write without its data", [.. Message(command: 10, payload: 18)[..16], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 2] },
    };

    [Theory]
    [MemberData(nameof(Broken), DisableDiscoveryEnumeration = true)]
    public void A_broken_message_ends_the_connection_with_a_line(string what, byte[] message)
    {
        using var server = new TestServer();
        using var other = new TestServer();
        using var bystander = Client.Agreed(other.Path);
        using (var client = Client.Agreed(server.Path))
        {
            client.SendRaw(message);
            Assert.True(client.IsClosed(), what);
        }
        Assert.Contains(server.Log, line => line.Contains("broke the protocol", StringComparison.Ordinal));
        Assert.Equal(0u, bystander.Read32(0, 0));
        using var next = Client.Agreed(server.Path);
        Assert.Equal(0u, next.Read32(0, 0));
    }

    [Fact]
    public void Nothing_goes_before_the_version()
    {
        using var server = new TestServer();
        using var client = new Client(server.Path);
        client.Send(4, new byte[16], flags: 0);
        Assert.True(client.IsClosed());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Random_messages_do_no_harm_and_leave_no_file_open(int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var server = new TestServer();
        int memory = Files.Memory(65536), counter = Files.Event();
        for (int round = 0; round < 60; round++)
        {
            using var client = Client.Agreed(server.Path);
            try
            {
                for (int i = 0; i < 40; i++)
                    client.SendRaw(RandomMessage(random), [.. Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(2) == 0 ? memory : counter)]);
            }
            catch (Exception closed) when (closed is System.Net.Sockets.SocketException or Xunit.Sdk.EqualException)
            {
                // By the server, in between.
            }
        }
        Assert.True(SpinWait.SpinUntil(() => server.Device.Departures == 60, 120_000), $"{server.Device.Departures} of 60 clients have left");
        Assert.True(SpinWait.SpinUntil(() => Files.Open(memory) == 1 && Files.Open(counter) == 1, 120_000), $"memory is open {Files.Open(memory)} times, the counter {Files.Open(counter)}");
        using var next = Client.Agreed(server.Path);
        Assert.Equal(0u, next.Read32(0, 0));
        Assert.True(server.Server.Broken > 0);
        Files.Close(memory);
        Files.Close(counter);
    }

    // Mostly well formed, so that what is inside gets a chance.
    private static byte[] RandomMessage(Random random)
    {
        byte[] payload = new byte[random.Next(8) == 0 ? random.Next(200) : (int[])[4, 32, 24, 16, 32, 16, 16, 20, 16, 20] is var lengths ? lengths[random.Next(10)] : 0];
        random.NextBytes(payload);
        // Small numbers are what indexes, counts and flags look like.
        for (int i = 0; i + 4 <= payload.Length; i += 4)
        {
            if (random.Next(3) != 0)
                BitConverter.TryWriteBytes(payload.AsSpan(i), random.Next(4) == 0 ? random.Next(0x20000) : random.Next(10));
        }
        byte[] message = Message((ushort)random.Next(2, 20), payload.Length, (uint)(random.Next(30) == 0 ? random.Next() : random.Next(2) * 16));
        payload.CopyTo(message, 16);
        if (random.Next(100) == 0)
            message[4] ^= (byte)random.Next(256);
        return message;
    }

    private static byte[] Message(ushort command = 4, int payload = 0, uint flags = 0, uint? size = null)
    {
        byte[] message = new byte[16 + payload];
        BitConverter.TryWriteBytes(message.AsSpan(2), command);
        BitConverter.TryWriteBytes(message.AsSpan(4), size ?? (uint)message.Length);
        BitConverter.TryWriteBytes(message.AsSpan(8), flags);
        return message;
    }
}
