using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using Xunit;

namespace Sluice.Tests.FireWire.VfioUser;

/// <summary>Messages are a stream: several come at once, or one in pieces, and file descriptors stay with the message they came with.</summary>
public sealed class StreamTests
{
    private const uint NoReply = 0x10;
    private const ushort DmaMap = 2, RegionWrite = 10;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(36)]
    [InlineData(1000)]
    [InlineData(1 << 20)]
    public void Writes_in_a_row_all_arrive_in_order_whatever_the_pieces(int piece)
    {
        using var server = new TestServer();
        using var client = Client.Agreed(server.Path);
        var stream = new List<byte>();
        // More than what is received at once; a long one in between that is more than all of that, and fails.
        for (int i = 0; i < 2500; i++)
        {
            stream.AddRange(Message(RegionWrite, Client.Access(0, (uint)(i % 500) * 4, 4, BitConverter.GetBytes(i))));
            if (i == 1200)
                stream.AddRange(Message(RegionWrite, Client.Access(0, 0, 70_000, new byte[70_000])));
        }
        byte[] bytes = [.. stream];
        for (int at = 0; at < bytes.Length; at += piece)
            client.SendRaw(bytes[at..Math.Min(at + piece, bytes.Length)]);
        for (uint i = 0; i < 500; i++)
            Assert.Equal(2000 + i, client.Read32(0, i * 4));
    }

    [Fact]
    public void File_descriptors_stay_with_their_message_when_many_wait()
    {
        using var server = new TestServer();
        using var client = Client.Agreed(server.Path);
        client.Write(7, 4, [6, 0]);
        int[] memories = [Files.Memory(4096), Files.Memory(4096), Files.Memory(4096)];
        lock (server.Device.Gate)
        {
            // The server is held by the first, so the others wait for it together.
            for (int i = 0; i < memories.Length; i++)
            {
                Files.Write(memories[i], 0x10, [(byte)i, 2, 3, 4]);
                client.Send(RegionWrite, Client.Access(0, 0, 4, new byte[4]), NoReply);
                client.Send(RegionWrite, Client.Access(0, 4, 4, new byte[4]), NoReply);
                byte[] map = new byte[32];
                BinaryPrimitives.WriteUInt32LittleEndian(map, 32);
                BinaryPrimitives.WriteUInt32LittleEndian(map.AsSpan(4), 3);
                BinaryPrimitives.WriteUInt64LittleEndian(map.AsSpan(16), 0x10000 * (ulong)(i + 1));
                BinaryPrimitives.WriteUInt64LittleEndian(map.AsSpan(24), 4096);
                client.Send(DmaMap, map, NoReply, memories[i]);
            }
            Thread.Sleep(20);
        }
        for (int i = 0; i < memories.Length; i++)
        {
            client.Write32(0, 0x800, (0x10000 * (uint)(i + 1)) + 0x10);
            Assert.Equal(1u, client.Read32(0, 0x804));
            Assert.Equal([(byte)~i, 0xFD, 0xFC, 0xFB], Files.Read(memories[i], 0x14, 4));
            Files.Close(memories[i]);
        }
    }

    private static byte[] Message(ushort command, byte[] payload)
    {
        byte[] message = new byte[16 + payload.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(2), command);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(4), message.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(8), NoReply);
        payload.CopyTo(message, 16);
        return message;
    }
}
