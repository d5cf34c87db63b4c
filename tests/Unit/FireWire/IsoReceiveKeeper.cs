using System.Collections.Generic;
using System.Linq;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>A receiver whose buffers are queued again as soon as they come back, and what was in them.</summary>
internal sealed class IsoReceiveKeeper : IIsoReceiveHandler
{
    private readonly IsoReceiver _receiver;
    private readonly IsoReceiveBuffer[] _buffers;

    /// <summary>Starts it, with all its buffers queued; none waits for a packet that begins a frame.</summary>
    public IsoReceiveKeeper(Ohci driver, IsoReceiveOptions options, int buffers, int places, int placeBytes)
    {
        Assert.True(driver.TryTakeReceiver(this, out IsoReceiver? receiver));
        _receiver = receiver!;
        Assert.Equal(Error.None, _receiver.Start(options));
        _buffers = [.. Enumerable.Range(0, buffers).Select(_ => _receiver.NewBuffer(options.Mode))];
        foreach (IsoReceiveBuffer buffer in _buffers)
        {
            Assert.Equal(Error.None, buffer.TryMake(driver.Function.Dma, places, placeBytes, waits: false));
            _receiver.Queue(buffer);
        }
    }

    /// <summary>How many packets of each that came back were whole, and all its bytes.</summary>
    public List<(int Whole, byte[] Bytes)> Filled { get; } = [];

    public void OnFilled(IsoReceiveBuffer buffer)
    {
        Filled.Add((buffer.Whole, buffer.Bytes.ToArray()));
        _receiver.Queue(buffer);
    }

    public void OnEnded(Error why) => Assert.Fail($"ended: {why}");

    /// <summary>Stops it, and gives its buffers back.</summary>
    public void End()
    {
        Assert.Equal(Error.None, _receiver.Stop());
        foreach (IsoReceiveBuffer buffer in _buffers)
            buffer.Free();
    }
}
