using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>Buffers whose parts change sides one by one, direct and bounced.</summary>
public sealed class DividedTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Random_partial_hand_overs_agree_with_a_model(bool bounce)
    {
        for (int seed = 0; seed < 8; seed++)
            Exchange(bounce, seed);
    }

    // Each side writes a part only while it has it; what the other then sees is compared with plain arrays.
    private static void Exchange(bool bounce, int seed)
    {
        var random = new Random(seed);
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(32, bounce);
        PageRun run = machine.Memory.Take(3);
        ulong live = device.LiveDirect;
        uint room = (uint)random.Next(20_000, 32_769), given = (uint)random.Next(10_000, (int)room + 1);
        Assert.Equal(Error.None, device.TryMap(ref run, room, out CpuBuffer<Both> buffer));
        byte[] model = new byte[room];
        random.NextBytes(model);
        model.CopyTo(buffer.Bytes);
        DeviceBuffer<Both> whole = buffer.GiveToDevice(given);
        uint partBytes = (uint)random.Next(1, 40) * 128;
        Assert.Equal(Error.None, whole.TryDivide(partBytes, out DividedBuffer<Both> divided));
        Assert.True(whole.IsEmpty);
        Assert.Equal((int)((given + partBytes - 1) / partBytes), divided.Count);
        var taken = new Dictionary<int, BufferPart<Both>>();
        for (int step = 0; step < 400; step++)
        {
            int index = random.Next(divided.Count);
            int start = index * (int)partBytes, length = (int)Math.Min(partBytes, given - (uint)start);
            if (taken.Remove(index, out BufferPart<Both> part))
            {
                Assert.Equal(model.AsSpan(start, length).ToArray(), part.Bytes.ToArray());
                random.NextBytes(part.Bytes);
                part.Bytes.CopyTo(model.AsSpan(start));
                divided.GivePart(ref part);
                Assert.True(part.IsEmpty);
                continue;
            }
            Assert.Equal((uint)length, divided.LengthOf(index));
            Assert.Equal(model.AsSpan(start, length).ToArray(), machine.DeviceReads(divided.AddressOf(index), (uint)length));
            byte[] fresh = new byte[random.Next(length + 1)];
            random.NextBytes(fresh);
            machine.DeviceWrites(divided.AddressOf(index), fresh);
            fresh.CopyTo(model, start);
            taken[index] = divided.TakePart(index, (uint)fresh.Length);
            Assert.Equal((uint)fresh.Length, taken[index].WrittenBytes);
            Assert.Equal(index, taken[index].Number);
        }
        foreach (BufferPart<Both> left in taken.Values)
        {
            BufferPart<Both> part = left;
            divided.GivePart(ref part);
        }
        whole = divided.Join();
        Assert.Equal(given, whole.Length);
        Assert.Equal(model.AsSpan(0, (int)given).ToArray(), machine.DeviceReads(whole.Address, given));
        buffer = whole.TakeBack(given);
        Assert.Equal(model, buffer.Bytes.ToArray());
        run = buffer.Unmap();
        machine.Memory.Pages.Give(ref run);
        Assert.Equal(live, device.LiveDirect);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_received_part_has_the_bytes_that_were_written_and_no_more(bool bounce)
    {
        using var machine = new DmaMachine();
        machine.ExpectReports();
        DmaDevice device = machine.Device(32, bounce);
        PageRun run = machine.Memory.Take(3);
        run.Memory.Fill(0x55);
        Assert.Equal(Error.None, device.TryMap(ref run, 32768, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> whole = buffer.GiveToDevice();
        Assert.Equal(Error.None, whole.TryDivide(4096, out DividedBuffer<FromDevice> divided));
        Assert.Equal(8, divided.Count);
        Assert.Equal(divided.AddressOf(0).Value + 5 * 4096, divided.AddressOf(5).Value);
        machine.DeviceWrites(divided.AddressOf(5), Enumerable.Repeat((byte)0xC3, 4096).ToArray());
        BufferPart<FromDevice> part = divided.TakePart(5, 100);
        Assert.Equal(100, part.Bytes.Length);
        Assert.True(part.Bytes.ToArray().All(b => b == 0xC3));
        divided.GivePart(ref part);
        // A device that claims more than the part has is not believed.
        part = divided.TakePart(5, uint.MaxValue);
        Assert.Equal(4096, part.Bytes.Length);
        Assert.Equal(device.IsForcedToBounce || !device.IsCoherent || machine.Kind.Checked ? 1u : 0, device.Statistics.Overlong);
        divided.GivePart(ref part);
        whole = divided.Join();
        buffer = whole.TakeBack(0);
        run = buffer.Unmap();
        Assert.True(run.Memory[..(5 * 4096)].ToArray().All(b => b == 0x55));
        machine.Memory.Pages.Give(ref run);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_row_of_parts_goes_over_as_each_does_alone(bool bounce)
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(32, bounce);
        PageRun run = machine.Memory.Take(1);
        Assert.Equal(Error.None, device.TryMap(ref run, 40 * 128 + 16, out CpuBuffer<Both> buffer));
        DeviceBuffer<Both> whole = buffer.GiveToDevice();
        Assert.Equal(Error.None, whole.TryDivide(128, out DividedBuffer<Both> divided));
        foreach ((int first, int count) in (ReadOnlySpan<(int, int)>)[(0, 1), (0, 8), (3, 16), (1, 7), (7, 33), (40, 1), (0, 41)])
        {
            BufferParts<Both> row = divided.TakeParts(first, count);
            Assert.Equal(count, row.Count);
            for (int i = 0; i < count; i++)
                row.As<ulong>(i) = (ulong)(first * 1000 + i);
            if (count < 41)
            {
                BufferPart<Both> beside = divided.TakePart(first == 0 ? count : first - 1, 0);
                divided.GivePart(ref beside);
            }
            divided.GiveParts(ref row);
            Assert.True(row.IsEmpty);
            for (int i = 0; i < count; i++)
                Assert.Equal(BitConverter.GetBytes((ulong)(first * 1000 + i)), machine.DeviceReads(divided.AddressOf(first + i), 8));
        }
        // Up to here nothing was wrong; what follows is, and the checker says so as well.
        Assert.Equal(0ul, machine.System.Checker?.Reports ?? 0);
        machine.ExpectReports();
        BufferParts<Both> held = divided.TakeParts(10, 20);
        Assert.Throws<BugException>(() => divided.TakeParts(29, 2));
        Assert.Throws<BugException>(() => divided.TakePart(10, 0));
        Assert.Throws<BugException>(() => divided.TakeParts(40, 2));
        Assert.Throws<BugException>(() => divided.TakeParts(0, 0));
        Assert.Throws<BugException>(() => divided.TakeParts(-1, 2));
        Assert.Throws<BugException>(() => held.As<ulong>(20));
        Assert.Throws<BugException>(() => held.As<ulong>(-1));
        // The last part has 16 bytes.
        Assert.Throws<BugException>(() => held.As<(ulong, ulong, ulong)>(0));
        DividedBuffer<Both> other = Divide(machine, device);
        Assert.Throws<BugException>(() => other.GiveParts(ref held));
        divided.GiveParts(ref held);
        Assert.Throws<BugException>(() => divided.GiveParts(ref held));
    }

    [Fact]
    public void Allocated_parts_are_the_devices_and_zero_until_they_are_freed()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device(32);
        ulong pages = 0;
        int records = 0;
        for (int round = 0; round < 3; round++)
        {
            Assert.Equal(Error.None, device.TryAllocateParts(128, 40, out DividedBuffer<Both> divided));
            Assert.Equal((40, 128u), (divided.Count, divided.PartBytes));
            Assert.True(machine.DeviceReads(divided.AddressOf(0), 40 * 128).All(b => b == 0));
            BufferParts<Both> row = divided.TakeParts(0, 40);
            for (int i = 0; i < 40; i++)
                row.As<ulong>(i) = ulong.MaxValue;
            divided.GiveParts(ref row);
            divided.Free();
            Assert.True(divided.IsEmpty);
            Assert.Equal(Error.NotSupported, device.TryAllocateParts(100, 4, out divided));
            Assert.Equal(Error.TooLarge, device.TryAllocateParts(128, 257, out divided));
            Assert.True(divided.IsEmpty);
            // What the first one had to make stays for the next.
            if (round == 0)
                (pages, records) = (machine.PagesUsed, machine.System.Table.Count);
        }
        Assert.Equal((pages, records), (machine.PagesUsed, machine.System.Table.Count));
    }

    [Fact]
    public void Impossible_parts_are_refused_and_the_buffer_stays()
    {
        using var machine = new DmaMachine();
        DmaDevice device = machine.Device();
        Assert.Equal(Error.None, device.TryAllocatePages(32768, out CpuBuffer<ToDevice> buffer));
        DeviceBuffer<ToDevice> whole = buffer.GiveToDevice();
        Assert.Equal(Error.NotSupported, whole.TryDivide(0, out DividedBuffer<ToDevice> divided));
        Assert.Equal(Error.NotSupported, whole.TryDivide(100, out divided));
        Assert.Equal(CacheLines.Bytes > 64 ? Error.NotSupported : Error.TooLarge, whole.TryDivide(64, out divided));
        Assert.True(divided.IsEmpty);
        Assert.Equal(Error.None, whole.TryDivide(128, out divided));
        Assert.Equal(256, divided.Count);
        BufferPart<ToDevice> last = divided.TakePart(255);
        last.Bytes.Fill(0x77);
        divided.GivePart(ref last);
        Assert.True(machine.DeviceReads(divided.AddressOf(255), 128).All(b => b == 0x77));
        whole = divided.Join();
        buffer = whole.TakeBack();
        buffer.Free();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Misuse_stops_the_machine_and_names_device_and_part(bool bounce)
    {
        using var machine = new DmaMachine();
        machine.ExpectReports();
        DmaDevice device = machine.Device(32, bounce);
        DividedBuffer<Both> divided = Divide(machine, device), other = Divide(machine, device);
        Stops("part 8 is not there", () => divided.TakePart(8, 0));
        Stops("part -1 is not there", () => divided.AddressOf(-1));
        BufferPart<Both> part = divided.TakePart(3, 0), copy = part;
        Stops("part 3 is with the CPU already", () => divided.TakePart(3, 0));
        Stops("part 3 is with the CPU already", () => divided.AddressOf(3));
        Stops("part 3 was not back when the buffer was joined", () => { DividedBuffer<Both> joined = divided; joined.Join(); });
        Stops("part 3 is of another buffer than it was given to", () => { BufferPart<Both> given = copy; other.GivePart(ref given); });
        divided.GivePart(ref part);
        Stops("part 3 is with the device already", () => { BufferPart<Both> given = copy; divided.GivePart(ref given); });
        Stops("part 0 was given twice: the handle is empty", () => { BufferPart<Both> given = default; divided.GivePart(ref given); });
        DividedBuffer<Both> stale = divided;
        DeviceBuffer<Both> whole = divided.Join();
        Stops("part 3 is of a buffer that was joined meanwhile", () => stale.TakePart(3, 0));
        Stops("a copy of a handle was used", () => { DividedBuffer<Both> joined = stale; joined.Join(); });
        CpuBuffer<Both> buffer = whole.TakeBack(0);
        buffer.Free();
    }

    private static DividedBuffer<Both> Divide(DmaMachine machine, DmaDevice device)
    {
        PageRun run = machine.Memory.Take(3);
        Assert.Equal(Error.None, device.TryMap(ref run, 32768, out CpuBuffer<Both> buffer));
        DeviceBuffer<Both> whole = buffer.GiveToDevice();
        Assert.Equal(Error.None, whole.TryDivide(4096, out DividedBuffer<Both> divided));
        return divided;
    }

    private static void Stops(string what, Action misuse)
    {
        string message = Assert.Throws<BugException>(misuse).Message;
        Assert.Contains(what, message, StringComparison.Ordinal);
        Assert.StartsWith("dma: 00:04.0: ", message, StringComparison.Ordinal);
    }
}
