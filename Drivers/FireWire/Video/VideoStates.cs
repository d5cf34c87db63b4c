using System;

namespace Sluice.Drivers.Video;

/// <summary>What a source of video is doing.</summary>
public enum VideoState : byte
{
    /// <summary>There is none.</summary>
    Absent,
    Idle,

    /// <summary>It is asked what it can, and told what to send.</summary>
    Starting,
    Running,

    /// <summary>It is told to stop.</summary>
    Stopping,
}

/// <summary>Why a source does not send.</summary>
public enum VideoEnd : byte
{
    /// <summary>It was told to stop.</summary>
    Stopped,

    /// <summary>It has no such mode or rate, or sends something else, or the way to it is too slow.</summary>
    NoSuchMode,

    /// <summary>No channel or no bandwidth is left, nobody keeps them, or they were lost after a bus reset.</summary>
    NoResources,
    NoMemory,

    /// <summary>It answered with an error, or not at all.</summary>
    Refused,

    /// <summary>Nothing came for ten seconds, or it was not found again after a bus reset.</summary>
    Silent,

    /// <summary>The controller does not receive any more.</summary>
    ControllerFailed,
}

/// <summary>What happened to a source's frames since it was started.</summary>
public struct VideoCounters
{
    /// <summary>Frames that were whole; of these, those that nobody took before the next ones needed their memory.</summary>
    public ulong Frames, Skipped;

    /// <summary>Starts that were tried again after a bus reset; channels and bandwidth that were lost.</summary>
    public ulong Resets, Lost;
}

/// <summary>A picture: lines of pixels, one behind the other.</summary>
public readonly ref struct VideoPicture(int width, int height, PixelCoding coding, ReadOnlySpan<byte> bytes)
{
    public readonly ReadOnlySpan<byte> Bytes = bytes;
    public readonly int Width = width, Height = height;
    public readonly PixelCoding Coding = coding;
}

/// <summary>A frame that was taken.</summary>
public readonly ref struct VideoFrame
{
    internal readonly int Place;

    internal VideoFrame(int place, ReadOnlySpan<byte> bytes)
    {
        Place = place;
        Bytes = bytes;
    }

    /// <summary>All of it, as it was sent.</summary>
    public ReadOnlySpan<byte> Bytes { get; }
}
