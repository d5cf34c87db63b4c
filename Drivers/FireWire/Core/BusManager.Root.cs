using System;
using System.Numerics;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

public sealed partial class BusManager
{
    /// <summary>Resets that we begin to change one tree, and how long there must be peace before they are forgotten.</summary>
    public const int MostTries = 5;
    public const ulong Quiet = 60_000_000;

    // To learn what the root can.
    private const int MostRootTries = 4;
    private const ulong RootPause = 500_000;

    private ulong _notBefore;
    private uint _tree;
    private int _tries, _rootTries, _newRoot;

    private void LookAtTree()
    {
        uint tree = Signature();
        if (tree != _tree)
            _tries = 0;
        _tree = tree;
        _rootTries = 0;
    }

    // A root that is cycle master, and a gap count that fits: both with one reset, if it takes one.
    private void Manage()
    {
        int root = Tree.Root;
        bool works = root == Tree.Local || Tree[root].Self.IsLinkActive;
        // Nodes that do not agree about gaps may not hear each other: first of all that.
        if (Tree.GapCount < 0 && TryReconfigure(works || !Own.CanBeCycleMaster ? root : Tree.Local))
            return;
        if (root == Tree.Local)
            Decide(Own.CanBeCycleMaster);
        else if (works)
            ReadRoot(Step.ReadHeader);
        else
            Decide(false);
    }

    private void ReadRoot(Step step)
    {
        _step = step;
        _bus.Submit(_transaction.ReadQuadlet(Tree.Root, _generation, Rom.Address + (step == Step.ReadHeader ? 0u : 8u)));
    }

    private void LookAtRoot(Transaction transaction, bool isAnswered)
    {
        uint quadlet = transaction.Quadlet;
        if (transaction.Result is TransactionResult.AddressError or TransactionResult.TypeError)
            Decide(false);
        // A header of 0: its ROM is not ready yet (1394a-2000, 8.3.2.5).
        else if (!isAnswered || (_step == Step.ReadHeader && quadlet == 0))
            AskRootAgain();
        else if (_step == Step.ReadOptions)
            Decide(new BusOptions(quadlet).CanBeCycleMaster);
        // A minimal ROM is a vendor's number alone (1394-1995, 8.3.2.5.2).
        else if (quadlet >> 24 == 1)
            Decide(false);
        else
            ReadRoot(Step.ReadOptions);
    }

    private void AskRootAgain()
    {
        if (++_rootTries < MostRootTries)
        {
            Wait(Step.ReadHeader, Clock.Microseconds + RootPause);
            return;
        }
        Counters.SilentRoots++;
        Decide(false);
    }

    private void Decide(bool isCapable)
    {
        if (!isCapable)
            Counters.IncapableRoots++;
        int root = isCapable || !Own.CanBeCycleMaster ? Tree.Root : Tree.Local;
        if ((root != Tree.Root || Tree.GapCount != Tree.BestGapCount) && TryReconfigure(root))
            return;
        if (!isCapable)
        {
            Settle();
        }
        else if (Tree.Root == Tree.Local)
        {
            _bus.Registers.SetCycleMaster(true);
            Settle();
        }
        else
        {
            _step = Step.StartCycles;
            _bus.Submit(_transaction.WriteQuadlet(Tree.Root, _generation, BusRegisters.Base + BusRegisters.StateSet, BusRegisters.CycleMaster));
        }
    }

    // Without a cycle master there are no streams; some managers count on roots that see to that themselves.
    private bool IsIdleRoot => Tree.Root == Tree.Local && Own.CanBeCycleMaster && !_bus.Registers.IsCycleMaster;

    private void StandIn()
    {
        if (Tree.GapCount < 0)
            TryReconfigure(-1);
        else if (IsIdleRoot)
            _bus.Registers.SetCycleMaster(true);
    }

    // Has another root, or the same, and the best gap count. False if there were enough tries.
    private bool TryReconfigure(int root)
    {
        ulong now = Clock.Microseconds;
        if (now >= _notBefore + Quiet)
            _tries = 0;
        if (_tries == MostTries)
        {
            Counters.GivenUp++;
            return false;
        }
        _newRoot = root;
        // Who has just configured the bus will reset it.
        ulong due = Math.Max(_notBefore, _bus.ConfiguredAt == 0 ? 0 : _bus.ConfiguredAt + FireWireBus.ResetDistance);
        if (now < due)
            Wait(Step.Reset, due);
        else
            Reconfigure();
        return true;
    }

    private void Reconfigure()
    {
        _tries++;
        if (_newRoot >= 0 && _newRoot != Tree.Root)
            Counters.NewRoots++;
        if (Tree.GapCount != Tree.BestGapCount)
            Counters.NewGaps++;
        // A short reset may be taken for two by PHYs of 1394-1995, and that is one way to different gap counts.
        _bus.Reconfigure(PhyPacket.Configuration(_newRoot, Tree.BestGapCount), isLong: Tree.GapCount < 0).Ignore("it is tried again if no reset comes"u8);
        _notBefore = Clock.Microseconds + FireWireBus.ResetDistance;
        Wait(Step.Begin, _notBefore);
    }

    // The same for one tree whoever is its root: what nodes there are, with how many cables.
    private uint Signature()
    {
        uint sum = (uint)Tree.Count;
        for (int i = 0; i < Tree.Count; i++)
        {
            SelfId self = Tree[i].Self;
            // Link, speed, contender, power class; parents and children have the upper bit of their code set.
            uint node = self.First & 0x0040_CF00 | (uint)BitOperations.PopCount(self.Ports & 0xAAAA_AAAA_AAAA_AAAA);
            sum += (node ^ node >> 15) * 0x9E37_79B1;
        }
        return sum;
    }
}
