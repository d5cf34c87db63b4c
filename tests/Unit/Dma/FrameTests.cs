using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>Frames: their pool, packets in parts, and hand-overs between devices.</summary>
public sealed class FrameTests
{
    private const uint Room = 2048;

    [Fact]
    public void What_is_sent_is_what_the_device_reads()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device();
        var pool = new FramePool(machine.System, 4);
        foreach (int length in (int[])[1, 60, 1514, 4096])
        {
            Assert.True(pool.TryTake(out Frame frame));
            Assert.Equal(0u, frame.Length);
            byte[] sent = Bytes(length);
            frame.SetLength((uint)length);
            sent.CopyTo(frame.Bytes);
            Assert.Equal(Error.None, device.TryGiveToSend(ref frame, out DeviceFrame given));
            Assert.True(frame.IsEmpty);
            Assert.Equal((uint)length, given.Length);
            Assert.Equal(sent, machine.DeviceReads(given.Address, given.Length));
            frame = device.TakeSent(ref given);
            Assert.True(given.IsEmpty);
            Assert.Equal(sent, frame.Bytes.ToArray());
            frame.Free();
        }
        Assert.Equal(0, pool.Used);
    }

    [Fact]
    public void What_the_device_wrote_is_the_data_and_no_more_than_it_was_given()
    {
        using var machine = new DmaMachine();
        machine.ExpectReports();
        DmaDevice device = machine.Device();
        var pool = new FramePool(machine.System, 1);
        foreach (int length in (int[])[0, 1, 60, 1514, 2048])
        {
            Assert.True(pool.TryTake(out Frame frame));
            Assert.Equal(Error.None, device.TryGiveToFill(ref frame, Room, out DeviceFrame given));
            byte[] received = Bytes(length);
            machine.DeviceWrites(given.Address, received);
            frame = device.TakeFilled(ref given, (uint)length, Room);
            Assert.Equal(received, frame.Bytes.ToArray());
            frame.Free();
        }
        Assert.True(pool.TryTake(out Frame last));
        Assert.Equal(Error.None, device.TryGiveToFill(ref last, Room, out DeviceFrame lied));
        last = device.TakeFilled(ref lied, 0xFFFF, Room);
        Assert.Equal(Room, last.Length);
        Assert.Equal(1ul, device.Statistics.Overlong);
        last.Free();
    }

    [Fact]
    public void A_received_frame_is_sent_by_another_device_where_it_lies()
    {
        using var machine = new DmaMachine();
        DmaDevice first = machine.Device(), second = machine.Device();
        var pool = new FramePool(machine.System, 1);
        for (int round = 0; round < 3; round++)
        {
            Assert.True(pool.TryTake(out Frame frame));
            Assert.Equal(Error.None, first.TryGiveToFill(ref frame, Room, out DeviceFrame filled));
            byte[] packet = Bytes(100 + round);
            machine.DeviceWrites(filled.Address, packet);
            frame = first.TakeFilled(ref filled, (uint)packet.Length, Room);
            frame.Bytes[0] ^= 0xFF;
            packet[0] ^= 0xFF;
            Assert.Equal(Error.None, second.TryGiveToSend(ref frame, out DeviceFrame sent));
            Assert.Equal(packet, machine.DeviceReads(sent.Address, sent.Length));
            frame = second.TakeSent(ref sent);
            frame.Free();
        }
        Assert.Equal(0ul, first.LiveDirect + second.LiveDirect);
    }

    [Fact]
    public void Data_begins_where_room_was_left()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device();
        var pool = new FramePool(machine.System, 1);
        Assert.True(pool.TryTake(out Frame frame));
        frame.Reserve(64);
        Assert.Equal(Frame.PageBytes - 64, frame.Room);
        Assert.Equal(Error.None, device.TryGiveToFill(ref frame, Room, out DeviceFrame given));
        machine.DeviceWrites(given.Address, Bytes(40));
        frame = device.TakeFilled(ref given, 40, Room);
        Assert.Equal(Bytes(40), frame.Bytes.ToArray());
        frame.TrimFront(14);
        Assert.Equal(Bytes(40)[14..], frame.Bytes.ToArray());
        frame.ExtendFront(18);
        Bytes(18).CopyTo(frame.Bytes);
        Assert.Equal(Error.None, device.TryGiveToSend(ref frame, out given));
        Assert.Equal([.. Bytes(18), .. Bytes(40)[14..]], machine.DeviceReads(given.Address, given.Length));
        frame = device.TakeSent(ref given);
        frame.Free();
    }

    [Fact]
    public void A_header_in_front_of_the_data_is_read_by_the_device_and_written_by_it()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device();
        var pool = new FramePool(machine.System, 1);
        for (int round = 0; round < 4; round++)
        {
            Assert.True(pool.TryTake(out Frame frame));
            frame.Reserve(16);
            // Old bytes of the page must not come back over what the device writes.
            Assert.Equal(Error.None, device.TryGiveToFill(ref frame, Room, out DeviceFrame given));
            Assert.Equal(given.Address.Value - 16, given.PageAddress.Value);
            device.WriteHeader(in given, ((ulong)round << 32 | 0x8000_0000, 0x1122_3344_5566_7788ul));
            Assert.Equal(BitConverter.GetBytes((ulong)round << 32 | 0x8000_0000).Concat(BitConverter.GetBytes(0x1122_3344_5566_7788ul)), machine.DeviceReads(given.PageAddress, 16));
            device.WriteHeaderWord(in given, 12, 0xAABB_CCDD);
            device.WriteHeaderWord(in given, 0, 7);
            Assert.Equal(BitConverter.GetBytes((ulong)round << 32 | 7).Concat(BitConverter.GetBytes(0xAABB_CCDD_5566_7788ul)), machine.DeviceReads(given.PageAddress, 16));
            Assert.Equal(7u, device.Look(in given, 0));
            byte[] received = Bytes(100 + round);
            machine.DeviceWrites(given.Address, received);
            machine.DeviceWrites(given.PageAddress, [0, 0xA0]);
            Assert.Equal(0xA000u, device.Look(in given, 0));
            Assert.Equal(0xAABB_CCDDu, device.Look(in given, 12));
            frame = device.TakeFilled(ref given, (uint)received.Length, Room);
            Assert.Equal(received, frame.Bytes.ToArray());
            frame.Bytes.Fill(0x55);
            frame.Free();
        }
    }

    [Fact]
    public void A_packet_in_parts_is_freed_as_a_whole()
    {
        using var machine = new DmaMachine();
        var pool = new FramePool(machine.System, 3);
        Assert.True(pool.TryTake(out Frame packet));
        packet.SetLength(4096);
        for (uint part = 1; part < 3; part++)
        {
            Assert.True(pool.TryTake(out Frame more));
            more.SetLength(100 * part);
            packet.Append(ref more);
        }
        Assert.Equal(4396u, packet.PacketLength);
        Frame rest = packet.TakeRest();
        Assert.False(packet.HasRest);
        Assert.Equal(300u, rest.PacketLength);
        packet.Append(ref rest);
        packet.Free();
        Assert.Equal(0, pool.Used);
        Assert.Equal(3, pool.FreeCount);
    }

    [Fact]
    public void A_pool_ends_at_its_limit_and_says_so()
    {
        using var machine = new DmaMachine();
        var pool = new FramePool(machine.System, 70);
        Frame all = default;
        for (int i = 0; i < 70; i++)
        {
            Assert.True(pool.TryTake(out Frame frame));
            if (all.IsEmpty)
                all = Own.Move(ref frame);
            else
                all.Append(ref frame);
        }
        Assert.False(pool.TryTake(out Frame none));
        Assert.True(none.IsEmpty);
        Assert.Equal(1ul, pool.Refused);
        Assert.Equal((70, 70), (pool.Total, pool.Used));
        all.Free();
        Assert.Equal(0, pool.Used);
    }

    [Fact]
    public void Out_of_slots_is_an_error_and_the_frame_stays()
    {
        using var machine = new DmaMachine();
        machine.System.BounceLimit = 64 << 10;
        DmaDevice device = machine.Device(32, forceBounce: true);
        var pool = new FramePool(machine.System, 400);
        DeviceFrame[] given = new DeviceFrame[400];
        int count = 0;
        Error error = Error.None;
        while (count < given.Length && error == Error.None)
        {
            Assert.True(pool.TryTake(out Frame frame));
            error = device.TryGiveToFill(ref frame, Room, out given[count]);
            if (error == Error.None)
                count++;
            else
                frame.Free();
        }
        Assert.Equal(Error.NoResources, error);
        Assert.Equal(count, pool.Used);
        for (int i = 0; i < count; i++)
        {
            Frame frame = device.TakeFilled(ref given[i], 10, Room);
            frame.Free();
        }
        Assert.Equal(0, pool.Used);
    }

    [Fact]
    public void Taking_a_frame_from_a_device_that_does_not_have_it_stops_the_machine()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(forceBounce: true), other = machine.Device();
        var pool = new FramePool(machine.System, 1);
        Assert.True(pool.TryTake(out Frame frame));
        Assert.Equal(Error.None, device.TryGiveToFill(ref frame, Room, out DeviceFrame given));
        Assert.Throws<BugException>(() => other.TakeSent(ref given));
    }

    [Fact]
    public void Frames_are_taken_and_sent_frames_freed_many_at_once()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(), other = machine.Device();
        FramePool pool = new(machine.System, 100), second = new(machine.System, 10);
        Frame[] frames = new Frame[101];
        DeviceFrame[] given = new DeviceFrame[110];
        for (int round = 0; round < 3; round++)
        {
            Assert.Equal(100, pool.Take(frames, 100));
            Assert.Equal((100, 0, true), (pool.Used, pool.FreeCount, frames[100].IsEmpty));
            for (int i = 0; i < 100; i++)
            {
                Assert.Equal((100u, 4096u, FrameFlags.None), (frames[i].Length, frames[i].Room, frames[i].Flags));
                // Some were another's last time, some are of another pool.
                if ((i + round) % 3 == 0)
                {
                    Assert.Equal(Error.None, other.TryGiveToSend(ref frames[i], out given[i]));
                    frames[i] = other.TakeSent(ref given[i]);
                }
                Assert.Equal(Error.None, device.TryGiveToSend(ref frames[i], out given[i]));
            }
            Assert.Equal(10, second.Take(frames.AsSpan(0, 10), 1));
            for (int i = 0; i < 10; i++)
            {
                Assert.Equal(Error.None, device.TryGiveToSend(ref frames[i], out given[100 + i]));
            }
            (given[50], given[105]) = (given[105], given[50]);
            device.FreeSent(given);
            Assert.All(given, frame => Assert.True(frame.IsEmpty));
            Assert.Equal((0, 0, 100, 10), (pool.Used, second.Used, pool.FreeCount, second.FreeCount));
        }
        Assert.Equal(0, pool.Take(default, 0));
        device.FreeSent(default);
    }

    [Fact]
    public void A_frame_passes_where_nothing_is_to_be_done_and_stays_where_there_is()
    {
        using var machine = new DmaMachine();
        DmaDevice first = machine.Device(), second = machine.Device(), bounced = machine.Device(forceBounce: true);
        var pool = new FramePool(machine.System, 1);
        Assert.True(pool.TryTake(out Frame frame));
        frame.SetLength(10);
        Assert.False(first.PassWith(pool).TryGive(ref frame, out DeviceFrame given));
        Assert.Equal((false, true), (frame.IsEmpty, given.IsEmpty));
        Assert.Equal(Error.None, first.TryGiveToSend(ref frame, out given));
        frame = first.TakeSent(ref given);
        bool plain = machine.Kind is { IsCoherent: true, Bounced: false, Checked: false };
        Assert.Equal(plain, second.PassWith(pool).TryGive(ref frame, out given));
        Assert.Equal((plain, !plain), (frame.IsEmpty, given.IsEmpty));
        if (plain)
            frame = second.TakeSent(ref given);
        Assert.False(bounced.PassWith(pool).TryGive(ref frame, out given));
        frame.Free();
    }

    private static byte[] Bytes(int length) => [.. Enumerable.Range(1, length).Select(i => (byte)(i * 7))];
}
