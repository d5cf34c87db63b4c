using System;
using Sluice.Boot;
using Sluice.Console;
using Sluice.Dma;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Bench;

/// <summary>
/// What transactions cost, with a controller and a node whose ROM says Memory: all that the CPU executes for one, its sleep left out, as Linux's
/// are measured (linux-peer/firewire.c). The controller answers in real time, so the machine is one whose idle time passes.
/// </summary>
internal static unsafe class FireWireBench
{
    private const int Rounds = 1000, Attempts = 3, WarmUp = 64, AtOnce = 16, Block = 512;
    private const ulong MemoryAt = 0xFFFF_F001_0000, Look = 100_000, Patience = 20_000_000, Quiet = 2_000_000;

    private static Client _client = null!;

    /// <summary>Measures the first controller's bus, if there is one with such a node.</summary>
    public static void Measure(ref Run run)
    {
        if (FireWireStart.Cards.Length == 0 || !TryFind(FireWireStart.Cards[0], "Memory"u8, out int node))
            return;
        _client ??= new Client();
        _client.Use(FireWireStart.Cards[0].Bus, node);
        foreach (int atOnce in (ReadOnlySpan<int>)[1, AtOnce])
        {
            // Data of a frame goes as it lies there, other data is copied into one first; what is read is seen where it arrives, or copied.
            Measure(ref run, "quadlet-read"u8, &Client.ReadQuadlet, atOnce);
            Measure(ref run, "quadlet-write"u8, &Client.WriteQuadlet, atOnce);
            Measure(ref run, "block-read-512"u8, &Client.ReadInPlace, atOnce);
            Measure(ref run, "block-read-512-copied"u8, &Client.ReadBlock, atOnce);
            Measure(ref run, "block-write-512"u8, &Client.WriteFrame, atOnce);
            Measure(ref run, "block-write-512-copied"u8, &Client.WriteBlock, atOnce);
        }
    }

    private static void Measure(ref Run run, ReadOnlySpan<byte> what, delegate*<Client, Transaction, byte, Transaction> fill, int atOnce)
    {
        Utf8Message name = $"firewire-{what}{(atOnce == 1 ? default : "-16"u8)}";
        if (!run.Wants(name.Text))
            return;
        FramePool frames = DmaStart.System.Frames;
        _client.Run(fill, WarmUp, atOnce);
        int total = frames.Total;
        // How many answers come at once is up to the controller, which may lack a processor for a while: the least is what is told.
        ulong ticks = ulong.MaxValue;
        for (int i = 0; i < Attempts; i++)
        {
            ulong idle = Machine.IdleTicks, start = Cpu.Timestamp();
            _client.Run(fill, Rounds, atOnce);
            ticks = Math.Min(ticks, Cpu.Timestamp() - start - (Machine.IdleTicks - idle));
        }
        Bug.If(frames.Total != total, "transactions allocated memory"u8);
        Bug.If(_client.Failed != 0, "transactions failed while they were counted"u8);
        run.Report(name.Text, ticks, Rounds);
    }

    /// <summary>The node whose ROM says so, once the bus is quiet.</summary>
    public static bool TryFind(FireWireCard card, ReadOnlySpan<byte> name, out int node)
    {
        Deadline end = Deadline.In(Patience);
        do
        {
            // After the last reset of the bus manager's.
            node = Clock.Microseconds - card.Bus.LastReset > Quiet ? card.NodeNamed(name) : -1;
            if (node >= 0)
                return true;
            WorkLoop.Turn(Deadline.In(Look));
        }
        while (!end.Passed);
        return false;
    }

    // So many at once until so many were done; each is given again by its handler.
    private sealed class Client : IBlockReader
    {
        private readonly Transaction[] _all = new Transaction[AtOnce];
        private readonly FramePool _frames = DmaStart.System.Frames;
        private readonly byte* _data = PhysicalMemory.At(TakePage());
        private FireWireBus _bus = null!;
        private delegate*<Client, Transaction, byte, Transaction> _fill;
        private int _node, _left, _underWay;

        public Client()
        {
            for (int i = 0; i < AtOnce; i++)
                _all[i] = new Transaction(this);
        }

        public int Failed { get; private set; }

        // Answers are waited for as long as can be said: where the controller is a program, it may have no processor for a while.
        public void Use(FireWireBus bus, int node)
        {
            (_bus, _node) = (bus, node);
            bus.Registers.SetSplitSeconds(7);
        }

        public void Run(delegate*<Client, Transaction, byte, Transaction> fill, int rounds, int atOnce)
        {
            _fill = fill;
            (_left, _underWay, Failed) = (rounds, atOnce, 0);
            for (int i = 0; i < atOnce; i++)
                Next(_all[i]);
            while (_underWay != 0)
                WorkLoop.Turn(Deadline.Never);
        }

        public void OnRead(Transaction transaction, ReadOnlySpan<byte> data) => Failed += data.Length == Block ? 0 : 1;

        public void OnDone(Transaction transaction)
        {
            Failed += transaction.Result == TransactionResult.Complete ? 0 : 1;
            if (_left != 0)
                Next(transaction);
            else
                _underWay--;
        }

        public static Transaction ReadQuadlet(Client client, Transaction transaction, byte generation) =>
            transaction.ReadQuadlet(client._node, generation, Rom.Address);

        public static Transaction WriteQuadlet(Client client, Transaction transaction, byte generation) =>
            transaction.WriteQuadlet(client._node, generation, MemoryAt, 0);

        public static Transaction ReadInPlace(Client client, Transaction transaction, byte generation) =>
            transaction.ReadBlock(client._node, generation, MemoryAt, Block);

        public static Transaction ReadBlock(Client client, Transaction transaction, byte generation) =>
            transaction.ReadBlock(client._node, generation, MemoryAt, client._data, Block);

        public static Transaction WriteBlock(Client client, Transaction transaction, byte generation) =>
            transaction.WriteBlock(client._node, generation, MemoryAt, client._data, Block);

        public static Transaction WriteFrame(Client client, Transaction transaction, byte generation)
        {
            if (!client._frames.TryTake(out Frame frame))
                Bug.Stop("no frame for a measurement"u8);
            frame.SetLength(Block);
            return transaction.WriteBlock(client._node, generation, MemoryAt, ref frame);
        }

        private void Next(Transaction transaction)
        {
            _left--;
            _bus.Submit(_fill(this, transaction, _bus.Generation));
        }

        private static PhysAddr TakePage()
        {
            bool taken = Mm.Pages.TryTake(0, Mm.Zone.Any, out Mm.PageRun page);
            Bug.If(!taken, "no memory for a measurement"u8);
            PhysAddr start = page.Start;
            Own.KeepForGood(ref page);
            return start;
        }
    }
}
