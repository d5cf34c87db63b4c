using System;
using Sluice.Boot;
using Sluice.Drivers.Iidc;
using Sluice.Drivers.Video;
using Sluice.Mm;
using Sluice.Platform;

namespace Sluice.Bench;

/// <summary>
/// What frames of a camera cost: all that the CPU executes from one to the next, its sleep left out, with the hand-overs there and back, as
/// Linux's are measured (linux-peer/firewire.c). 921,600 bytes in 480 packets; nobody looks at the bytes.
/// </summary>
internal static class FireWireIsoBench
{
    private const int Rounds = 60, WarmUp = 4, MostAttempts = 20, Mode = 4, Rate = 3;
    private const ulong Look = 100_000, Patience = 30_000_000;

    /// <summary>Measures the first camera of the first controller, if there is one.</summary>
    public static void Measure(ref Run run)
    {
        if (FireWireStart.Cards.Length == 0 || !(run.Wants("firewire-iso-receive-frame"u8) || run.Wants("firewire-iso-receive-packet"u8)) || !TryStart(out Camera? camera))
            return;
        See(camera!, WarmUp);
        // Frames come in real time: where the CPU is emulated too slowly for some, what was counted is not what is asked for, and it is done again.
        ulong ticks = 0;
        bool isWhole = false;
        for (int attempt = 0; attempt < MostAttempts && !isWhole; attempt++)
        {
            ulong lost = Losses(camera!), taken = TakenPages(), idle = Machine.IdleTicks, start = Cpu.Timestamp();
            See(camera!, Rounds);
            ticks = Cpu.Timestamp() - start - (Machine.IdleTicks - idle);
            Bug.If(TakenPages() != taken, "frames allocated memory"u8);
            isWhole = Losses(camera!) == lost;
        }
        Bug.If(!isWhole, "frames were lost whenever they were counted"u8);
        camera!.Stop();
        while (camera.State == VideoState.Stopping)
            WorkLoop.Turn(Deadline.In(Look));
        run.Report("firewire-iso-receive-frame"u8, ticks, Rounds);
        run.Report("firewire-iso-receive-packet"u8, ticks, Rounds * VideoMode.Packets(Rate));
    }

    private static bool TryStart(out Camera? camera)
    {
        camera = null;
        foreach (VideoSource one in FireWireStart.Cards[0].Videos.All)
            camera ??= one as Camera;
        Deadline end = Deadline.In(Patience);
        while (camera != null && camera.State != VideoState.Running && !end.Passed)
        {
            camera.TryStart(Mode, Rate);
            WorkLoop.Turn(Deadline.In(Look));
        }
        return camera != null && camera.State == VideoState.Running;
    }

    private static ulong Losses(Camera camera) => camera.Counters.Skipped + camera.Drops.Cut + camera.Drops.Gaps;

    private static ulong TakenPages()
    {
        ulong taken = 0;
        foreach (Zone zone in (ReadOnlySpan<Zone>)[Zone.Dma, Zone.Dma32, Zone.Normal])
            taken += Pages.Allocator.Report(zone).Taken;
        return taken;
    }

    private static void See(Camera camera, int frames)
    {
        while (frames != 0 && camera.State == VideoState.Running)
        {
            WorkLoop.Turn(Deadline.Never);
            while (frames != 0 && camera.TryTake(out VideoFrame frame))
            {
                camera.GiveBack(frame);
                frames--;
            }
        }
    }
}
