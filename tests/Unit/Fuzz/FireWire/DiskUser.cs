using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Sluice.Block;
using Sluice.Dma;
using Sluice.Drivers.Sbp2;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Sbp2;
using Sluice.Mm;
using Sluice.Platform;
using DiskDriver = Sluice.Drivers.Sbp2.Sbp2Disk;
using ModelDisk = Sluice.FireWire.Sbp2.Sbp2Disk;

namespace Sluice.Tests.Fuzz.FireWire;

/// <summary>Somebody who reads and writes a disk, which says more than it should.</summary>
internal sealed class DiskUser : IBusUser, IBlockHandler
{
    private const int Requests = 6, MostBlocks = 24, ImageBlocks = 256, Pieces = 32;
    private const ulong StatusAt = 0x80, WindowBytes = 0x100;

    // Its one unit has no neighbours that could shut it out.
    private static readonly (string Name, System.Reflection.FieldInfo Field)[] _counters =
        Array.ConvertAll(Array.FindAll(typeof(Sbp2Counters).GetFields(), field => field.Name != nameof(Sbp2Counters.ShutOut)), field => ("disk: " + field.Name, field));
    private static readonly string[] _results = Array.ConvertAll(Enum.GetNames<BlockResult>(), name => "disk: requests " + name);

    private readonly Surroundings _around;
    private readonly Choices _choices;
    private readonly ModelDisk _disk = new(new BusInformation(0xD15C, MaxRecord: 10), new DiskImage(ImageBlocks * DiskImage.BlockBytes));
    private readonly DiskDriver _ours;
    private readonly BlockRequest[] _requests = new BlockRequest[Requests];

    // Of each request, where its pages are.
    private readonly List<ulong>[] _pages = new List<ulong>[Requests];
    private byte[]? _lastRead;
    private int _submitted, _ended;

    public DiskUser(Surroundings around, RemoteNodes nodes)
    {
        (_around, _choices) = (around, around.Choices);
        _choices.Tell("somebody has a disk");
        _ours = new Sbp2Initiator(around.Driver.Bus, nodes, around.Driver, around.Dma).Disks[0];
        for (int i = 0; i < Requests; i++)
            (_requests[i], _pages[i]) = (new BlockRequest(this), []);
        around.Plug(_disk);
    }

    /// <summary>Has what lists of requests are made of grow, as it does once.</summary>
    public static void Grow(DmaDevice dma)
    {
        var lists = new ScatterList[Requests];
        for (int i = 0; i < Requests; i++)
            dma.TryMakeScatterList(Pieces, Pieces, out lists[i]).Ignore("it will fail again, and be seen"u8);
        for (int i = 0; i < Requests; i++)
        {
            if (!lists[i].IsEmpty)
                lists[i].Free();
        }
    }

    /// <inheritdoc/>
    public void Use()
    {
        switch (_choices.Pick(20, 2, 1))
        {
            case 0:
                for (int times = 1 + _choices.Small(Requests); times > 0; times--)
                    Submit(_choices.OneIn(2), _choices.OneIn(12) ? _choices.Word() : (ulong)_choices.Below(ImageBlocks - MostBlocks), 1 + (uint)_choices.Small(MostBlocks), _choices.OneIn(20) ? 4 * (1 + _choices.Small(4096)) : 0);
                break;
            case 1:
                if (Idle is { } request)
                {
                    _submitted++;
                    _ours.Submit(request.Flush());
                }
                break;
            default:
                _choices.Tell("it is ejected");
                _ours.Eject();
                break;
        }
    }

    /// <summary>The disk writes where it may say how commands ended, and beside it.</summary>
    public void Disturb()
    {
        ulong at = _choices.Pick(6, 1) == 0 ? StatusAt : (ulong)_choices.Below((int)WindowBytes);
        byte[] status = new byte[_choices.Pick(6, 1) == 0 ? 8 * (1 + _choices.Below(4)) : 4 * (1 + _choices.Below(16))];
        _choices.Fill(status);
        // Where it came from 31:30, response 29:28, dead 27, length 26:24, what it is 23:16; then of which ORB, often one of the last.
        if (_choices.OneIn(2))
        {
            BinaryPrimitives.WriteUInt32BigEndian(status, (uint)_choices.Below(4) << 30 | (uint)_choices.Below(16) << 24 | (uint)_choices.Small(256) << 16);
            if (status.Length >= 8 && _around.Card.LastOrb is { } orb)
                BinaryPrimitives.WriteUInt32BigEndian(status.AsSpan(4), (uint)orb);
        }
        _choices.Tell($"the disk writes {Convert.ToHexString(status)} to its window at {at:x}");
        _disk.TryWrite(_around.Us, Sbp2Initiator.Windows + at, status, (_, _) => { });
    }

    /// <inheritdoc/>
    public void MustWork()
    {
        for (int i = 0; i < 60 && (_ours.State != DiskState.Ready || Idle == null); i++)
            _around.Advance(500_000);
        Surroundings.Must(_ours.State == DiskState.Ready, "a good disk is not used", $"{_ours.State}");
        BlockRequest request = Idle!;
        _lastRead = null;
        Submit(isWrite: false, 3, 9);
        for (int i = 0; i < 20 && request.IsUnderWay; i++)
            _around.Advance(500_000);
        byte[] there = new byte[9 * DiskImage.BlockBytes];
        _disk.Unit.Image.TryRead(3, there);
        Surroundings.Must(request.Result == BlockResult.Complete && _lastRead.AsSpan().SequenceEqual(there), "a good disk is not read", $"{request.Result}");
        _around.Outcomes.Add("disk: reads after all");
    }

    /// <inheritdoc/>
    public void End()
    {
        Surroundings.Must(_submitted == _ended && Array.TrueForAll(_requests, request => !request.IsUnderWay), "a disk's request did not end once", $"{_submitted} submitted, {_ended} ended");
        Surroundings.Must(_ours.UnderWay == 0, "a disk that is gone has commands", $"{_ours.UnderWay}");
        object counters = _ours.Counters;
        foreach ((string name, System.Reflection.FieldInfo field) in _counters)
            _around.Outcomes.Add(name, Convert.ToUInt64(field.GetValue(counters)));
    }

    void IBlockHandler.OnDone(BlockRequest request)
    {
        _ended++;
        _around.Outcomes.Add(_results[(int)request.Result]);
        ScatterList list = request.TakeData();
        if (list.IsEmpty)
            return;
        _lastRead = new byte[list.Bytes];
        for ((int i, int at) = (0, 0); i < list.Count; at += list[i++].Length)
            list[i].CopyTo(_lastRead.AsSpan(at));
        _around.Machine.Hidden.Remove(TableOf(list));
        list.Free();
        _around.Machine.Lent.ExceptWith(_pages[Array.IndexOf(_requests, request)]);
    }

    private BlockRequest? Idle => Array.Find(_requests, request => !request.IsUnderWay);

    private static unsafe ulong TableOf(in ScatterList list) => PhysicalMemory.Of((byte*)list.Table).Value & ~(PhysAddr.PageSize - 1);

    private void Submit(bool isWrite, ulong first, uint count, int bytes = 0)
    {
        bytes = bytes == 0 ? (int)count * DiskImage.BlockBytes : bytes;
        if (Idle is not { } request || _around.Dma.TryMakeScatterList(Pieces, Pieces, out ScatterList list) != Error.None)
            return;
        List<ulong> pages = _pages[Array.IndexOf(_requests, request)];
        pages.Clear();
        for (int left = bytes; left > 0;)
        {
            int offset = _choices.Small(512), here = Math.Min(left, (int)PhysAddr.PageSize - offset);
            if (!_around.Machine.Dma.Memory.Pages.TryTake(0, Zone.Any, OwnerTag.None, out PageRun run))
                break;
            run.Memory.Clear();
            pages.Add(run.Start.Value);
            Surroundings.Must(list.TryAdd(ref run, (uint)offset, (uint)here) == Error.None, "a list has no room");
            left -= here;
        }
        _around.Machine.Lent.UnionWith(pages);
        _around.Machine.Hidden.Add(TableOf(list));
        _choices.Tell($"{count} blocks are {(isWrite ? "written" : "read")} at {first}, {list.Bytes} bytes");
        _submitted++;
        _ours.Submit(isWrite ? request.Write(first, count, ref list) : request.Read(first, count, ref list));
    }
}
