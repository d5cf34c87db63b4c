using System;
using Sluice.Drivers.Ohci;
using Sluice.Drivers.Video;
using Sluice.FireWire.Core;
using Sluice.FireWire.Nodes;
using Sluice.FireWire.Ohci;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>A machine with a place for a source of video, the source, and somebody else who can talk.</summary>
/// <typeparam name="TNode">The source on the bus.</typeparam>
internal abstract class VideoMachine<TNode> : IDisposable where TNode : Node
{
    protected VideoMachine(string kind, TNode theirs)
    {
        Theirs = theirs;
        Machine = new OhciMachine(kind);
        Machine.Add(Theirs);
        Machine.Add(Talker);
        Theirs.Phy.IsContender = Talker.Phy.IsContender = false;
        Driver = Machine.Probe();
        Nodes = new RemoteNodes(Driver.Bus);
        Manager = new BusManager(Driver.Bus);
        Sources = new VideoSources(Driver.Bus, Nodes);
    }

    public OhciMachine Machine { get; }

    public TNode Theirs { get; }

    public Talker Talker { get; } = new();

    public Ohci Driver { get; }

    public RemoteNodes Nodes { get; }

    public BusManager Manager { get; }

    public VideoSources Sources { get; }

    public VideoSource Source => Sources.All[0];

    public void Wait(VideoState state, int microseconds = 15_000_000)
    {
        for (int passed = 0; passed < microseconds && Source.State != state; passed += 10_000)
            Machine.Pass(10_000, 2_000);
        Assert.Equal(state, Source.State);
    }

    public void Reset(bool isLong)
    {
        Machine.Phy.InitiateReset(isLong);
        Machine.Pass(1_000);
    }

    /// <summary>Stops it: channels and bandwidth are there again, and nothing leaks.</summary>
    public void End()
    {
        Source.Stop();
        Wait(VideoState.Idle);
        Machine.Pass(100_000);
        Assert.Equal(Error.None, Driver.LockRegister(1, 0, 0, out uint bandwidth));
        Assert.Equal(Error.None, Driver.LockRegister(2, 0, 0, out uint channels));
        // Channel 31 is everybody's.
        Assert.Equal((-1, IsoResources.AllBandwidth, 0xFFFF_FFFE), (Source.Channel, bandwidth, channels));
        Machine.CheckNothingLeaks(Driver);
    }

    /// <summary>The controller becomes so while frames come: the source ends, and nothing leaks.</summary>
    public void MustGiveAllBack(OhciFaults fault)
    {
        Machine.Controller.Faults = fault;
        if (fault == OhciFaults.StuckContext)
            Source.Stop();
        Machine.Pass(30_000_000, 10_000);
        Assert.True(Source.State is VideoState.Absent or VideoState.Idle, $"{fault}: {Source.State}");
        Machine.CheckNothingLeaks(Driver);
    }

    public void Dispose() => Machine.Dispose();

    /// <summary>Once the place is there: the source is found, and the manager has made of the bus what it wants.</summary>
    protected void Settle()
    {
        Machine.Phy.InitiateReset(isLong: false);
        Wait(VideoState.Idle);
        Machine.Pass(4_000_000, 10_000);
    }
}
