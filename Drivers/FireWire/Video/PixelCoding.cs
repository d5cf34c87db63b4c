namespace Sluice.Drivers.Video;

/// <summary>How pixels lie in a picture. Source: IIDC 1.31 (1394 Trade Association, TS 2003017), section 2.1.3.</summary>
public enum PixelCoding : byte
{
    /// <summary>U, Y, V.</summary>
    Yuv444,

    /// <summary>U, Y, V, Y of two pixels.</summary>
    Yuv422,

    /// <summary>U, Y, Y, V, Y, Y of four pixels.</summary>
    Yuv411,

    /// <summary>R, G, B.</summary>
    Rgb8,

    /// <summary>Y.</summary>
    Mono8,

    /// <summary>Y of 16 bits, the upper byte first.</summary>
    Mono16,
}
