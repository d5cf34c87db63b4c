using System;
using System.Buffers.Binary;
using System.Globalization;
using System.Linq;
using Sluice.Drivers.Dv;
using Sluice.Drivers.Video;
using Sluice.FireWire.Bus;
using Sluice.FireWire.Core;
using Sluice.FireWire.Dv;
using Sluice.FireWire.Nodes;
using Xunit;
using DvSystem = Sluice.FireWire.Dv.DvSystem;

namespace Sluice.Tests.FireWire;

/// <summary>A camcorder that may be told to lie.</summary>
internal sealed class TestCamcorder(DvSystem system) : Camcorder(new BusInformation(0xCA3E0A, Sluice.FireWire.Bus.Speed.S400, 10), new DvTape(system))
{
    private const ulong Plug = Csr.Base + 0x904;

    public DvSystem System { get; } = system;

    /// <summary>Makes something else of what its plug says; null: as it is.</summary>
    public Func<uint, uint>? Lie { get; set; }

    /// <summary>Answers nothing, or what this makes of the command; null: as it should.</summary>
    public Func<byte[], byte[][]>? Answer { get; set; }

    /// <summary>What somebody does as soon as a bus reset has begun.</summary>
    public Action? AfterReset { get; set; }

    /// <summary>Commands that it got.</summary>
    public int Commands { get; private set; }

    /// <summary>Somebody's change of its plug, now.</summary>
    public uint Change(Func<uint, uint> change)
    {
        Span<byte> both = stackalloc byte[8], old = stackalloc byte[4];
        base.Read(0, Plug, old);
        uint value = BinaryPrimitives.ReadUInt32BigEndian(old);
        BinaryPrimitives.WriteUInt32BigEndian(both, value);
        BinaryPrimitives.WriteUInt32BigEndian(both[4..], change(value));
        base.LockMemory(0, Plug, Sluice.FireWire.Bus.LockOperation.CompareSwap, both, old);
        return value;
    }

    /// <summary>What it does with a command by itself.</summary>
    public void Do(params byte[] command) => Recorder.TryAnswer(command, new byte[command.Length]);

    public override void ResetStarted()
    {
        base.ResetStarted();
        AfterReset?.Invoke();
    }

    protected override Rcode Read(ushort source, ulong offset, Span<byte> data)
    {
        Rcode code = base.Read(source, offset, data);
        if (Lie != null && offset == Plug)
            BinaryPrimitives.WriteUInt32BigEndian(data, Lie(BinaryPrimitives.ReadUInt32BigEndian(data)));
        return code;
    }

    protected override Rcode LockMemory(ushort source, ulong offset, Sluice.FireWire.Bus.LockOperation operation, ReadOnlySpan<byte> data, Span<byte> old)
    {
        Rcode code = base.LockMemory(source, offset, operation, data, old);
        if (Lie != null && offset == Plug)
            BinaryPrimitives.WriteUInt32BigEndian(old, Lie(BinaryPrimitives.ReadUInt32BigEndian(old)));
        return code;
    }

    protected override Rcode Write(ushort source, ulong offset, ReadOnlySpan<byte> data, Sluice.FireWire.Bus.Speed speed)
    {
        Commands++;
        if (Answer == null)
            return base.Write(source, offset, data, speed);
        foreach (byte[] answer in Answer(data.ToArray()))
            TryWrite(source, Response, answer, (_, _) => { });
        return Rcode.Complete;
    }
}

/// <summary>A machine that sees what a camcorder plays.</summary>
internal sealed class DvMachine : VideoMachine<TestCamcorder>
{
    private readonly byte[] _frame;
    private long _next = -1;

    public DvMachine(string kind, string system = "ntsc") : base(kind, new TestCamcorder(system == "pal" ? DvSystem.Pal : DvSystem.Ntsc))
    {
        _frame = new byte[System.FrameBytes];
        Fcp = new Fcp(Driver.Bus);
        Device = new DvDevice(Driver.Bus, Fcp, Driver.Function.Dma, Machine.Dma.Memory.Pages);
        Assert.True(Sources.TryAdd(Device, Driver));
        Settle();
    }

    public DvSystem System => Theirs.System;

    public Fcp Fcp { get; }

    public DvDevice Device { get; }

    /// <summary>Of drops, what says that something was wrong.</summary>
    public ulong Wrong => Device.Drops is var d ? d.Damaged + d.BadLength + d.BadHeader + d.Foreign + d.Gaps + d.BadBlocks + d.Torn + d.Doubled + d.Incomplete + d.Restarts + d.Unanswered + d.Refused : 0;

    public void Start()
    {
        Assert.True(Device.TryStart());
        Wait(VideoState.Running);
    }

    /// <summary>Which frame it is, as its time code says.</summary>
    public long NumberOf(ReadOnlySpan<byte> frame)
    {
        int[] parts = [.. Enumerable.Range(0, 4).Select(frame.Slice(87, 4).ToArray().Select(part => int.Parse($"{part:x2}", CultureInfo.InvariantCulture)).ElementAt)];
        return ((((parts[3] * 60L) + parts[2]) * 60) + parts[1]) * System.FramesPerSecond + parts[0];
    }

    /// <summary>Takes so many frames: each is one that was played, in order.</summary>
    public void See(int frames, bool isExact = true)
    {
        for (int passed = 0; frames > 0 && passed < 20_000; passed++)
        {
            frames -= Look(frames, isExact);
            Machine.Pass(2_000, 2_000);
        }
        Assert.Equal(0, frames);
    }

    /// <summary>Takes those frames that are there, up to so many, and says how many.</summary>
    public int Look(int most, bool isExact)
    {
        int frames = 0;
        for (; frames < most && Device.TryTake(out VideoFrame frame); frames++)
        {
            long number = NumberOf(frame.Bytes);
            DvFrame.Draw(System, number, _frame);
            Assert.True(frame.Bytes.SequenceEqual(_frame), $"frame {number}");
            Assert.True(isExact && _next >= 0 ? number == _next : number >= _next, $"frame {number} instead of {_next}");
            _next = number + 1;
            Device.GiveBack(frame);
        }
        return frames;
    }
}
