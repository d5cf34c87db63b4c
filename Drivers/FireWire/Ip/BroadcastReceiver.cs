using System;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Drivers.Ip1394;

/// <summary>
/// Receives what is said to all: a receiver of the controller's on the broadcast channel, a packet in each of its buffers, as each is wanted at
/// once. Bus resets do not end it; if it ends by itself, the next one begins it anew.
/// </summary>
public sealed class BroadcastReceiver : IIsoReceiveHandler, IBusClient
{
    // What controllers take at S400; packets to all are of 512 bytes unless somebody knows better.
    private const int Buffers = 16, PacketBytes = 2048;

    private readonly Ip1394Device _device;
    private readonly DmaDevice _dma;
    private readonly IsoReceiver? _receiver;
    private readonly IsoReceiveBuffer[] _buffers = new IsoReceiveBuffer[Buffers];

    /// <summary>Takes a receiver, if the controller has one. Only while the kernel starts.</summary>
    /// <param name="dma">The controller's, for the memory.</param>
    public BroadcastReceiver(Ip1394Device device, FireWireBus bus, IIsoController controller, DmaDevice dma)
    {
        _device = device;
        _dma = dma;
        if (!controller.TryTakeReceiver(this, out _receiver))
            return;
        for (int i = 0; i < Buffers; i++)
            _buffers[i] = _receiver!.NewBuffer();
        bus.AddClient(this).Ignore("without it nothing that is said to all is heard"u8);
    }

    /// <summary>Packets that were not of this kind, or did not come whole; times that it ended by itself, or could not begin.</summary>
    public ulong Bad, Ended;

    /// <inheritdoc/>
    public void BusChanged()
    {
        if (!_receiver!.IsStarted && TryMakeMemory())
            Begin();
    }

    /// <inheritdoc/>
    [PacketPath]
    public void OnFilled(IsoReceiveBuffer buffer)
    {
        IsoPacket packet = buffer[0];
        if (packet.IsWhole && packet.Tag == GaspHeader.Tag && packet.DataBytes <= PacketBytes)
            _device.OnStream(buffer.Bytes.Slice(0, packet.DataBytes));
        else
            Bad++;
        _receiver!.Queue(buffer);
    }

    /// <inheritdoc/>
    public void OnEnded(Error why)
    {
        Ended++;
        FreeMemory();
    }

    private bool TryMakeMemory()
    {
        foreach (IsoReceiveBuffer buffer in _buffers)
        {
            if (!buffer.IsMade && buffer.TryMake(_dma, 1, PacketBytes, waits: false) != Error.None)
            {
                Ended++;
                FreeMemory();
                return false;
            }
        }
        return true;
    }

    private void Begin()
    {
        if (_receiver!.Start(new IsoReceiveOptions(1ul << Ip1394Device.Channel, tags: 1 << GaspHeader.Tag)) != Error.None)
        {
            Ended++;
            FreeMemory();
            return;
        }
        foreach (IsoReceiveBuffer buffer in _buffers)
            _receiver.Queue(buffer);
    }

    // Until it begins anew, if it ever does.
    private void FreeMemory()
    {
        foreach (IsoReceiveBuffer buffer in _buffers)
        {
            if (buffer.IsMade)
                buffer.Free();
        }
    }
}
