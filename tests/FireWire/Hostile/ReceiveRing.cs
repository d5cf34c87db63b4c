using System;
using System.Linq;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Sluice.Tests.FireWire.OhciTests;
using Xunit;
using Ohci = Sluice.FireWire.Ohci.OhciRegister;

namespace Sluice.Tests.FireWire.HostileTests;

/// <summary>
/// The driver's side of an asynchronous receive context: two buffers in a circle, and a reader that believes the headers, as drivers do.
/// Whatever comes over the bus, what stands there is packets. Source: 1394 OHCI 1.1, section 8.
/// </summary>
internal sealed class ReceiveRing
{
    private const uint Half = 0x4000, Bytes = 2 * Half;

    private readonly Machine _machine;
    private readonly uint _context, _buffer, _first;
    private uint _at;

    public ReceiveRing(Machine machine, uint context, uint buffer)
    {
        (_machine, _context, _buffer, _first) = (machine, context, buffer, machine.Take(2));
        machine.Put(_first, Machine.Input(Half), buffer, (_first + 16) | 1, Half);
        machine.Put(_first + 16, Machine.Input(Half), buffer + Half, _first | 1, Half);
        machine[context + Ohci.CommandPtr] = _first | 1;
        machine[context] = (uint)ContextControl.Run;
    }

    /// <summary>Packets that came.</summary>
    public int Packets { get; private set; }

    /// <summary>Reads all that is there, and gives the room back.</summary>
    public void Take()
    {
        Assert.Equal(0u, _machine[_context] & (uint)ContextControl.Dead);
        uint current = ((_machine[_context + Ohci.CommandPtr] & ~0xFu) - _first) / 16;
        uint end = (current * Half) + Half - (_machine.Word(_first + (current * 16) + 12) & 0xFFFF);
        while (_at != end % Bytes)
            TakeOne();
    }

    private void TakeOne()
    {
        var code = (Tcode)((Word(0) >> 4) & 0xF);
        uint header = code switch
        {
            Tcode.Phy or Tcode.WriteResponse or Tcode.ReadQuadlet => 12,
            Tcode.WriteQuadlet or Tcode.WriteBlock or Tcode.ReadBlock or Tcode.ReadQuadletResponse or Tcode.ReadBlockResponse or Tcode.Lock or Tcode.LockResponse => 16,
            _ => throw new InvalidOperationException($"no such packet: {string.Join(' ', Enumerable.Range(0, 8).Select(i => $"{Word((uint)i * 4):x8}"))}"),
        };
        // These are the controller's: Linux stops with BUG() when it sees one.
        ulong offset = ((ulong)(Word(4) & 0xFFFF) << 32) | Word(8);
        Assert.False(code.IsRequest && offset is Csr.Base + Csr.BusManagerId or Csr.Base + Csr.BandwidthAvailable or Csr.Base + Csr.ChannelsHi or Csr.Base + Csr.ChannelsLo, $"{code} of {offset:x}");
        uint length = code.HasData ? Word(12) >> 16 : 0;
        Assert.True(length <= 4096, $"{code} of {length} bytes");
        uint status = Word(header + ((length + 3) & ~3u)) >> 16;
        Assert.True((status & 0x1F) is 0x11 or 0x12 or (uint)EventCode.BusReset, $"{code} with status {status:x}");
        Packets++;
        Advance(header + ((length + 3) & ~3u) + 4);
    }

    private uint Word(uint offset) => _machine.Word(_buffer + ((_at + offset) % Bytes));

    // A buffer that was read is empty again.
    private void Advance(uint bytes)
    {
        uint next = (_at + bytes) % Bytes;
        if (_at / Half != next / Half)
            _machine.Put(_first + (_at / Half * 16) + 12, Half);
        _at = next;
    }
}
