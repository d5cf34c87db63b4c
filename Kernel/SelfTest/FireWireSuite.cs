using System;
using System.Buffers.Binary;
using System.Numerics;
using Sluice.Boot;
using Sluice.Drivers.Dv;
using Sluice.Drivers.Iidc;
using Sluice.Drivers.Sbp2;
using Sluice.Drivers.Video;
using Sluice.FireWire.Core;
using Sluice.Net;
using Sluice.Platform;
using Sluice.Shell;

namespace Sluice.SelfTest;

/// <summary>
/// The first FireWire controller and what is on its bus. Nodes are written to only if their ROMs say that they are there for that (Memory and
/// Echo of the emulated bus); disks are only read.
/// </summary>
internal static unsafe class FireWireSuite
{
    // A bus is quiet when managers have had their resets; the rest only ends what hangs.
    private const ulong Quiet = 2_500_000, Patience = 60_000_000, Look = 20_000;
    private const int Pictures = 3, CameraMode = 4, CameraRate = 3, MostLine = 720, BarsAt = 100;
    private const int Accesses = 200, Echoes = 50, MostEcho = 64;
    private const ulong DiskBytes = 2 << 20, EchoAt = 0xFFFF_F001_0000, EchoWindow = EchoAt + 0x1000;

    private static readonly FireWireCall _call = new();

    public static void Register(ref Suite suite)
    {
        suite.Case("the bus is up, managed, and all nodes say who they are"u8, &BusCase);
        suite.Case("another node's memory is read, written and locked"u8, &MemoryCase);
        suite.Case("the same while the bus is reset"u8, &MemoryOverResetsCase);
        suite.Case("a peer writes into memory that is offered, and not into any other"u8, &PeerCase);
        suite.Case("our memory is open to disks alone"u8, &DoorsCase);
        suite.Case("disks say the same twice, and over bus resets"u8, &DisksCase);
        suite.Case("a camera sends pictures of bars"u8, &CameraCase);
        suite.Case("a tape is played, and has pictures of bars"u8, &TapeCase);
    }

    private static void BusCase(ref Ktap t) => With(ref t, &Bus);

    private static void MemoryCase(ref Ktap t) => With(ref t, &Memory);

    private static void MemoryOverResetsCase(ref Ktap t) => With(ref t, &MemoryOverResets);

    private static void PeerCase(ref Ktap t) => With(ref t, &Peer);

    private static void DoorsCase(ref Ktap t) => With(ref t, &Doors);

    private static void DisksCase(ref Ktap t) => With(ref t, &Disks);

    private static void CameraCase(ref Ktap t) => With(ref t, &CameraPictures);

    private static void TapeCase(ref Ktap t) => With(ref t, &TapePictures);

    private static void Bus(ref Ktap t, FireWireCard card)
    {
        Topology tree = card.Bus.Topology;
        t.Check(card.Controller.IsRunning, "the controller runs"u8);
        t.Check(card.Manager.Role is ManagerRole.Manager or ManagerRole.Other or ManagerRole.Substitute, "somebody manages the bus"u8);
        t.Check((uint)tree.GapCount <= 63, "all have one gap count"u8);
        int unknown = 0;
        for (int node = 0; node < tree.Count; node++)
            unknown += node != tree.Local && tree[node].Self.IsLinkActive && card.Nodes.StateOf(node) is not (NodeState.Known or NodeState.Minimal) ? 1 : 0;
        t.Equal(0, (ulong)unknown, "nodes that do not say who they are"u8);
        uint before = card.Controller.CycleTime;
        Rest(2_000);
        t.Check(card.Controller.CycleTime != before, "the cycle timer goes on"u8);
    }

    private static void Memory(ref Ktap t, FireWireCard card)
    {
        if (TryFind(ref t, card, "Memory"u8, out int node))
            Exercise(ref t, card, node, resets: 0);
    }

    private static void MemoryOverResets(ref Ktap t, FireWireCard card)
    {
        if (TryFind(ref t, card, "Memory"u8, out int node))
            Exercise(ref t, card, node, resets: 3);
    }

    private static void Exercise(ref Ktap t, FireWireCard card, int node, int resets)
    {
        if (FireWireExercise.Exercise is not { UnderWay: 0 } exercise)
        {
            t.Skip("no memory to compare with"u8);
            return;
        }
        RomImage rom = card.Nodes.ImageOf(node)!;
        ulong guid = rom.Guid;
        exercise.Begin(node, card.Bus.Generation, FireWireOffer.Start, Math.Min(rom.Options.MostBytes, card.Bus.SpeedTo(node).MostBytes), Accesses, 1);
        Deadline end = Deadline.In(Patience);
        int done = 0;
        while (!exercise.IsDone && !exercise.TryGetFailure(out _) && !end.Passed)
        {
            WorkLoop.Turn(Deadline.In(Look));
            // Each when some more was done.
            if (done < resets && exercise.UnderWay != 0 && exercise.Reads > (done + 1) * Accesses / (resets + 1))
                t.Check(card.Controller.Reset(isLong: done++ == 1) == Error.None, "a bus reset begins"u8);
            if (exercise.IsInterrupted && card.Bus.IsUp && card.Nodes.NodeOf(guid) is >= 0 and int place)
                exercise.Resume(place, card.Bus.Generation);
        }
        if (exercise.TryGetFailure(out ExerciseFailure failure))
            Ktap.Note($"{FireWireAccess.NameOf(failure.Result)}: {failure.Bytes} bytes at {failure.Offset:x}, byte {failure.At} is {failure.Got:x2}, not {failure.Expected:x2}");
        t.Check(exercise.IsDone, "all is as it should be"u8);
        t.Equal((ulong)resets, (ulong)done, "bus resets in between"u8);
        exercise.Stop();
        while (exercise.UnderWay != 0)
            WorkLoop.Turn(Deadline.In(Look));
    }

    private static void Peer(ref Ktap t, FireWireCard card)
    {
        if (!TryFind(ref t, card, "Echo"u8, out int node))
            return;
        bool wasOn = FireWireOffer.IsOn;
        if (FireWireOffer.Set(true) is not { } offered)
        {
            t.Skip("no memory to offer"u8);
            return;
        }
        ulong guid = card.Nodes.ImageOf(node)!.Guid;
        Span<byte> bytes = stackalloc byte[MostEcho];
        // Where it writes to: 48 bits in 8 bytes. Each write of ours comes back as one of its.
        BinaryPrimitives.WriteUInt64BigEndian(bytes, FireWireOffer.Start);
        t.Check(TryWrite(card, guid, EchoAt, bytes.Slice(0, 8)), "it is told where"u8);
        var random = new SeededRandom(7);
        int echoed = 0;
        for (int i = 0; i < Echoes; i++)
        {
            int length = 1 + (int)random.Below(MostEcho), at = (int)random.Below(4096 - MostEcho);
            foreach (ref byte value in bytes)
                value = (byte)random.Next();
            Span<byte> place = offered.Memory.Slice(at, length);
            place.Clear();
            echoed += IsEchoed(card, guid, EchoWindow + (uint)at, bytes.Slice(0, length), place) ? 1 : 0;
        }
        t.Equal(Echoes, (ulong)echoed, "writes that came back as they were"u8);
        // Now nobody answers for that: what it writes comes to nothing.
        FireWireOffer.Set(false);
        offered.Memory.Slice(0, 4).Clear();
        ulong refused = card.Bus.Counters.NobodysAddress;
        t.Check(TryWrite(card, guid, EchoWindow, "gone"u8), "it is told to write once more"u8);
        Deadline end = Deadline.In(Patience);
        while (card.Bus.Counters.NobodysAddress == refused && !end.Passed)
            WorkLoop.Turn(Deadline.In(Look));
        t.Check(card.Bus.Counters.NobodysAddress != refused && offered.Memory[0] == 0, "what is no longer offered is not written"u8);
        if (wasOn)
            FireWireOffer.Set(true);
    }

    // Its own patience is short, and a machine may be slow: then it has not written.
    private static bool IsEchoed(FireWireCard card, ulong guid, ulong address, ReadOnlySpan<byte> bytes, Span<byte> place)
    {
        for (int tries = 0; tries < 20; tries++)
        {
            if (!TryWrite(card, guid, address, bytes))
                return false;
            Deadline end = Deadline.In(300_000);
            while (!end.Passed)
            {
                if (place.SequenceEqual(bytes))
                    return true;
                WorkLoop.Turn(end);
            }
        }
        return false;
    }

    private static void Doors(ref Ktap t, FireWireCard card)
    {
        int disks = 0;
        foreach (Sbp2Disk disk in card.Disks.Disks)
            disks += disk.Guid != 0 ? 1 : 0;
        if (BootArguments.IsOn(Argument.FireWireRemoteDma))
            t.Skip("opened by firewire.remote_dma"u8);
        else
            t.Check(BitOperations.PopCount(card.Controller.OpenNodes) <= disks, "no more doors than disks"u8);
    }

    private static void Disks(ref Ktap t, FireWireCard card)
    {
        int disks = 0;
        foreach (Sbp2Disk disk in card.Disks.Disks)
        {
            if (disk.Guid == 0)
                continue;
            disks++;
            Disk(ref t, card, disk);
        }
        if (disks == 0)
            t.Skip("no disk on the bus"u8);
    }

    private static void Disk(ref Ktap t, FireWireCard card, Sbp2Disk disk)
    {
        Deadline end = Deadline.In(Patience);
        while (!disk.IsReady && disk.State != DiskState.Failed && !end.Passed)
            WorkLoop.Turn(Deadline.In(Look));
        if (!t.Check(disk.IsReady, "the disk is ready"u8))
            return;
        Span<byte> first = stackalloc byte[Sha256.HashBytes], again = stackalloc byte[Sha256.HashBytes];
        ulong bytes = Math.Min(disk.Blocks * disk.BlockBytes, DiskBytes);
        t.Check(FireWireDisk.TryHash(disk, bytes, null, first), "read once"u8);
        t.Check(FireWireDisk.TryHash(disk, bytes, null, again) && first.SequenceEqual(again), "read twice, the same"u8);
        t.Check(FireWireDisk.TryHash(disk, bytes, card.Controller, again) && first.SequenceEqual(again), "over bus resets, the same"u8);
    }

    private static void CameraPictures(ref Ktap t, FireWireCard card) => Watch(ref t, card, "Camera"u8);

    private static void TapePictures(ref Ktap t, FireWireCard card) => Watch(ref t, card, "Camcorder"u8);

    // Whatever does not come whole is left out by who receives it: what comes is right.
    private static void Watch(ref Ktap t, FireWireCard card, ReadOnlySpan<byte> name)
    {
        if (!TryFind(ref t, card, name, out int node))
            return;
        VideoSource? source = null;
        foreach (VideoSource one in card.Videos.All)
            source = one.Node == node ? one : source;
        if (!t.Check(source != null, "it has a place"u8))
            return;
        Deadline end = Deadline.In(Patience);
        int seen = 0, good = 0;
        while (seen < Pictures && !end.Passed)
        {
            if (source is Camera camera)
                camera.TryStart(CameraMode, CameraRate);
            else if (source is DvDevice device)
                device.TryStart();
            WorkLoop.Turn(Deadline.In(Look));
            while (seen < Pictures && source!.TryTake(out VideoFrame frame))
            {
                seen++;
                good += HasBars(source.PictureOf(frame)) ? 1 : 0;
                source.GiveBack(frame);
            }
        }
        t.Equal(Pictures, (ulong)good, "pictures with bars"u8);
        source!.Stop();
        while (source.State == VideoState.Stopping)
            WorkLoop.Turn(Deadline.In(Look));
        t.Equal((ulong)VideoEnd.Stopped, (ulong)source.End, "why it ended"u8);
    }

    // White, yellow, cyan, green, magenta, red, blue, black: 80 pixels each, of tapes 96.
    private static bool HasBars(in VideoPicture picture)
    {
        int bytes = picture.Bytes.Length / picture.Height, bar = picture.Width > MostLine ? 0 : picture.Width == MostLine ? 96 : 80;
        Span<uint> line = stackalloc uint[MostLine];
        PixelLine.ToRgb(picture.Coding, picture.Bytes.Slice(bytes * BarsAt, bytes), line.Slice(0, Math.Min(picture.Width, MostLine)));
        bool isGood = bar != 0;
        for (int i = 0; i < 8; i++)
        {
            uint color = line[i * bar + bar / 3], bits = (color >> 22 & 2) | (color >> 13 & 4) | (color >> 7 & 1);
            isGood &= bits == 7 - i;
        }
        return isGood;
    }

    // Until it was carried out, or its node is gone.
    private static bool TryWrite(FireWireCard card, ulong guid, ulong address, ReadOnlySpan<byte> bytes)
    {
        Deadline end = Deadline.In(Patience);
        fixed (byte* data = bytes)
        {
            while (!end.Passed)
            {
                int node = card.Bus.IsUp ? card.Nodes.NodeOf(guid) : -1;
                if (node >= 0)
                {
                    _call.Transaction.WriteBlock(node, card.Bus.Generation, address, data, bytes.Length);
                    if (_call.Run(card.Bus) == TransactionResult.Complete)
                        return true;
                }
                WorkLoop.Turn(Deadline.In(Look));
            }
        }
        return false;
    }

    // With the bus when its managers have done what they wanted. Answers are waited for as long as can be: the other side may be slow.
    private static void With(ref Ktap t, delegate*<ref Ktap, FireWireCard, void> body)
    {
        if (FireWireStart.Cards.Length == 0)
        {
            t.Skip("no FireWire controller"u8);
            return;
        }
        FireWireCard card = FireWireStart.Cards[0];
        Deadline end = Deadline.In(Patience);
        while (!end.Passed && (!card.Bus.IsUp || Clock.Microseconds - card.Bus.LastReset < Quiet || HasPending(card)))
            WorkLoop.Turn(Deadline.In(Look));
        if (!t.Check(card.Bus.IsUp, "the bus is up"u8))
            return;
        card.Bus.Registers.SetSplitSeconds(5);
        body(ref t, card);
        card.Bus.Registers.SetSplitSeconds(0);
    }

    private static bool HasPending(FireWireCard card)
    {
        bool isPending = false;
        for (int node = 0; node < card.Bus.Topology.Count; node++)
            isPending |= node != card.Bus.Topology.Local && card.Nodes.StateOf(node) == NodeState.Pending;
        return isPending;
    }

    private static bool TryFind(ref Ktap t, FireWireCard card, ReadOnlySpan<byte> name, out int node)
    {
        node = card.NodeNamed(name);
        if (node < 0)
            t.Skip("no such node on the bus"u8);
        return node >= 0;
    }

    private static void Rest(ulong microseconds)
    {
        Deadline end = Deadline.In(microseconds);
        while (!end.Passed)
            WorkLoop.Turn(end);
    }
}
