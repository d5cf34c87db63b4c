using Sluice.Dma;

namespace Sluice.Pci;

public sealed partial class PciFunction
{
    /// <summary>
    /// Lets another device reach a part of this function's registers (peer to peer). The function decodes them after
    /// <see cref="EnableMemory"/>; whether the bridges between both carry it is the machine's affair. Any context but interrupt handlers.
    /// </summary>
    /// <param name="peer">The device that reaches over.</param>
    /// <param name="index">Which base address register.</param>
    /// <param name="offset">Where the part begins.</param>
    /// <param name="bytes">How long it is.</param>
    /// <param name="registers">Empty on an error.</param>
    /// <returns>
    /// <see cref="Error.NotSupported"/> if there is no such memory BAR, firmware's is refused, or the peer's mask does not reach it;
    /// <see cref="Error.TooLarge"/> for no bytes and for more than the BAR has; <see cref="Error.NoResources"/>.
    /// </returns>
    [NotInInterrupt]
    public Error TryMapForPeer(DmaDevice peer, int index, ulong offset, uint bytes, out PeerRegisters registers)
    {
        registers = default;
        if ((uint)index >= (uint)BarCount || !_bars[index].IsUsable || !_bars[index].IsMemory)
            return Error.NotSupported;
        Bar bar = _bars[index];
        if (bytes == 0 || offset >= bar.Bytes || bytes > bar.Bytes - offset)
            return Error.TooLarge;
        return peer.TryMapRegisters(bar.Address + offset, bytes, out registers);
    }
}
