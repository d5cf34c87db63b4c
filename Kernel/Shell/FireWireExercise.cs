using System;
using Sluice.Boot;
using Sluice.Console;
using Sluice.FireWire.Core;
using Sluice.Mm;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Shell;

/// <summary><c>fw test</c>: reads, writes and locks another node's memory, and compares.</summary>
internal static unsafe class FireWireExercise
{
    private const ulong Look = 100_000, Progress = 1_000_000, Patience = 60_000_000;
    private const int Order = 4, DefaultCount = 1_000, MostCount = 100_000_000;

    /// <summary>The one there is; null without a controller, or memory.</summary>
    public static MemoryExercise? Exercise { get; private set; }

    /// <summary>Once, while starting, with a controller.</summary>
    public static void Initialize()
    {
        if (FireWireStart.Cards.Length == 0 || !Pages.TryTake(Order, Zone.Any, out PageRun pages))
            return;
        Exercise = new MemoryExercise(FireWireStart.Cards[0].Bus, PhysicalMemory.At(pages.Start));
        Own.KeepForGood(ref pages);
    }

    /// <summary><c>test NODE [ADDRESS [COUNT]]</c>.</summary>
    public static bool Run(CommandWords words)
    {
        ulong node = 0, address = FireWireOffer.Start, count = DefaultCount;
        if (!words.TryNext(out ReadOnlySpan<byte> word) || !NumberParse.TryParse(word, out node) || node >= Topology.MostNodes
            || (words.TryNext(out word) && (!NumberParse.TryParse(word, out address) || address > PacketHeader.OffsetMask - MemoryExercise.Bytes || (address & 7) != 0))
            || (words.TryNext(out word) && (!NumberParse.TryParse(word, out count) || count > MostCount)) || words.TryNext(out _))
            return false;
        FireWireCard card = FireWireStart.Cards[0];
        if (Exercise == null)
            Terminal.WriteLine($"  there was no memory to compare with");
        else if (Exercise.UnderWay != 0)
            Terminal.WriteLine($"  the last one is still under way");
        else if (card.Nodes.ImageOf((int)node) is not { } rom)
            Terminal.WriteLine($"  no such node, or its ROM is not known");
        else
            Run(Exercise, card, (int)node, rom, address, (int)count);
        return true;
    }

    private static void Run(MemoryExercise exercise, FireWireCard card, int node, RomImage rom, ulong address, int count)
    {
        ulong guid = rom.Guid, began = Clock.Microseconds, told = began, interrupted = 0;
        // A node that says nothing of its size takes what every node takes (1394-1995, 8.3.2.5.4).
        int most = Math.Min(Math.Max(rom.Options.MostBytes, 512), card.Bus.SpeedTo(node).MostBytes);
        exercise.Begin(node, card.Bus.Generation, address, most, count, Cpu.Timestamp());
        while (!exercise.IsDone)
        {
            WorkLoop.Turn(Deadline.In(Look));
            ulong now = Clock.Microseconds;
            if (now - told >= Progress)
            {
                told = now;
                Terminal.WriteLine($"  {exercise.Reads} reads, {exercise.Writes} writes, {exercise.Locks} locks (Ctrl-C gives up)");
            }
            bool isGivenUp = NetworkTools.IsGivenUp() || (interrupted != 0 && now - interrupted > Patience);
            if (isGivenUp)
                exercise.Stop();
            if (exercise.UnderWay == 0 && (isGivenUp || exercise.TryGetFailure(out _)))
                break;
            if (!exercise.IsInterrupted)
                continue;
            // After a bus reset it is looked for by its GUID.
            interrupted = interrupted == 0 ? now : interrupted;
            int place = card.Bus.IsUp ? card.Nodes.NodeOf(guid) : -1;
            if (place < 0)
                continue;
            interrupted = 0;
            exercise.Resume(place, card.Bus.Generation);
        }
        Report(exercise, Math.Max(Clock.Microseconds - began, 1), interrupted != 0);
    }

    private static void Report(MemoryExercise exercise, ulong microseconds, bool isGone)
    {
        if (exercise.TryGetFailure(out ExerciseFailure failure))
        {
            Terminal.Write($"  \e[1;91mfailed\e[0m: {NameOf(failure.Kind)} of {failure.Bytes} bytes at {failure.Offset:x} of the memory: ");
            if (failure.Result == TransactionResult.Complete)
                Terminal.WriteLine($"byte {failure.At} is {failure.Got:x2}, not {failure.Expected:x2}");
            else
                Terminal.WriteLine($"{FireWireAccess.NameOf(failure.Result)}");
        }
        if (isGone)
            Terminal.WriteLine($"  the node did not come back after a bus reset");
        Terminal.WriteLine($"  {exercise.Reads} reads, {exercise.Writes} writes, {exercise.Locks} locks{(exercise.IsDone ? ", all as they should be"u8 : ", then it ended"u8)}; {(ulong)(exercise.Reads + exercise.Writes + exercise.Locks) * 1_000_000 / microseconds} a second, {exercise.Interrupted} interrupted by bus resets");
    }

    private static ReadOnlySpan<byte> NameOf(ExerciseKind kind) => kind switch
    {
        ExerciseKind.Write => "a write"u8,
        ExerciseKind.Read => "a read"u8,
        ExerciseKind.Lock => "a lock"u8,
        _ => "filling or comparing"u8,
    };
}
