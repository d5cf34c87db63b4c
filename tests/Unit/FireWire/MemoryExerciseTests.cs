using System;
using System.Runtime.InteropServices;
using FsCheck.Fluent;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Xunit;
using Model = Sluice.FireWire.Bus;

namespace Sluice.Tests.FireWire;

/// <summary>Memory that others use, and memory of others that is used and compared.</summary>
public sealed unsafe class MemoryExerciseTests
{
    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    /// <summary>What locks compute is what the model's nodes compute; the two share no source.</summary>
    [Fact]
    public void Locks_of_all_kinds_change_what_they_should() => Properties.ForAll(
        from operation in Gen.Choose(1, 6)
        from isWide in Gen.Choose(0, 1)
        from seed in Gen.Choose(0, int.MaxValue)
        select (operation, isWide, seed),
        one =>
        {
            int width = one.isWide == 1 ? 8 : 4;
            var random = new Random(one.seed);
            byte[] ours = new byte[width], data = new byte[one.operation is 3 or 4 ? width : 2 * width];
            random.NextBytes(ours);
            random.NextBytes(data);
            if (random.Next(2) == 0)
                ours.CopyTo(data, 0);
            byte[] theirs = [.. ours];
            SharedMemory.Change((LockOperation)one.operation, ours, data);
            LockMath.Apply((Model.LockOperation)one.operation, theirs, data);
            Assert.Equal(theirs, ours);
        });

    [Theory, MemberData(nameof(Kinds))]
    public void Anothers_memory_is_read_written_locked_and_compared_over_bus_resets(string kind)
    {
        using var machine = new OhciMachine(kind);
        var peer = new MemoryNode(new BusInformation(0x1234, MaxRecord: 10));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        byte* memory = (byte*)NativeMemory.AllocZeroed(MemoryExercise.Bytes);
        var exercise = new MemoryExercise(driver.Bus, memory);
        exercise.Begin(peer.Phy.PhysicalId, driver.Bus.Generation, MemoryNode.DefaultBase, 2048, 300, 5);
        int resets = 0;
        for (int turn = 0; turn < 4000 && !exercise.IsDone; turn++)
        {
            machine.Simulator.RunFor(20_000);
            Sluice.Platform.Machine.Work.Run(64);
            if (turn % 40 == 39 && resets < 10)
            {
                resets++;
                machine.Phy.InitiateReset(resets % 2 == 0);
                machine.Pass(1_000);
            }
            Assert.False(exercise.TryGetFailure(out _));
            if (exercise.IsInterrupted && driver.Bus.IsUp)
                exercise.Resume(peer.Phy.PhysicalId, driver.Bus.Generation);
        }
        machine.Pass(10_000);
        Assert.True(exercise.IsDone, $"{exercise.Reads} {exercise.Writes} {exercise.Locks} {exercise.Interrupted} {exercise.UnderWay}");
        Assert.InRange(exercise.Interrupted, 1, 10 * MemoryExercise.AtOnce);
        Assert.InRange(exercise.Reads + exercise.Writes + exercise.Locks, 900 - exercise.Interrupted, 900);
        Assert.Equal(new ReadOnlySpan<byte>(memory, MemoryExercise.Bytes), peer.Memory);
        machine.CheckNothingLeaks(driver);
        NativeMemory.Free(memory);
    }

    [Fact]
    public void A_byte_that_is_not_what_was_written_is_found_and_named()
    {
        using var machine = new OhciMachine();
        var peer = new MemoryNode(new BusInformation(0x1234, MaxRecord: 10));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        byte* memory = (byte*)NativeMemory.AllocZeroed(MemoryExercise.Bytes);
        var exercise = new MemoryExercise(driver.Bus, memory);
        exercise.Begin(peer.Phy.PhysicalId, driver.Bus.Generation, MemoryNode.DefaultBase, 2048, 1_000_000, 6);
        machine.Pass(200_000);
        Assert.False(exercise.TryGetFailure(out _));
        peer.Memory[0x1234] ^= 1;
        for (int i = 0; i < 400 && !exercise.TryGetFailure(out _); i++)
            machine.Pass(5_000);
        Assert.True(exercise.TryGetFailure(out ExerciseFailure failure));
        Assert.Equal((TransactionResult.Complete, 0x1234), (failure.Result, failure.Offset + failure.At));
        Assert.Equal(1, failure.Got ^ failure.Expected);
        machine.Pass(5_000);
        Assert.Equal(0, exercise.UnderWay);
        Assert.False(exercise.IsDone || exercise.IsInterrupted);

        // Nobody answers there.
        exercise.Begin(peer.Phy.PhysicalId, driver.Bus.Generation, 0x1000, 2048, 10, 6);
        machine.Pass(5_000);
        Assert.True(exercise.TryGetFailure(out failure));
        Assert.Equal(TransactionResult.AddressError, failure.Result);
        machine.CheckNothingLeaks(driver);
        NativeMemory.Free(memory);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void What_is_offered_is_read_written_and_locked_and_nothing_beside_it(string kind)
    {
        const ulong at = 0xFFFF_F001_0000;
        using var machine = new OhciMachine(kind);
        var peer = new MemoryNode(new BusInformation(0x1234, MaxRecord: 10));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        var memory = new SharedMemory(at, machine.Memory, 4096);
        Assert.Equal(Error.None, driver.Bus.Addresses.Add(memory));
        Outcome outcome = Outcome.NoAck;
        byte[] seen = [];
        Assert.Equal(Outcome.Complete, Do(() => peer.TryWrite(driver.Bus.NodeId, at + 9, [1, 2, 3], Note)));
        Assert.Equal([0, 1, 2, 3, 0], memory.Memory.Slice(8, 5).ToArray());
        Assert.Equal(Outcome.Complete, Do(() => peer.TryRead(driver.Bus.NodeId, at + 8, 4, Note)));
        Assert.Equal([0, 1, 2, 3], seen);
        Assert.Equal(Outcome.Complete, Do(() => peer.TryLock(driver.Bus.NodeId, at + 8, Model.LockOperation.FetchAdd, [0, 0, 0, 5], Note)));
        Assert.Equal([0, 1, 2, 3], seen);
        Assert.Equal([0, 1, 2, 8], memory.Memory.Slice(8, 4).ToArray());
        Assert.Equal(Outcome.AddressError, Do(() => peer.TryLock(driver.Bus.NodeId, at + 12, Model.LockOperation.CompareSwap, new byte[16], Note)));
        Assert.Equal(Outcome.AddressError, Do(() => peer.TryRead(driver.Bus.NodeId, at + 4094, 4, Note)));
        Assert.Equal(Outcome.AddressError, Do(() => peer.TryWrite(driver.Bus.NodeId, at - 4, [1, 2, 3, 4, 5, 6, 7, 8], Note)));
        SharedMemoryCounters counters = memory.Counters;
        Assert.Equal((1ul, 1ul, 1ul, 1ul), (counters.Reads, counters.Writes, counters.Locks, counters.Misaligned));
        Assert.True(driver.Bus.Addresses.TryRemove(memory));
        Assert.Equal(Outcome.AddressError, Do(() => peer.TryRead(driver.Bus.NodeId, at + 8, 4, Note)));
        machine.CheckNothingLeaks(driver);

        void Note(Outcome result, ReadOnlySpan<byte> data)
        {
            outcome = result;
            seen = data.ToArray();
        }

        Outcome Do(Func<bool> act)
        {
            Assert.True(act());
            machine.Settle();
            return outcome;
        }
    }
}
