using System;
using System.Linq;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Devices.Pci;
using Sluice.Pci;
using Sluice.Platform;
using Xunit;

namespace Sluice.Tests.Pci;

public sealed class BarTests
{
    [Theory]
    [InlineData(BarShape.Ports, 0x20ul, 0xC040ul, false, BarKind.Ports)]
    [InlineData(BarShape.Ports, 4ul, 0xFFFCul, false, BarKind.Ports)]
    [InlineData(BarShape.Memory32, 16ul, 0xFEBF_FFF0ul, false, BarKind.Memory32)]
    [InlineData(BarShape.Memory32, 0x10_0000ul, 0xFEB0_0000ul, true, BarKind.Memory32)]
    [InlineData(BarShape.Memory32, 0x4000_0000ul, 0xC000_0000ul, true, BarKind.Memory32)]
    [InlineData(BarShape.Memory64, 0x4000ul, 0xFEBF_0000ul, false, BarKind.Memory64)]
    [InlineData(BarShape.Memory64, 0x4000ul, 0x38_0000_4000ul, true, BarKind.Memory64)]
    [InlineData(BarShape.Memory64, 0x10_0000_0000ul, 0x100_0000_0000ul, true, BarKind.Memory64)]
    public void Every_kind_of_BAR_is_sized_and_stays_where_it_was(BarShape shape, ulong bytes, ulong address, bool prefetchable, BarKind kind)
    {
        using var machine = new PciMachine(ecam: false);
        SimulatedFunction device = ScanTests.Endpoint().WithBar(2, shape, bytes, address, prefetchable);
        device.Set(4, 3, 2);                // firmware left decoding on
        Bar bar = machine.ScanFor(device).Bars[2];
        Assert.Equal((kind, address, bytes, prefetchable, BarFault.None), (bar.Kind, bar.Address.Value, bar.Bytes, bar.IsPrefetchable, bar.Fault));
        Assert.Equal(address, device.AddressOf(2));
        Assert.Equal(3u, device.Get(4, 2));
        Assert.Empty(device.Violations);
    }

    [Fact]
    public void The_upper_half_of_a_64_bit_BAR_is_none_of_its_own()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = ScanTests.Endpoint()
            .WithBar(0, BarShape.Memory64, 0x1000, 0x38_0000_0000).WithBar(2, BarShape.Memory32, 0x1000, 0xFEB0_0000);
        PciFunction function = machine.ScanFor(device);
        Assert.Equal([BarKind.Memory64, BarKind.None, BarKind.Memory32], function.Bars[..3].ToArray().Select(b => b.Kind));
    }

    [Theory]
    [InlineData(0x0000_0000u, 0x0000_0000u, BarKind.None, BarFault.None)]
    [InlineData(0xFEB0_0000u, 0xFFF0_F000u, BarKind.Memory32, BarFault.Malformed)]  // a hole in the mask
    [InlineData(0xFEB0_0000u, 0x0000_0000u, BarKind.Memory32, BarFault.Malformed)]  // forgets its address
    [InlineData(0x0000_0008u, 0x0000_0008u, BarKind.Memory32, BarFault.Malformed)]  // flags, but no size
    [InlineData(0x0000_0006u, 0xFFFF_F006u, BarKind.Memory32, BarFault.Malformed)]  // reserved type
    [InlineData(0x0000_C001u, 0x0000_0001u, BarKind.Ports, BarFault.Malformed)]     // ports, but no size
    [InlineData(0xFEB0_1000u, 0xFFF0_0000u, BarKind.Memory32, BarFault.Misplaced)]  // not aligned to its size
    [InlineData(0x0000_0000u, 0xFFFF_F000u, BarKind.Memory32, BarFault.Unassigned)]
    [InlineData(0x0000_C001u, 0x0000_FFE1u, BarKind.Ports, BarFault.None)]          // upper half wired to 0
    public void Masks_that_are_no_size_are_refused(uint value, uint mask, BarKind kind, BarFault fault)
    {
        Bar bar = Bar.Decode(value, 0, mask, 0);
        Assert.Equal((kind, fault), (bar.Kind, bar.Fault));
        Assert.Equal(kind != BarKind.None && fault == BarFault.None, bar.IsUsable);
    }

    [Fact]
    public void A_64_bit_BAR_in_the_last_register_is_refused()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = ScanTests.Endpoint();
        device.Set(0x24, 0xFEB0_0004, 4);
        device.Allow(0x24, 0xFFFF_F000, 4);
        Assert.Equal(BarFault.Malformed, machine.ScanFor(device).Bars[5].Fault);
    }

    [Fact]
    public void Any_register_and_mask_gives_a_sound_BAR_or_none() =>
        Properties.ForAll(
            from low in AnyWord
            from high in AnyWord
            from lowMask in AnyWord
            from highMask in AnyWord
            select (low, high, lowMask, highMask),
            x =>
            {
                Bar bar = Bar.Decode(x.low, x.high, x.lowMask, x.highMask);
                if (!bar.IsUsable)
                    return;
                Assert.True(System.Numerics.BitOperations.IsPow2(bar.Bytes));
                Assert.True(bar.Address.Value != 0 && bar.Address.IsAligned(bar.Bytes));
                ulong end = bar.Kind switch { BarKind.Ports => 1ul << 16, BarKind.Memory32 => 1ul << 32, _ => 1ul << 52 };
                Assert.True(bar.Address.Value + bar.Bytes <= end);
            }, times: 5000);

    [Fact]
    public void A_BAR_over_memory_is_refused()
    {
        using var machine = new PciMachine();
        Bar[] bars = machine.ScanFor(ScanTests.Endpoint().WithBar(0, BarShape.Memory32, 0x1000, 0x7FFF_F000)
            .WithBar(1, BarShape.Memory32, 0x1000, 0x8000_0000).WithBar(2, BarShape.Memory64, 0x1000, 0x1_0000_0000)).Bars.ToArray();
        Assert.Equal([BarFault.OverlapsMemory, BarFault.None, BarFault.OverlapsMemory], bars.Take(3).Select(b => b.Fault));
    }

    [Fact]
    public void A_BAR_over_configuration_space_is_refused()
    {
        using var machine = new PciMachine();
        PciFunction function = machine.ScanFor(ScanTests.Endpoint().WithBar(0, BarShape.Memory32, 0x1000, PciMachine.EcamStart + 0x1000));
        Assert.Equal(BarFault.OverlapsPlatform, function.Bars[0].Fault);
        Assert.False(function.TryMapBar(0, 4, out _));
    }

    [Fact]
    public void Of_two_BARs_on_one_address_the_one_that_decodes_is_kept()
    {
        using var machine = new PciMachine();
        SimulatedFunction off = machine.Host.Root.Plug(1, 0, ScanTests.Endpoint().WithBar(0, BarShape.Memory32, 0x10000, 0xFEB0_0000));
        SimulatedFunction on = machine.Host.Root.Plug(2, 0, ScanTests.Endpoint().WithBar(0, BarShape.Memory32, 0x1000, 0xFEB0_8000));
        on.Set(4, 2, 2);
        PciScan scan = machine.Scan();
        Assert.Equal(BarFault.OverlapsBar, scan.Functions[0].Bars[0].Fault);
        Assert.True(scan.Functions[1].Bars[0].IsUsable);
        Assert.Equal(1, scan.Faults);
        Assert.Equal(0u, off.Get(4, 2));
    }

    [Fact]
    public void Claims_are_granted_exactly_where_nothing_is() =>
        Properties.ForAll(
            (from start in Gen.Choose(0, 60)
             from bytes in Gen.Elements(1, 2, 4, 8, 16)
             from reserved in Gen.Frequency((1, Gen.Constant(true)), (4, Gen.Constant(false)))
             select (start, bytes, reserved)).ArrayOf(),
            requests =>
            {
                AddressClaims claims = new();
                claims.MakeRoom(requests.Length);
                var taken = new bool[128];
                foreach ((int start, int bytes, _) in requests.Where(r => r.reserved))
                {
                    claims.Reserve(new PhysAddr((ulong)start), (ulong)bytes, BarFault.OverlapsMemory);
                    taken.AsSpan(start, bytes).Fill(true);
                }
                foreach ((int start, int bytes, _) in requests.Where(r => !r.reserved))
                {
                    bool free = !taken.AsSpan(start, bytes).Contains(true);
                    Assert.Equal(free, claims.TryClaim(new PhysAddr((ulong)start), (ulong)bytes) == BarFault.None);
                    if (free)
                        taken.AsSpan(start, bytes).Fill(true);
                }
            }, times: 500);

    [Fact]
    public void A_host_bridge_is_not_sized()
    {
        using var machine = new PciMachine();
        SimulatedFunction bridge = machine.Host.Root.Plug(0, 0, PciMachine.HostBridge().WithBar(0, BarShape.Memory32, 0x100_0000, 0xE000_0000, true));
        bridge.Set(4, 6, 2);
        PciScan scan = machine.Scan();
        Assert.Equal(BarFault.NotSized, scan.Functions[0].Bars[0].Fault);
        Assert.Empty(bridge.Violations);
        Assert.Equal(0, scan.Faults);
    }

    [Fact]
    public void Registers_are_mapped_once_and_no_larger_than_the_BAR()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = ScanTests.Endpoint().WithBar(0, BarShape.Memory32, 0x1000, 0xFEB0_0000).WithBar(1, BarShape.Ports, 0x20, 0xC000);
        PciFunction function = machine.ScanFor(device);
        Assert.False(function.TryMapBar(0, 0x1001, out _));
        Assert.False(function.TryMapBar(1, 4, out _));
        Assert.False(function.TryMapBar(2, 4, out _));
        Assert.False(function.TryMapBar(-1, 4, out _));
        Assert.False(function.TryMapBar(6, 4, out _));
        Assert.True(function.TryMapBar(0, 0, out Mmio registers));
        Assert.Equal(0x1000u, registers.Length);
        DeviceMemory.MappingsLeft = 0;
        Assert.True(function.TryMapBar(0, 0, out _));
        Assert.True(function.TryMapBar(0, 0x1000, out registers));

        Assert.Equal(uint.MaxValue, registers.Read32(0x10));        // not decoding yet
        Assert.Equal(Error.None, function.EnableMemory());
        registers.Write32(0x10, 0x1234_5678);
        Assert.Equal(0x1234_5678u, registers.Read32(0x10));
        Assert.Throws<BugException>(() => registers.Read32(0x1000));
    }

    [Fact]
    public void A_BAR_that_cannot_be_mapped_as_far_as_asked_keeps_what_it_had()
    {
        using var machine = new PciMachine();
        PciFunction function = machine.ScanFor(ScanTests.Endpoint().WithBar(0, BarShape.Memory32, 0x40_0000, 0xFE00_0000));
        DeviceMemory.MappingsLeft = 1;
        Assert.True(function.TryMapBar(0, 4, out Mmio registers));
        Assert.Equal(0x10_0000u, registers.Length);
        Assert.False(function.TryMapBar(0, 0x40_0000, out _));
        Assert.True(function.TryMapBar(0, 4, out _));
    }

    [Fact]
    public void A_function_that_is_gone_says_so()
    {
        using var machine = new PciMachine();
        SimulatedFunction device = ScanTests.Endpoint();
        PciFunction function = machine.ScanFor(device);
        Assert.Equal(Error.None, function.EnableMemoryAndBusMaster());
        Assert.True(device.IsBusMaster);
        machine.Host.Root.Pull(3, 0);
        Assert.True(function.IsGone);
        Assert.Equal(Error.DeviceGone, function.EnableMemoryAndBusMaster());
        function.DisableBusMaster();
    }

    private static Gen<uint> AnyWord =>
        Gen.Frequency(
            (2, Gen.Choose(int.MinValue, int.MaxValue).Select(i => (uint)i)),
            (3, from bit in Gen.Choose(0, 31) from flags in Gen.Choose(0, 15) select uint.MaxValue << bit | (uint)flags),
            (1, Gen.Elements(0u, 1u, 4u, 6u, 8u, 12u, uint.MaxValue)));
}
