using System.Linq;
using Sluice.Devices.Pci;
using Sluice.Dma;
using Sluice.Mm;
using Sluice.Pci;
using Sluice.Tests.Dma;
using Sluice.Tests.Mm;
using Xunit;

namespace Sluice.Tests.Pci;

/// <summary>Registers of one function as another device reaches them.</summary>
public sealed class PeerTests
{
    [Fact]
    public void A_part_of_a_BAR_is_an_address_for_another_device_and_no_more_than_that()
    {
        using var machine = new PciMachine();
        using var dma = new DmaMachine(MachineMap.Of((0x10_0000, 32 * Machine.MiB)), new MachineKind());
        PciFunction function = machine.ScanFor(ScanTests.Endpoint().WithBar(0, BarShape.Memory32, 0x1000, 0xFEB0_0000).WithBar(1, BarShape.Ports, 0x20, 0xC000)
            .WithBar(2, BarShape.Memory64, 0x10_0000, 0x80_0000_0000));
        // Registers are never bounced, also where all memory is.
        DmaDevice peer = dma.Device(32, forceBounce: true);
        Assert.Equal(Error.None, function.TryMapForPeer(peer, 0, 0x0FF0, 16, out PeerRegisters registers));
        Assert.Equal(0xFEB0_0FF0ul, registers.Address.Value);
        Assert.Equal(16u, registers.Length);
        Assert.Equal(0ul, peer.Statistics.Bounced);
        int position = 0;
        Assert.True(dma.System.TryNext(ref position, out MappingReport report));
        Assert.Equal(DmaFamily.Mmio, report.Family);
        dma.System.Mark();
        PeerRegisters copy = registers;
        DmaDevice.Free(ref registers);
        Assert.True(registers.IsEmpty);
        Assert.Throws<BugException>(() => DmaDevice.Free(ref copy));
        position = 0;
        Assert.False(dma.System.TryNext(ref position, out _));

        Assert.Equal(Error.TooLarge, function.TryMapForPeer(peer, 0, 0, 0x1001, out registers));
        Assert.Equal(Error.TooLarge, function.TryMapForPeer(peer, 0, 0x1000, 1, out registers));
        Assert.Equal(Error.TooLarge, function.TryMapForPeer(peer, 0, ulong.MaxValue, 2, out registers));
        Assert.Equal(Error.TooLarge, function.TryMapForPeer(peer, 0, 0, 0, out registers));
        foreach (int index in (int[])[-1, 1, 3, 6])
            Assert.Equal(Error.NotSupported, function.TryMapForPeer(peer, index, 0, 4, out registers));

        // Out of the mask: the whole part, or its end.
        Assert.Equal(Error.NotSupported, function.TryMapForPeer(peer, 2, 0, 4, out registers));
        Assert.Equal(Error.NotSupported, function.TryMapForPeer(dma.Device(31), 0, 0, 4, out registers));
        Assert.Equal(Error.None, function.TryMapForPeer(dma.Device(40), 2, 0xF_FFFF, 1, out registers));
        Assert.Equal(0x80_000F_FFFFul, registers.Address.Value);
        DmaDevice.Free(ref registers);
    }
}
