using System;
using System.Linq;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Dma;

/// <summary>What devices do wrong, and what the checker says.</summary>
[RunsOnce]
public sealed class CheckerDeviceTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_write_to_a_buffer_that_the_CPU_has(bool bounce)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device(bounce);
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 2000, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        Span<byte> reach = machine.Reach(given.Address, 2000);
        reach.Fill(1);
        buffer = given.TakeBack(2000);
        for (int at = 100; at < 104; at++)
            reach[at] ^= 9;
        given = buffer.GiveToDevice();
        Assert.Contains("4 bytes from byte 100 on", machine.Expect(DmaFault.DeviceWroteEarly));
        reach[..10].Fill(2);
        buffer = given.TakeBack(10);
        Assert.True(buffer.Bytes.ToArray().All(b => b == 2));
        reach[1999] ^= 5;
        buffer.Free();
        Assert.Contains("1 bytes from byte 1999 on", machine.Expect(DmaFault.DeviceWroteEarly));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_write_to_a_buffer_that_it_only_reads(bool bounce)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device(bounce);
        PageRun run = machine.Memory.Take(0);
        run.Memory.Fill(3);
        Assert.Equal(Error.None, device.TryMap(ref run, 1500, out CpuBuffer<ToDevice> buffer));
        DeviceBuffer<ToDevice> given = buffer.GiveToDevice();
        machine.Reach(given.Address, 1500)[70] = 4;
        buffer = given.TakeBack();
        Assert.Contains("byte 70 is 0x04, was 0x03", machine.Expect(DmaFault.DeviceWroteInput));
        Assert.Equal(3, buffer.Bytes[70]);
        buffer.Free();
    }

    [Theory]
    [InlineData(1500u, 1500, "byte 1500 on")]
    [InlineData(4096u, 4096, "byte 4096 on")]
    [InlineData(4096u, -1, "byte -1 on")]
    [InlineData(100u, -64, "byte -64 on")]
    [InlineData(10000u, 12000, "byte 12000 on")]
    public void A_write_beside_a_mapping(uint bytes, int at, string where)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        PageRun run = machine.Memory.Take(2);
        Assert.Equal(Error.None, device.TryMap(ref run, bytes, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        machine.Reach(given.Address, bytes).Fill(1);
        Poke(machine, given.Address, at);
        buffer = given.TakeBack(bytes);
        Assert.Contains(where, machine.Expect(DmaFault.DeviceWroteOutside));
        buffer.Free();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_write_behind_what_was_given_of_a_buffer(bool bounce)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device(bounce);
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 1500, out CpuBuffer<Both> buffer));
        DeviceBuffer<Both> given = buffer.GiveToDevice(60);
        Poke(machine, given.Address, 60);
        Poke(machine, given.Address, 1501);
        machine.Checker.Sweep();
        Assert.Equal(2ul, machine.Checker.CountOf(DmaFault.DeviceWroteOutside));
        Assert.Equal(2ul, machine.Checker.Reports);
        buffer = given.TakeBack(0);
        buffer.Free();
        machine.Forgive(2);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_write_after_the_end(bool bounce)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device(bounce);
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 1500, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        DmaAddr address = given.Address;
        buffer = given.TakeBack(0);
        run = buffer.Unmap();
        Poke(machine, address, 7);
        machine.Checker.Sweep();
        string report = machine.Expect(DmaFault.DeviceWroteLate);
        Assert.Contains("byte 7 on", report);
        Assert.Contains("released", report);
        Poke(machine, address, 8);
        if (bounce)
            machine.Checker.Sweep();
        else
            machine.Checker.Drain();
        machine.Expect(DmaFault.DeviceWroteLate);
        machine.Memory.Pages.Give(ref run);
    }

    [Fact]
    public void A_write_to_free_slots_is_found_when_they_are_taken()
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device(bounce: true);
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 1500, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        DmaAddr address = given.Address;
        buffer = given.TakeBack(0);
        run = buffer.Unmap();
        Poke(machine, address, 7);
        Assert.Equal(Error.None, device.TryMap(ref run, 1500, out buffer));
        machine.Expect(DmaFault.DeviceWroteLate);
        buffer.Free();
    }

    [Theory]
    [InlineData(false, 1514u, 60)]
    [InlineData(true, 1514u, 60)]
    [InlineData(false, 1514u, 1500)]
    [InlineData(false, 1514u, 1510)]
    [InlineData(true, 64u, 0)]
    public void Bytes_that_it_says_it_wrote_and_did_not(bool bounce, uint says, int wrote)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device(bounce);
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 2048, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        machine.Reach(given.Address, (uint)wrote).Fill(0xDB);
        buffer = given.TakeBack(says);
        string report = machine.Expect(DmaFault.NotWritten);
        Assert.Contains($"{says} bytes", report);
        Assert.Contains($"byte {(wrote + 7) / 8 * 8}", report.Replace("byte 1510", "byte 1512"));
        buffer.Free();
    }

    [Fact]
    public void Fewer_address_bits_than_its_driver_says()
    {
        using var machine = new CheckedMachine(false, (0x10_0000, 64 * Sluice.Tests.Mm.Machine.MiB), (0x2000_0000, 64 * Sluice.Tests.Mm.Machine.MiB));
        DmaDevice device = machine.Device();
        PageRun run = machine.Memory.Take(0, Zone.Dma);
        Assert.Equal(Error.None, device.TryMap(ref run, 1500, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        ulong seen = given.Address.Value & ((1 << 28) - 1);
        Assert.InRange(given.Address.Value, 0x2300_0000ul, 0x23FF_FFFFul);
        machine.Memory.Memory.Use();
        unsafe
        {
            new Span<byte>(PhysicalMemory.At(new PhysAddr(seen)), 1500).Fill(1);
        }
        buffer = given.TakeBack(1500);
        Assert.Contains("byte 0", machine.Expect(DmaFault.NotWritten));
        buffer.Free();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void More_bytes_than_it_was_given(bool bounce)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device(bounce);
        PageRun run = machine.Memory.Take(0);
        Assert.Equal(Error.None, device.TryMap(ref run, 1500, out CpuBuffer<FromDevice> buffer));
        DeviceBuffer<FromDevice> given = buffer.GiveToDevice();
        machine.Reach(given.Address, 1500).Fill(1);
        buffer = given.TakeBack(0xFFFF);
        machine.Expect(DmaFault.Overlong);
        Assert.Equal(1500, buffer.Bytes.Length);
        buffer.Free();
    }

    [Theory]
    [InlineData(64)]
    [InlineData(8192)]
    public void Writes_around_coherent_memory(int bytes)
    {
        using var machine = new CheckedMachine();
        DmaDevice device = machine.Device();
        Assert.Equal(Error.None, device.TryAllocateCoherent(bytes, out Coherent<byte> memory));
        DmaAddr address = memory.Address;
        machine.Reach(address, (uint)bytes).Fill(7);
        machine.Checker.Sweep();
        Poke(machine, address, bytes);
        machine.Checker.Sweep();
        Assert.Contains("coherent", machine.Expect(DmaFault.DeviceWroteOutside));
        Poke(machine, address, -1);
        DmaDevice.Free(ref memory);
        machine.Expect(DmaFault.DeviceWroteOutside);
        Poke(machine, address, 0);
        machine.Checker.Sweep();
        machine.Expect(DmaFault.DeviceWroteLate);
    }

    private static void Poke(CheckedMachine machine, DmaAddr address, int offset)
    {
        unsafe
        {
            PhysicalMemory.At(new PhysAddr(address.Value + (ulong)offset))[0] ^= 0x55;
        }
    }
}
