using System;
using System.Collections.Generic;

namespace Sluice.FireWire.Dv;

/// <summary>
/// The picture of drawn frames: eight bars of 96 pixels (the last has 48), white, yellow, cyan, green, magenta, red, blue, black, in the lower third from
/// black to white; each block of 8 by 8 pixels has a luminance of its own, a little off its bar's, that goes on with each frame.
/// </summary>
public static class TestBars
{
    /// <summary>What of red, green and blue is on, and off, of 255.</summary>
    public const int On = 215, Off = 40;

    private const int BlockPixels = 8, BarBlocks = 12, Bars = 8, Textures = 17;

    private static readonly Lazy<Macroblock[]> _ntsc = new(() => Walk(DvSystem.Ntsc)), _pal = new(() => Walk(DvSystem.Pal));

    /// <summary>A block's luminance, 16 to 235.</summary>
    /// <param name="x">In blocks, from the left.</param>
    /// <param name="y">In blocks, from above.</param>
    /// <param name="number">Of the frame.</param>
    public static int Luminance(DvSystem system, long number, int x, int y)
    {
        (double red, double green, double blue) = ColorOf(system, x, y);
        return Level(Brightness(red, green, blue), 219, 16) + (int)(((x * 3) + (y * 5) + number) % Textures) - (Textures / 2);
    }

    /// <summary>Its differences: blue and red, 16 to 240.</summary>
    public static (int Blue, int Red) Differences(DvSystem system, int x, int y)
    {
        (double red, double green, double blue) = ColorOf(system, x, y);
        double brightness = Brightness(red, green, blue);
        return (Level((blue - brightness) / 1.772, 224, 128), Level((red - brightness) / 1.402, 224, 128));
    }

    /// <summary>Which bar there is: 0 is white.</summary>
    public static int BarAt(DvSystem system, int x, int y)
    {
        int bar = Math.Min(x / BarBlocks, Bars - 1);
        return y < Lines(system) / BlockPixels * 2 / 3 ? bar : Bars - 1 - bar;
    }

    /// <summary>Lines of a system's picture.</summary>
    public static int Lines(DvSystem system) => system == DvSystem.Pal ? 576 : 480;

    /// <summary>The upper left block of a compressed macroblock, and whether it has two by two blocks, not four in a row.</summary>
    internal static Macroblock PlaceOf(DvSystem system, int sequence, int index) => (system == DvSystem.Pal ? _pal : _ntsc).Value[(sequence * 135) + index];

    // Source: ITU-R BT.601. Bars count down in green, red, blue.
    private static (double Red, double Green, double Blue) ColorOf(DvSystem system, int x, int y)
    {
        int bits = 7 - BarAt(system, x, y);
        return (Channel(bits & 2), Channel(bits & 4), Channel(bits & 1));
    }

    private static double Channel(int bit) => (bit != 0 ? On : Off) / 255.0;

    private static double Brightness(double red, double green, double blue) => (0.299 * red) + (0.587 * green) + (0.114 * blue);

    private static int Level(double value, int range, int zero) => (int)Math.Round(zero + (value * range));

    // A pen goes down and up through each superblock; where it is, the next macroblock is. Source: IEC 61834-2, figures of the superblocks and
    // table of the video segments.
    private static Macroblock[] Walk(DvSystem system)
    {
        var places = new Macroblock[system.Sequences * 135];
        for (int row = 0; row < system.Sequences; row++)
        {
            for (int column = 0; column < 5; column++)
            {
                // Which of a segment's five this column gives, and how many sequences before its row the segment is.
                (int which, int before) = column switch { 0 => (3, 0), 1 => (1, 6), 2 => (0, 2), 3 => (2, 8), _ => (4, 4) };
                int sequence = (row - before + system.Sequences) % system.Sequences, segment = 0;
                foreach (Macroblock place in system == DvSystem.Pal ? Tall(row, column) : Wide(row, column))
                    places[(sequence * 135) + (segment++ * 5) + which] = place;
            }
        }
        return places;
    }

    // 625/50: nine columns of three, each 16 by 16 pixels.
    private static IEnumerable<Macroblock> Tall(int row, int column)
    {
        for (int i = 0; i < 9; i++)
        {
            for (int j = 0; j < 3; j++)
                yield return new Macroblock(((column * 9) + i) * 2, ((row * 3) + (i % 2 == 0 ? j : 2 - j)) * 2, true);
        }
    }

    // 525/60: four columns and a half of six, each 32 by 8 pixels; two superblocks share a column, and the last half column is 16 by 16.
    private static IEnumerable<Macroblock> Wide(int row, int column)
    {
        int x = column * 9 / 2;
        if (column % 2 != 0)
        {
            for (int j = 3; j < 6; j++)
                yield return new Macroblock(x * 4, (row * 6) + j, false);
            x++;
        }
        bool isUp = column % 2 != 0;
        for (int i = 0; i < 4; i++, x++, isUp = !isUp)
        {
            for (int j = 0; j < 6; j++)
                yield return new Macroblock(x * 4, (row * 6) + (isUp ? 5 - j : j), false);
        }
        for (int j = 0; column % 2 == 0 && j < 3; j++)
            yield return column == 4 ? new Macroblock(x * 4, (row * 6) + (j * 2), true) : new Macroblock(x * 4, (row * 6) + j, false);
    }

    /// <summary>Where a macroblock is, in blocks of 8 by 8 pixels.</summary>
    internal readonly record struct Macroblock(int X, int Y, bool IsSquare);
}
