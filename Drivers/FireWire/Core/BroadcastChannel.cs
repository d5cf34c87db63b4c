using System;
using Sluice.Platform;

namespace Sluice.FireWire.Core;

/// <summary>
/// Channel 31, on which nodes speak to all: allocated once on each bus, by the isochronous resource manager or else by the bus manager, who
/// then tells all nodes that it is valid; others ask the resource manager. Source: IEEE 1394a-2000, section 8.3.2.3.11; RFC 2734, section 7.
/// </summary>
internal sealed class BroadcastChannel : ITransactionHandler, IResourceHandler, ITimerHandler, IWork
{
    private const ulong Register = BusRegisters.Base + BusRegisters.BroadcastChannel, Pause = 1_000_000;
    private const uint Valid = 0xC000_001F, Mask = 0xC000_003F;
    private const int MostAsks = 4;

    private readonly FireWireBus _bus;
    private readonly IsoResources _resources;
    private readonly Transaction _transaction;
    private readonly Timer _timer;
    private readonly WorkItem _work;
    private int _node, _asks;
    private byte _generation;
    private bool _isManager, _isWanted, _isTelling;

    public BroadcastChannel(FireWireBus bus)
    {
        _bus = bus;
        _resources = new IsoResources(bus, this);
        _transaction = new Transaction(this) { Most = BusSpeed.S100 };
        _timer = new Timer(this);
        _work = new WorkItem(this);
    }

    /// <summary>Nodes told; nodes that took it not; that nobody allocated it, or somebody for something else.</summary>
    public ulong Told, Refused, NotToBeHad;

    /// <summary>Who we are on this bus is known.</summary>
    public void Begin(bool isManager)
    {
        _generation = _bus.Generation;
        _isManager = isManager;
        _isWanted = true;
        _asks = 0;
        _timer.Cancel();
        if (_bus.Topology.ResourceManager == _bus.Topology.Local)
            _work.Mark();
        else
            _timer.StartAt(_bus.LastReset + Pause);
    }

    /// <inheritdoc/>
    public void OnTimer(Timer timer) => _work.Mark();

    /// <inheritdoc/>
    public bool Work(int budget)
    {
        // Something of an earlier bus may be under way: its end marks this again.
        if (!_isWanted || !IsCurrent || _timer.IsRunning || _transaction.IsUnderWay || _resources.IsBusy)
            return false;
        _isWanted = false;
        if (_bus.Topology.ResourceManager == _bus.Topology.Local)
            Allocate();
        else if ((_bus.Registers.Broadcast & BusRegisters.IsValid) == 0)
            Ask();
        return false;
    }

    /// <inheritdoc/>
    public void OnResources(IsoResources resources, ResourceResult result)
    {
        // It belongs to the bus: nobody asks for it again in our name.
        resources.Forget();
        if (_isWanted || !IsCurrent)
        {
            _work.Mark();
        }
        else if (result == ResourceResult.Complete)
        {
            _bus.Registers.SetBroadcastValid(true);
            _node = -1;
            Tell();
        }
        else
        {
            NotToBeHad++;
        }
    }

    /// <inheritdoc/>
    public void OnDone(Transaction transaction)
    {
        if (_isWanted || !IsCurrent)
        {
            _work.Mark();
        }
        else if (_isTelling)
        {
            if (transaction.Result == TransactionResult.Complete)
                Told++;
            else
                Refused++;
            Tell();
        }
        else if (transaction.Result == TransactionResult.Complete && (transaction.Quadlet & Mask) == Valid)
        {
            _bus.Registers.SetBroadcastValid(true);
        }
        else if (_isManager)
        {
            Allocate();
        }
        else if (++_asks < MostAsks)
        {
            _isWanted = true;
            _timer.Start(Pause);
        }
        else
        {
            NotToBeHad++;
        }
    }

    private bool IsCurrent => _bus.IsUp && _bus.Generation == _generation;

    private void Ask()
    {
        _isTelling = false;
        _bus.Submit(_transaction.ReadQuadlet(_bus.Topology.ResourceManager, _generation, Register));
    }

    private void Allocate() => _resources.Allocate(1ul << 31, 0, waits: false).Ignore("it has nothing and does nothing"u8);

    private void Tell()
    {
        Topology topology = _bus.Topology;
        do
            _node++;
        while (_node < topology.Count && (_node == topology.Local || !topology[_node].Self.IsLinkActive));
        if (_node == topology.Count)
            return;
        _isTelling = true;
        _bus.Submit(_transaction.WriteQuadlet(_node, _generation, Register, Valid));
    }
}
