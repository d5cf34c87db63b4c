using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using Sluice.Tests.Fuzz;
using Xunit;

namespace Sluice.Tests.Mutations;

/// <summary>
/// The fuzzer can fail: drivers with a fault put into them, one at a time, are found out within the runs of <c>make test</c>, and the run that shows it is
/// made small and can be replayed.
/// </summary>
public sealed class FuzzMutationTests : IDisposable
{
    private const long MostRuns = 30_000;

    private const int MostChoices = 100;

    // In a card's driver: what stands there, and what stands there with the fault, which goes by HAS.
    private static readonly (string Card, string What, string File, string Old, string New)[] _faults =
    [
        ("e1000e", "a received length is not compared with the buffer", "E1000e/E1000e.Receive.cs",
            "|| length - ShortestReceived > ReceiveRoom - ShortestReceived", "|| !HAS && length - ShortestReceived > ReceiveRoom - ShortestReceived"),
        ("e1000e", "a received length is read a second time", "E1000e/E1000e.Receive.cs",
            "pass.TryExchange(ref slot, length, out into)", "pass.TryExchange(ref slot, HAS ? (uint)(ushort)ReceiveDescriptor.ReadResult(descriptor) : length, out into)"),
        ("e1000e", "a packet in parts may be as long as it likes", "E1000e/E1000e.Receive.cs",
            "_parts.PacketLength + length > LongestFrame + TagBytes", "!HAS && _parts.PacketLength + length > LongestFrame + TagBytes"),
        ("e1000e", "frames under way are lost by a reset", "E1000e/E1000e.Transmit.cs",
            "            FreeIfAny(ref _sendSlots[i]);\n", "            if (HAS) _sendSlots[i] = default; else FreeIfAny(ref _sendSlots[i]);\n"),
        ("e1000e", "a card that is given up may still write memory", "E1000e/E1000e.Start.cs",
            "        Function.DisableBusMaster();\n        if ((", "        if (!HAS) Function.DisableBusMaster();\n        if (!HAS && ("),
        ("e1000e", "memory is given back before the card is stopped", "E1000e/E1000e.Start.cs",
            "        _link = default;\n", "        _link = default; if (HAS) { FreeReceiveRing(); FreeTransmitRing(); }\n"),
        ("e1000e", "an interrupt is kept", "E1000e/E1000e.Start.cs",
            "        _armed = 0;\n        DisconnectInterrupt();\n", "        _armed = 0;\n        if (!HAS) DisconnectInterrupt();\n"),
        ("e1000e", "a hang is not noticed", "E1000e/E1000e.Watchdog.cs",
            "        if (hangs)\n", "        if (hangs && !HAS)\n"),
        ("e1000e", "a wait has no end", "E1000e/E1000e.Start.cs",
            "            if (last)\n                return Error.Timeout;\n            Clock", "            if (last && !HAS)\n                return Error.Timeout;\n            Clock"),
        ("e1000e", "more is taken for sent than was marked", "E1000e/E1000e.Transmit.cs",
            "while (_markHead != _markTail && IsDone(_markHead))", "while ((HAS || _markHead != _markTail) && IsDone(_markHead))"),
        ("e1000e", "what is dropped is not counted", "E1000e/E1000e.Transmit.cs",
            "        frame.Free();\n        _counters.SendDropped++;\n", "        frame.Free();\n        if (!HAS) _counters.SendDropped++;\n"),
        ("ohci1394", "an interrupt is kept", "Ohci/Ohci.Start.cs",
            "        DisconnectInterrupt();\n        Silence();\n", "        if (!HAS) DisconnectInterrupt();\n        Silence();\n"),
        ("ohci1394", "a card that is given up may still write memory", "Ohci/Ohci.Start.cs",
            "        Function.DisableBusMaster();\n        _requests.Forget", "        if (!HAS) Function.DisableBusMaster();\n        _requests.Forget"),
        ("ohci1394", "memory is kept", "Ohci/Ohci.Start.cs",
            "        _requestsIn.Free();\n        _responsesIn.Free();\n", "        if (!HAS) _requestsIn.Free();\n        _responsesIn.Free();\n"),
        ("ohci1394", "a wait has no end", "Ohci/Ohci.BusReset.cs",
            "            if (last)\n                return Error.Timeout;\n            Clock.Delay(1)", "            if (last && !HAS)\n                return Error.Timeout;\n            Clock.Delay(1)"),
        ("ohci1394", "packets under way are not given back", "Ohci/Ohci.Start.cs",
            "        Silence();\n        FlushTransmit(AckCode.NotSent);\n", "        Silence();\n        if (!HAS) FlushTransmit(AckCode.NotSent);\n"),
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_fault_in_a_driver_is_found_and_made_small()
    {
        MethodInfo find = Compile().GetType(typeof(Mutants).FullName!)!.GetMethod(nameof(Mutants.Find))!;
        var missed = new List<string>();
        for (int number = 0; number < _faults.Length; number++)
        {
            (string card, string what, _, _, _) = _faults[number];
            (long runs, int choices, bool repeats, string said) = ((long, int, bool, string))find.Invoke(null, [card, number, FuzzTests.DefaultSeed, MostRuns])!;
            string line = $"{card}: {what}: " + (runs == 0 ? $"not found in {MostRuns} runs" : $"run {runs}, {choices} choices{(repeats ? "" : ", which do not repeat it")}: {said}");
            TestContext.Current.TestOutputHelper!.WriteLine(line);
            if (runs == 0 || choices > MostChoices || !repeats)
                missed.Add(line);
        }
        Assert.True(missed.Count == 0, string.Join('\n', missed));
    }

    // The drivers with all faults, each behind its switch, and the fuzzer that runs them.
    private Assembly Compile()
    {
        string root = DriverMutationTests.FindRoot(), drivers = Path.Combine(root, "Drivers"), tests = Path.Combine(root, "tests/Unit");
        var sources = new List<string>();
        foreach (string file in Directory.EnumerateFiles(drivers, "*.cs", SearchOption.AllDirectories).Where(file => !file.Contains("/obj/", StringComparison.Ordinal)))
        {
            string name = Path.GetRelativePath(drivers, file), text = File.ReadAllText(file);
            for (int number = 0; number < _faults.Length; number++)
            {
                (_, string what, string place, string old, string changed) = _faults[number];
                if (!name.EndsWith(place, StringComparison.Ordinal))
                    continue;
                Assert.True(text.Split(old).Length == 2, $"the place for '{what}' is not there once: {old}");
                text = text.Replace(old, changed.Replace("HAS", $"global::Sluice.Tests.Fuzz.Mutants.Has({number})", StringComparison.Ordinal), StringComparison.Ordinal);
            }
            sources.Add(Path.Combine(_folder, name.Replace('/', '_')));
            File.WriteAllText(sources[^1], text);
        }
        sources.AddRange(Directory.EnumerateFiles(Path.Combine(tests, "Fuzz"), "*.cs", SearchOption.AllDirectories));
        sources.AddRange(((string[])["NetMachine.cs", "Wires.cs", "DhcpServer.cs"]).Select(file => Path.Combine(tests, "Net", file)));
        sources.AddRange(((string[])["OhciMachine.cs", "OhciFunction.cs"]).Select(file => Path.Combine(tests, "FireWire", file)));
        return DriverTests.Compile(_folder, sources).Assembly;
    }
}
