namespace Sluice.Console;

/// <summary>
/// The 256 colours of a terminal: 16 named ones, a cube of 6 x 6 x 6, and 24 greys. Source: xterm's control sequences, "SGR 38:5".
/// Pure: hosted tests compile this file, too.
/// </summary>
internal static class Palette
{
    public const byte Black = 0, Red = 1, Green = 2, Yellow = 3, Blue = 4, Magenta = 5, Cyan = 6, White = 7, Grey = 8, BrightWhite = 15;

    /// <summary>What text without a colour gets.</summary>
    public const byte Foreground = White, Background = Black;

    private const int CubeStart = 16, GreyStart = 232;

    /// <summary>A colour as 0xRRGGBB.</summary>
    public static uint Rgb(byte index)
    {
        if (index < CubeStart)
            return Named(index);
        if (index >= GreyStart)
            return (8 + 10 * (uint)(index - GreyStart)) * 0x01_01_01;
        uint cube = (uint)(index - CubeStart);
        return Level(cube / 36) << 16 | Level(cube / 6 % 6) << 8 | Level(cube % 6);
    }

    /// <summary>The colour of the cube that comes closest.</summary>
    public static byte Nearest(int red, int green, int blue) => (byte)(CubeStart + 36 * Step(red) + 6 * Step(green) + Step(blue));

    // Colours that go together on a dark ground; each bright one is told from its plain one at a glance.
    private static uint Named(int index) => index switch
    {
        0 => 0x11151C,
        1 => 0xD9534F,
        2 => 0x7FB55A,
        3 => 0xD9A441,
        4 => 0x4F8FD0,
        5 => 0xB071C4,
        6 => 0x45A9B0,
        7 => 0xC8CCD4,
        8 => 0x6B7484,
        9 => 0xFF7B72,
        10 => 0xA5D97C,
        11 => 0xF5CC6A,
        12 => 0x79B8FF,
        13 => 0xD7A3E8,
        14 => 0x70D0D8,
        _ => 0xFFFFFF,
    };

    private static uint Level(uint step) => step == 0 ? 0 : 55 + 40 * step;

    private static int Step(int value) => value < 48 ? 0 : value < 115 ? 1 : value >= 255 ? 5 : (value - 35) / 40;
}
