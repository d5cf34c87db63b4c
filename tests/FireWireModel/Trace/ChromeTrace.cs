using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text.Json;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Simulation;

namespace Sluice.FireWire.Trace;

/// <summary>
/// Writes what happens as a file that Perfetto and chrome://tracing open: a track a node, packets with their length, registers as
/// instants. Source: Trace Event Format (Google), JSON array format; the closing bracket may be missing.
/// </summary>
public sealed class ChromeTrace : IBusTrace
{
    private readonly FireWireBus _bus;
    private readonly TextWriter _writer;
    private readonly Dictionary<Phy, int> _tracks = [];

    public ChromeTrace(FireWireBus bus, TextWriter writer)
    {
        _bus = bus;
        _writer = writer;
        writer.Write("[");
        writer.Write("""{"name":"process_name","ph":"M","pid":1,"args":{"name":"FireWire bus"}}""");
    }

    public void Packet(Phy sender, Packet packet, bool isPhy, Ack ack, int ticks)
    {
        string name = isPhy ? "PHY" : packet.Code.ToString();
        Event(sender, "X", name, BusTime.ToMicroseconds(ticks), TextTrace.Describe(packet, isPhy, ack));
    }

    public void ResetStarted(Phy origin, bool isLong) => Event(origin, "i", isLong ? "bus reset" : "short bus reset", 0, "");

    public void SelfIdentified(Segment segment) => Event(segment.Root!, "i", "self-ID", 0, $"{segment.Phys.Count} nodes");

    public void Register(Phy phy, bool isWrite, uint offset, uint value) =>
        Event(phy, "i", $"{(isWrite ? "write" : "read")} {offset:x3}", 0, value.ToString("x8", CultureInfo.InvariantCulture));

    private void Event(Phy phy, string kind, string name, double microseconds, string detail)
    {
        if (!_tracks.TryGetValue(phy, out int track))
        {
            track = _tracks.Count + 1;
            _tracks.Add(phy, track);
            _writer.Write($$$""",{{{Environment.NewLine}}}{"name":"thread_name","ph":"M","pid":1,"tid":{{{track}}},"args":{"name":{{{Quote(phy.Name)}}}}}""");
        }
        string length = kind == "X" ? string.Create(CultureInfo.InvariantCulture, $",\"dur\":{microseconds:F3}") : ",\"s\":\"t\"";
        _writer.Write(string.Create(CultureInfo.InvariantCulture,
            $",\n{{\"name\":{Quote(name)},\"ph\":\"{kind}\",\"ts\":{BusTime.ToMicroseconds(_bus.Simulator.Now):F3}{length},\"pid\":1,\"tid\":{track},\"args\":{{\"detail\":{Quote(detail)}}}}}"));
    }

    private static string Quote(string text) => "\"" + JsonEncodedText.Encode(text) + "\"";
}
