using System;
using System.Buffers.Binary;
using Sluice.Boot;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;
using Sluice.Shell;

namespace Sluice.Bench;

/// <summary>
/// What a request of another node costs that a handler answers: all that the CPU executes from one to the next, its sleep left out. The other is
/// the emulated bus's Echo, which reads as often as it is told.
/// </summary>
internal static unsafe class FireWireServeBench
{
    private const uint Rounds = 3000;
    private const ulong EchoAt = 0xFFFF_F001_0000;

    private static readonly FireWireCall _call = new();

    /// <summary>Measures on the first controller's bus, if there is one with such a node.</summary>
    public static void Measure(ref Run run)
    {
        Measure(ref run, "firewire-request-served"u8, 4);
        Measure(ref run, "firewire-request-served-512"u8, 512);
    }

    private static void Measure(ref Run run, ReadOnlySpan<byte> name, uint bytes)
    {
        if (!run.Wants(name) || FireWireStart.Cards.Length == 0 || !FireWireBench.TryFind(FireWireStart.Cards[0], "Echo"u8, out int node) || FireWireOffer.Set(true) is not { } offered)
            return;
        FireWireBus bus = FireWireStart.Cards[0].Bus;
        FramePool frames = DmaStart.System.Frames;
        Write(bus, node, EchoAt, FireWireOffer.Start);
        Serve(bus, node, offered, bytes, 64);
        int total = frames.Total;
        ulong idle = Machine.IdleTicks, start = Cpu.Timestamp();
        ulong served = Serve(bus, node, offered, bytes, Rounds);
        ulong ticks = Cpu.Timestamp() - start - (Machine.IdleTicks - idle);
        Bug.If(served != Rounds, "requests did not come while they were counted"u8);
        Bug.If(frames.Total != total, "requests allocated memory"u8);
        FireWireOffer.Set(false);
        run.Report(name, ticks, (int)Rounds);
    }

    private static ulong Serve(FireWireBus bus, int node, SharedMemory offered, uint bytes, uint rounds)
    {
        ulong before = offered.Counters.Reads;
        Write(bus, node, EchoAt + 8, (ulong)rounds << 32 | bytes);
        while (offered.Counters.Reads - before < rounds)
            WorkLoop.Turn(Deadline.Never);
        return offered.Counters.Reads - before;
    }

    private static void Write(FireWireBus bus, int node, ulong address, ulong value)
    {
        byte* data = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(new Span<byte>(data, 8), value);
        _call.Transaction.WriteBlock(node, bus.Generation, address, data, 8);
        Bug.If(_call.Run(bus) != TransactionResult.Complete, "a node was not told what to read"u8);
    }
}
