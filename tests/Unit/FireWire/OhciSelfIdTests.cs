using System;
using System.Buffers.Binary;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Self-IDs that are of another reset than the one that is asked for, or have something else behind them.</summary>
public sealed class OhciSelfIdTests
{
    private const uint SelfIdBuffer = 0x064, SelfIdCount = 0x068, NodeId = 0x0E8, Valid = 1u << 31;

    public static TheoryData<string> Kinds => OhciMachine.Kinds;

    /// <summary>Another reset begins when the computer looks at the self-IDs of the one before: it takes no third one, whatever registers say meanwhile.</summary>
    [Theory]
    [InlineData(SelfIdCount, false)]
    [InlineData(SelfIdCount, true)]
    [InlineData(NodeId, false)]
    [InlineData(NodeId, true)]
    public void A_reset_that_begins_before_self_IDs_are_read_is_waited_for(uint register, bool isNumbered)
    {
        ControllerFunction.Maker = (card, memory, guid) => new Interrupted(card, memory, guid, register, isNumbered);
        using var machine = new OhciMachine();
        ControllerFunction.Maker = null;
        machine.Add(new MemoryNode(new BusInformation(0x1234)));
        Ohci driver = machine.Probe();
        var function = (Interrupted)machine.Function;
        for (int turn = 0; turn < 4; turn++)
        {
            uint generation = driver.Bus.Generation;
            function.IsArmed = true;
            machine.Phy.InitiateReset(isLong: turn % 2 == 0);
            machine.Pass(50_000);
            Assert.Equal((false, true, generation + 2), (function.IsArmed, driver.Bus.IsUp, (uint)driver.Bus.Generation));
        }
        Assert.Equal(0ul, driver.Counters.BadSelfIds);
        machine.CheckNothingLeaks(driver);
    }

    /// <summary>A cycle master with too low a gap count is early with a cycle; what is received of that is no self-ID, but those before it are.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void A_cycle_that_starts_among_self_IDs_ends_them(string kind)
    {
        ControllerFunction.Maker = (card, memory, guid) => new EarlyCycle(card, memory, guid);
        using var machine = new OhciMachine(kind);
        ControllerFunction.Maker = null;
        var peer = new MemoryNode(new BusInformation(0x1234));
        machine.Add(peer);
        Ohci driver = machine.Probe();
        Assert.Equal((2, 0ul, 1ul), (driver.Bus.Topology.Count, driver.Counters.BadSelfIds, driver.Counters.BusResets));
        Assert.Equal(TransactionResult.Complete, machine.Run(driver, new Transaction(machine).WriteQuadlet(peer.Phy.PhysicalId, driver.Bus.Generation, MemoryNode.DefaultBase, 1)));
        machine.CheckNothingLeaks(driver);
    }

    // Once, a reset begins when a register is read. Its number a controller has as soon as the PHY says it, self-IDs of others may follow (5.11).
    private sealed class Interrupted(OhciCard card, Sluice.Devices.IDeviceMemory memory, ulong guid, uint register, bool isNumbered) : OhciFunction(card, memory, guid)
    {
        public bool IsArmed { get; set; }

        public override ulong ReadBar(int bar, uint offset, int bytes)
        {
            if (IsArmed && offset == register && (base.ReadBar(bar, NodeId, 4) & Valid) != 0)
            {
                IsArmed = false;
                Link.Phy.InitiateReset(isLong: false);
            }
            return base.ReadBar(bar, offset, bytes) | (offset == NodeId && isNumbered ? Valid : 0);
        }
    }

    // The header of a packet that starts a cycle behind all self-IDs.
    private sealed class EarlyCycle(OhciCard card, Sluice.Devices.IDeviceMemory memory, ulong guid) : OhciFunction(card, memory, guid)
    {
        public override ulong ReadBar(int bar, uint offset, int bytes)
        {
            ulong value = base.ReadBar(bar, offset, bytes);
            if (offset != SelfIdCount || (value & 0x7FC) == 0)
                return value;
            Span<byte> packet = stackalloc byte[16];
            ReadOnlySpan<uint> header = [0xFFFF_008F, 0xFFC0_FFFF, 0xF000_0200, 0x1234_5678];
            for (int i = 0; i < header.Length; i++)
                BinaryPrimitives.WriteUInt32LittleEndian(packet[(4 * i)..], header[i]);
            Assert.True(TryWrite(base.ReadBar(bar, SelfIdBuffer, 4) + (value & 0x7FC), packet));
            return value + (ulong)packet.Length;
        }
    }
}
