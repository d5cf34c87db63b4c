using System;
using Sluice.Boot;
using Sluice.Console;
using Sluice.Drivers.Iidc;
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

    /// <summary><c>camera [FRAMES [MODE [RATE]]]</c>: without a number, until a key.</summary>
    public static bool Run(CommandWords words)
    {
        ulong frames = 0, mode = VideoMode.Modes, rate = DefaultRate;
        if (!TryReadNumber(ref words, int.MaxValue, ref frames) || !TryReadNumber(ref words, VideoMode.Modes - 1, ref mode)
            || !TryReadNumber(ref words, VideoMode.Rates - 1, ref rate) || words.TryNext(out _))
            return false;
        Camera? camera = null;
        foreach (Camera one in FireWireStart.Cards[0].Cameras.All)
        {
            if (camera == null && one.State == CameraState.Idle)
                camera = one;
        }
        if (camera == null)
            Terminal.WriteLine($"  no camera is there, or none is known yet");
        else if (TryStart(camera, (int)mode, (int)rate))
            Show(camera, frames);
        else
            Terminal.WriteLine($"  camera {new GuidText(camera.Guid)}: {NameOf(camera.End)}");
        return true;
    }

    private static bool TryReadNumber(ref CommandWords words, ulong most, ref ulong number) =>
        !words.TryNext(out ReadOnlySpan<byte> word) || (NumberParse.TryParse(word, out number) && number <= most);

    private static bool TryStart(Camera camera, int mode, int rate)
    {
        if (mode < VideoMode.Modes)
            return TryStartOne(camera, mode, rate);
        foreach (byte preferred in Preferred)
        {
            if (TryStartOne(camera, preferred, rate))
                return true;
            if (camera.End != CameraEnd.NoSuchMode)
                break;
        }
        return false;
    }

    private static bool TryStartOne(Camera camera, int mode, int rate)
    {
        if (camera.TryStart(mode, rate))
            WaitWhile(camera, CameraState.Starting);
        WaitWhile(camera, CameraState.Stopping);
        return camera.State == CameraState.Running;
    }

    // The camera bounds it.
    private static void WaitWhile(Camera camera, CameraState state)
    {
        while (camera.State == state)
            WorkLoop.Turn(Deadline.In(Look));
    }

    private static void Show(Camera camera, ulong most)
    {
        VideoMode mode = camera.Mode;
        int milli = 1875 << camera.Rate;
        Terminal.WriteLine($"  camera {new GuidText(camera.Guid)}: {mode.Width} x {mode.Height}, {NameOf(mode.Coding)}, {milli / 1000}.{milli % 1000:d3} frames/s on channel {camera.Channel} (any key ends it)");
        PictureView view = new(Terminal.Screen, mode.Width, mode.Height);
        ulong seen = 0, began = 0, last = 0;
        uint begins = 0;
        Span<byte> hash = stackalloc byte[Sha256.HashBytes];
        while (camera.State is CameraState.Starting or CameraState.Running && (most == 0 || seen < most) && !IsKeyPressed())
        {
            WorkLoop.Turn(Deadline.In(Look));
            while (camera.TryTake(out IsoReceiveBuffer? frame))
            {
                last = Clock.Microseconds;
                began = seen == 0 ? last : began;
                seen++;
                view.Draw(mode.Coding, frame!.Bytes);
                if (seen == most)
                {
                    begins = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(frame.Bytes);
                    Sha256 sum = default;
                    sum.Start();
                    sum.Add(frame.Bytes);
                    sum.Finish(hash);
                }
                camera.GiveBack(frame);
                if (seen == most)
                    break;
            }
        }
        camera.Stop();
        WaitWhile(camera, CameraState.Stopping);
        view.Close();
        Report(camera, seen, last - began);
        if (seen == 0 || seen != most)
            return;
        Terminal.Write($"  the last begins with {begins:x8}, SHA-256 ");
        foreach (byte value in hash)
            Terminal.Write($"{value:x2}");
        Terminal.WriteLine($"");
    }

    private static void Report(Camera camera, ulong seen, ulong microseconds)
    {
        CameraCounters c = camera.Counters;
        ulong tenths = seen > 1 && microseconds != 0 ? (seen - 1) * 10_000_000 / microseconds : 0;
        if (camera.End != CameraEnd.Stopped)
            Terminal.WriteLine($"  ended: {NameOf(camera.End)}");
        Terminal.WriteLine($"  {seen} frames seen, {tenths / 10}.{tenths % 10} a second; {c.Frames} whole, skipped {c.Skipped}; empty cycles {c.Gaps}; dropped: damaged {c.Damaged}, short {c.Short}, long {c.Long}, cut {c.Cut}, crowded {c.Crowded}; bus resets {c.Resets}, channels lost {c.Lost}");
    }

    private static bool IsKeyPressed()
    {
        bool isPressed = false;
        while (Terminal.TryRead(out _))
            isPressed = true;
        return isPressed;
    }

    private static ReadOnlySpan<byte> NameOf(PixelCoding coding) => NameList.At("YUV 4:4:4\nYUV 4:2:2\nYUV 4:1:1\nRGB\ngrey, 8 bits\ngrey, 16 bits\n"u8, (int)coding);

    private static ReadOnlySpan<byte> NameOf(CameraEnd end) => NameList.At(
        "stopped\nno such mode or rate\nno channel or bandwidth\nno memory\nit refused\nit is silent or gone\nthe controller failed\n"u8, (int)end);
}
