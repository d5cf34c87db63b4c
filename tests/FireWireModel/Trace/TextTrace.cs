using System;
using System.Globalization;
using System.IO;
using System.Text;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Trace;

/// <summary>Writes a line for all that happens: microseconds of the bus, who, what.</summary>
public sealed class TextTrace(FireWireBus bus, TextWriter writer) : IBusTrace
{
    public void Packet(Phy sender, Packet packet, bool isPhy, Ack ack, int ticks) => Line(sender, Describe(packet, isPhy, ack));

    public void ResetStarted(Phy origin, bool isLong) => Line(origin, isLong ? "bus reset" : "short bus reset");

    public void SelfIdentified(Segment segment)
    {
        var text = new StringBuilder("self-ID");
        foreach (uint id in segment.SelfIds)
            text.Append(CultureInfo.InvariantCulture, $" {id:x8}");
        Line(segment.Root!, text.ToString());
    }

    public void Register(Phy phy, bool isWrite, uint offset, uint value) => Line(phy, $"{(isWrite ? "write" : "read ")} {offset:x3} {value:x8}");

    /// <summary>A packet for people.</summary>
    internal static string Describe(Packet packet, bool isPhy, Ack ack)
    {
        if (isPhy)
            return $"{packet.Speed} PHY {packet.Q0:x8} {packet.Q1:x8}";
        string route = $"{packet.Source & 0x3F}>{packet.Destination & 0x3F}";
        string text = packet.Code switch
        {
            Tcode.Stream => $"stream channel {packet.Channel} tag {packet.Tag} sy {packet.Sync}",
            Tcode.CycleStart => $"cycle start {packet.Q3:x8}",
            Tcode.WriteQuadlet => $"{route} tl {packet.Label} write {packet.Offset:x12} {packet.Q3:x8}",
            Tcode.ReadQuadlet => $"{route} tl {packet.Label} read {packet.Offset:x12}",
            Tcode.ReadBlock => $"{route} tl {packet.Label} read {packet.Offset:x12} {packet.LengthField} bytes",
            Tcode.WriteBlock => $"{route} tl {packet.Label} write {packet.Offset:x12}",
            Tcode.Lock => $"{route} tl {packet.Label} lock {packet.Operation} {packet.Offset:x12}",
            Tcode.ReadQuadletResponse => $"{route} tl {packet.Label} {packet.Rcode} {packet.Q3:x8}",
            _ => $"{route} tl {packet.Label} {packet.Code} {packet.Rcode}",
        };
        string data = packet.DataBytes == 0 ? "" : $" [{packet.DataBytes}] {Convert.ToHexStringLower(packet.Data[..Math.Min(packet.DataBytes, 32)])}";
        bool isAcknowledged = packet.Code is not (Tcode.Stream or Tcode.CycleStart) && (packet.Destination & 0x3F) != 0x3F;
        return $"{packet.Speed} {text}{data}{(isAcknowledged ? $" ack {ack}" : "")}";
    }

    private void Line(Phy phy, string text) =>
        writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{BusTime.ToMicroseconds(bus.Simulator.Now),14:F3} {phy.Name,-12} {text}"));
}
