using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Sluice.Dma;
using Sluice.Drivers.Ohci;
using Sluice.FireWire.Core;
using Sluice.Platform;

namespace Sluice.Tests.Fuzz.FireWire;

// What the bus's users do, and when card and nodes do what they should not.
internal sealed unsafe partial class FireWireLife
{
    private const int Tasks = 24, TaskBytes = 2048, GuardBytes = 64;
    private const byte Guard = 0xA5;
    private const ulong Offered = 0xFFFF_F001_0000;

    [ThreadStatic] private static byte* _memory;

    private static readonly string[] _results = Array.ConvertAll(Enum.GetNames<TransactionResult>(), name => "transaction: " + name);
    private static readonly (string Name, System.Reflection.FieldInfo Field)[] _busCounters =
        Array.ConvertAll(typeof(BusCounters).GetFields(), field => ("bus: " + field.Name, field));
    private static readonly (string Name, System.Reflection.FieldInfo Field)[] _cardCounters =
        Array.ConvertAll(typeof(OhciCounters).GetFields(), field => ("driver: " + field.Name, field));

    private Task[]? _tasks;
    private Streams? _stream;
    private IBusUser? _user;
    private SharedMemory? _offered;
    private ulong _ended;

    // A piece of memory for each transaction, with guards; one that is offered; in few lives somebody who does more; in half of them those that read ROMs and manage the bus.
    protected override void MakeUsers()
    {
        if (_memory == null)
            _memory = (byte*)NativeMemory.AllocZeroed((Tasks + 1) * (TaskBytes + GuardBytes) + 4096);
        new Span<byte>(_memory, (Tasks + 1) * (TaskBytes + GuardBytes)).Fill(Guard);
        _tasks = new Task[Tasks];
        for (int i = 0; i < Tasks; i++)
            _tasks[i] = new Task(this, _memory + i * (TaskBytes + GuardBytes));
        _stream = new Streams();
        _offered = new SharedMemory(Offered, _memory + (Tasks + 1) * (TaskBytes + GuardBytes), 4096);
        Must(_driver!.Bus.Addresses.Add(_offered) == Error.None, "a new bus has no room for a handler");
        int user = _choices.Pick(17, 1, 1, 1);
        bool isManaged = !_choices.OneIn(2) || user == 3;
        var around = new Surroundings(_driver, _card, _machine, _choices, _outcomes, PlugIn, Advance);
        if (isManaged || user == 2)
            _choices.Tell($"nodes are asked who they are, and the bus is managed: {isManaged}");
        RemoteNodes? nodes = isManaged || user == 2 ? new RemoteNodes(_driver.Bus) : null;
        if (isManaged)
            _ = new BusManager(_driver.Bus);
        _user = user switch
        {
            1 => StreamUser.TryMake(around),
            2 => new DiskUser(around, nodes!),
            3 => new IpUser(around, nodes!),
            _ => null,
        };
        // Disks and neighbours are found.
        if (user > 1)
            Advance(2 * Second);
    }

    protected override bool TryOperate()
    {
        switch (_choices.Pick(2, 8, 14, 2, 6, 8, 14, 2, 2, 1, 1, _user == null ? 0 : 16))
        {
            case 0:
                return false;
            case 1:
                AdvanceOneOf([100, 2_000, 50_000, 1_100_000, 6_200_000], 40, 30, 20, 14, 2);
                break;
            case 2:
                SubmitSome();
                break;
            case 3:
                SendStream();
                break;
            case 4:
                ServeSome();
                break;
            case 5:
                _card.Bus.Do(_card.ChooseMisdeed(_choices));
                break;
            case 6:
                Plan();
                break;
            case 7:
                ResetBus();
                break;
            case 8:
                UseBus();
                break;
            case 9:
                Starve();
                break;
            case 11:
                UseUser(_user!);
                break;
            default:
                OpenDoors();
                break;
        }
        return true;
    }

    private void SubmitSome()
    {
        int times = _choices.OneIn(6) ? 1 + _choices.Small(Tasks) : 1, given = 0;
        int node = _choices.Pick(8, 1, 1) switch { 0 => _peer.Phy.PhysicalId, 1 => _driver!.Bus.Topology.Local, _ => _choices.Below(64) };
        ulong offset = _choices.Pick(4, 2, 1) switch { 0 => Offered + (uint)_choices.Below(1 << 12), 1 => Rom.Address, _ => _choices.Word() };
        byte generation = (byte)(_driver!.Bus.Generation + (_choices.OneIn(12) ? 1 : 0));
        int kind = _choices.Below(7), bytes = _choices.Small(TaskBytes + 1);
        foreach (Task task in _tasks!)
        {
            if (task.Transaction.IsUnderWay || given == times)
                continue;
            given++;
            task.Submitted++;
            task.Bytes = bytes;
            Transaction t = task.Transaction;
            t = kind switch
            {
                0 => t.ReadQuadlet(node, generation, offset & ~3ul),
                1 => t.WriteQuadlet(node, generation, offset & ~3ul, 0x1234),
                2 => t.ReadBlock(node, generation, offset, task.Memory, bytes),
                3 => t.WriteBlock(node, generation, offset, task.Memory, bytes),
                4 => t.ReadBlock(node, generation, offset, bytes),
                5 => t.Lock(node, generation, offset & ~3ul, LockOperation.CompareSwap, 1, 2u),
                _ => t.Lock(node, generation, offset & ~7ul, LockOperation.WrapAdd, 1, 2ul),
            };
            Call("submit", () =>
            {
                _driver.Bus.Submit(t);
                return true;
            });
        }
        _choices.Tell($"{given} transactions of kind {kind}, {bytes} bytes, to node {node} at {offset:x}");
    }

    private void SendStream()
    {
        if (_stream!.Packet.IsUnderWay)
            return;
        int bytes = _choices.Small(TaskBytes + 1), channel = _choices.Below(64), tag = _choices.Below(4);
        _choices.Tell($"a stream packet of {bytes} bytes on channel {channel}");
        _stream.Submitted++;
        byte* data = _memory + Tasks * (TaskBytes + GuardBytes);
        _driver!.Bus.Send(_stream.Packet.Fill(_driver.Bus.Generation, channel, tag, 0, BusSpeed.S100, data, Math.Min(bytes, 512)));
    }

    private void UseUser(IBusUser user)
    {
        if (_choices.OneIn(2))
        {
            user.Disturb();
            return;
        }
        Call("a user", () =>
        {
            user.Use();
            return true;
        });
    }

    // Others read, write and lock what we offer, or what we do not.
    private void ServeSome()
    {
        int times = _choices.OneIn(5) ? 1 + _choices.Small(32) : 1, kind = _choices.Below(3), bytes = 1 + _choices.Small(2048);
        ulong offset = _choices.Pick(4, 2, 1) switch { 0 => Offered + (uint)_choices.Below(1 << 12), 1 => BusRegisters.Base + (uint)_choices.Below(1 << 12), _ => _choices.Word() };
        _choices.Tell($"{times} requests of kind {kind}, {bytes} bytes, come at {offset:x}");
        byte[] data = new byte[bytes];
        for (int i = 0; i < times; i++)
        {
            ushort us = (ushort)(0xFFC0 | _card.Controller.Phy.PhysicalId);
            bool isSent = kind switch
            {
                0 => _peer.TryRead(us, offset, bytes, (_, _) => { }),
                1 => _peer.TryWrite(us, offset, data, (_, _) => { }),
                _ => _peer.TryLock(us, offset & ~7ul, Sluice.FireWire.Bus.LockOperation.CompareSwap, new byte[8], (_, _) => { }),
            };
            _outcomes.Add("requests by others", isSent ? 1u : 0);
        }
    }

    private void ResetBus()
    {
        bool isLong = _choices.OneIn(2);
        _choices.Tell($"we reset the bus, long: {isLong}");
        Error error = Call("reset", () => _driver!.Reset(isLong));
        _outcomes.Add($"reset: {error}");
    }

    private void UseBus()
    {
        FireWireBus bus = _driver!.Bus;
        switch (_choices.Below(5))
        {
            case 0:
                int node = _choices.Below(64);
                Call("root", () => bus.MakeRoot(node));
                break;
            case 1:
                bus.RequestReset();
                break;
            case 2:
                bool isMaster = _choices.OneIn(2);
                Call("cycle master", () =>
                {
                    bus.Registers.SetCycleMaster(isMaster);
                    return true;
                });
                break;
            case 3:
                int register = _choices.Below(4);
                Error error = Call("lock", () => _driver.LockRegister(register, 0x3F, 1, out _));
                _outcomes.Add($"lock of our own: {error}");
                break;
            default:
                Call("cycle time", () => _driver.CycleTime);
                break;
        }
    }

    private void OpenDoors()
    {
        ulong nodes = _choices.OneIn(2) ? 0 : 1ul << _choices.Below(64);
        _choices.Tell($"doors: {nodes:x}");
        Call("doors", () => _driver!.OpenNodes = nodes);
    }

    // Each transaction ended once, nothing was written behind what it asked for, and what came in stayed in what we offer.
    protected override void MustAddUp()
    {
        if (_driver!.Abandoned)
            return;
        BusCounters counters = _driver.Bus.Counters;
        Must(_driver.Bus.UnderWay == 0 && counters.Submitted == counters.Finished, "transactions did not end",
            $"{_driver.Bus.UnderWay} under way, {counters.Submitted} submitted, {counters.Finished} finished");
        foreach (Task task in _tasks!)
        {
            Must(!task.Transaction.IsUnderWay && task.Submitted == task.Ended, "a transaction's handler was not called once");
            Must(new ReadOnlySpan<byte>(task.Memory + TaskBytes, GuardBytes).IndexOfAnyExcept(Guard) < 0, "a transaction wrote behind its memory");
        }
        Must(!_stream!.Packet.IsUnderWay && _stream.Submitted == _stream.Ended, "a stream's handler was not called once");
        Must(counters.Served >= _offered!.Counters.Reads + _offered.Counters.Writes + _offered.Counters.Locks, "more was served than asked for");
    }

    protected override void Count()
    {
        object bus = _driver!.Bus.Counters, card = _driver.Counters;
        foreach ((string name, System.Reflection.FieldInfo field) in _busCounters)
            _outcomes.Add(name, Convert.ToUInt64(field.GetValue(bus)));
        foreach ((string name, System.Reflection.FieldInfo field) in _cardCounters)
            _outcomes.Add(name, Convert.ToUInt64(field.GetValue(card)));
        _outcomes.Add("driver: InterruptStorms", _driver.InterruptStorms);
        _outcomes.Add("driver: Abandoned", _driver.Abandoned ? 1u : 0);
        _outcomes.Add("card: writes let through", _card.Bus.Written);
        _outcomes.Add("card: writes refused", _card.Bus.Refused);
        _outcomes.Add("transactions", _ended);
    }

    private sealed class Task : IBlockReader
    {
        private readonly FireWireLife _life;

        public Task(FireWireLife life, byte* memory)
        {
            _life = life;
            Memory = memory;
            Transaction = new Transaction(this);
        }

        public Transaction Transaction { get; }

        public byte* Memory { get; }

        public int Bytes { get; set; }

        public int Submitted { get; set; }

        public int Ended { get; private set; }

        public void OnRead(Transaction transaction, ReadOnlySpan<byte> data)
        {
            Must(transaction.IsUnderWay && data.Length == Bytes, "a block was shown that was not asked for");
            data.CopyTo(new Span<byte>(Memory, TaskBytes));
        }

        public void OnDone(Transaction transaction)
        {
            Ended++;
            _life._ended++;
            _life._outcomes.Add(_results[(int)transaction.Result]);
            // Of a read block that is shorter than its memory, too.
            if (transaction.Result == TransactionResult.Complete && Bytes < TaskBytes)
                Must(new ReadOnlySpan<byte>(Memory + Bytes, TaskBytes - Bytes).IndexOfAnyExcept(Guard) < 0, "a transaction wrote behind what it asked for");
            new Span<byte>(Memory, TaskBytes).Fill(Guard);
        }
    }

    private sealed class Streams : IStreamHandler
    {
        public Streams() => Packet = new StreamPacket(this);

        public StreamPacket Packet { get; }

        public int Submitted { get; set; }

        public int Ended { get; private set; }

        public void OnSent(StreamPacket packet) => Ended++;
    }
}
