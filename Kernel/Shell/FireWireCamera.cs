using System;
using System.Buffers.Binary;
using Sluice.Boot;
using Sluice.Console;
using Sluice.Drivers.Dv;
using Sluice.Drivers.Iidc;
using Sluice.Drivers.Video;
using Sluice.FireWire.Core;
using Sluice.Net;
using Sluice.Platform;
using Sluice.Runtime;

namespace Sluice.Shell;

/// <summary>FireWire's cameras: frames on the screen, as they come, until a key is pressed or so many were seen.</summary>
internal static class FireWireCamera
{
    private const ulong Look = 100_000;
    private const int DefaultRate = 3;

    // Color first, and what most cameras have.
    private static ReadOnlySpan<byte> Preferred => [3, 2, 1, 4, 5, 6, 0];

    /// <summary><c>camera [@NODE] [FRAMES [MODE [RATE]]]</c>: the first that is there, or that node; without a number, until a key.</summary>
    public static bool Run(CommandWords words)
    {
        ulong node = Topology.MostNodes, frames = 0, mode = VideoMode.Modes, rate = DefaultRate;
        CommandWords after = words;
        if (after.TryNext(out ReadOnlySpan<byte> first) && first[0] == (byte)'@')
        {
            if (!NumberParse.TryParse(first.Slice(1), out node) || node >= Topology.MostNodes)
                return false;
            words = after;
        }
        if (!TryReadNumber(ref words, int.MaxValue, ref frames) || !TryReadNumber(ref words, VideoMode.Modes - 1, ref mode)
            || !TryReadNumber(ref words, VideoMode.Rates - 1, ref rate) || words.TryNext(out _))
            return false;
        VideoSource? source = null;
        foreach (VideoSource one in FireWireStart.Cards[0].Videos.All)
        {
            if (source == null && one.State == VideoState.Idle && (node == Topology.MostNodes || one.Node == (int)node))
                source = one;
        }
        if (source == null)
            Terminal.WriteLine($"  no camera is there, or none is known yet");
        else if (TryStart(source, (int)mode, (int)rate))
            Show(source, frames);
        else
            Terminal.WriteLine($"  camera {new GuidText(source.Guid)}: {NameOf(source.End)}");
        return true;
    }

    private static bool TryReadNumber(ref CommandWords words, ulong most, ref ulong number) =>
        !words.TryNext(out ReadOnlySpan<byte> word) || (NumberParse.TryParse(word, out number) && number <= most);

    private static bool TryStart(VideoSource source, int mode, int rate)
    {
        if (source is DvDevice device)
            return IsRunning(device, device.TryStart());
        var camera = (Camera)source;
        if (mode < VideoMode.Modes)
            return IsRunning(camera, camera.TryStart(mode, rate));
        foreach (byte preferred in Preferred)
        {
            if (IsRunning(camera, camera.TryStart(preferred, rate)))
                return true;
            if (camera.End != VideoEnd.NoSuchMode)
                break;
        }
        return false;
    }

    // Waits for what comes of a start; the source bounds it.
    private static bool IsRunning(VideoSource source, bool isBegun)
    {
        if (isBegun)
            WaitWhile(source, VideoState.Starting);
        WaitWhile(source, VideoState.Stopping);
        return source.State == VideoState.Running;
    }

    private static void WaitWhile(VideoSource source, VideoState state)
    {
        while (source.State == state)
            WorkLoop.Turn(Deadline.In(Look));
    }

    private static void Show(VideoSource source, ulong most)
    {
        Terminal.Write($"  camera {new GuidText(source.Guid)}: ");
        if (source is Camera camera)
        {
            int milli = 1875 << camera.Rate;
            Terminal.Write($"{camera.VideoMode.Width} x {camera.VideoMode.Height}, {NameOf(camera.VideoMode.Coding)}, {milli / 1000}.{milli % 1000:d3} frames/s");
        }
        else
        {
            Terminal.Write($"DV");
        }
        Terminal.WriteLine($" on channel {source.Channel} (any key ends it)");
        PictureView view = default;
        ulong seen = 0, began = 0, last = 0;
        uint begins = 0;
        Span<byte> hash = stackalloc byte[Sha256.HashBytes];
        while (source.State is VideoState.Starting or VideoState.Running && (most == 0 || seen < most) && !IsKeyPressed())
        {
            WorkLoop.Turn(Deadline.In(Look));
            while (source.TryTake(out VideoFrame frame))
            {
                last = Clock.Microseconds;
                began = seen == 0 ? last : began;
                seen++;
                VideoPicture picture = source.PictureOf(frame);
                if (!view.IsFor(picture))
                    view = new PictureView(Terminal.Screen, picture.Width, picture.Height);
                view.Draw(picture);
                if (seen == most)
                {
                    begins = BinaryPrimitives.ReadUInt32BigEndian(frame.Bytes);
                    Sha256 sum = default;
                    sum.Start();
                    sum.Add(frame.Bytes);
                    sum.Finish(hash);
                }
                source.GiveBack(frame);
                if (seen == most)
                    break;
            }
        }
        source.Stop();
        WaitWhile(source, VideoState.Stopping);
        view.Close();
        Report(source, seen, last - began);
        if (seen == 0 || seen != most)
            return;
        Terminal.Write($"  the last begins with {begins:x8}, SHA-256 ");
        foreach (byte value in hash)
            Terminal.Write($"{value:x2}");
        Terminal.WriteLine($"");
    }

    private static void Report(VideoSource source, ulong seen, ulong microseconds)
    {
        VideoCounters c = source.Counters;
        ulong tenths = seen > 1 && microseconds != 0 ? (seen - 1) * 10_000_000 / microseconds : 0;
        if (source.End != VideoEnd.Stopped)
            Terminal.WriteLine($"  ended: {NameOf(source.End)}");
        Terminal.Write($"  {seen} frames seen, {tenths / 10}.{tenths % 10} a second; {c.Frames} whole, skipped {c.Skipped}; bus resets {c.Resets}, channels lost {c.Lost}; ");
        if (source is Camera camera)
            Report(camera.Drops);
        else if (source is DvDevice device)
            Report(device.Drops);
    }

    private static void Report(in DvCounters c)
    {
        Terminal.WriteLine($"packets {c.Packets}, empty {c.Empty}, gaps {c.Gaps}; dropped: torn {c.Torn}, doubled {c.Doubled}, incomplete {c.Incomplete}");
        Terminal.WriteLine($"  bad packets: damaged {c.Damaged}, length {c.BadLength}, header {c.BadHeader}, of others {c.Foreign}, blocks {c.BadBlocks}; begun anew {c.Restarts}; commands: no answer {c.Unanswered}, refused {c.Refused}");
    }

    private static void Report(in CameraCounters c) =>
        Terminal.WriteLine($"empty cycles {c.Gaps}; dropped: damaged {c.Damaged}, short {c.Short}, long {c.Long}, cut {c.Cut}, crowded {c.Crowded}");

    private static bool IsKeyPressed()
    {
        bool isPressed = false;
        while (Terminal.TryRead(out _))
            isPressed = true;
        return isPressed;
    }

    private static ReadOnlySpan<byte> NameOf(PixelCoding coding) => NameList.At("YUV 4:4:4\nYUV 4:2:2\nYUV 4:1:1\nRGB\ngrey, 8 bits\ngrey, 16 bits\n"u8, (int)coding);

    private static ReadOnlySpan<byte> NameOf(VideoEnd end) => NameList.At(
        "stopped\nno such mode or rate\nno channel or bandwidth\nno memory\nit refused\nit is silent or gone\nthe controller failed\n"u8, (int)end);
}
