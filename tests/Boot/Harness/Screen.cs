using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;

namespace Sluice.Tests.Boot.Harness;

/// <summary>A picture of a machine's screen: 24 bits a pixel.</summary>
internal sealed class Screen(int width, int height, byte[] pixels)
{
    /// <summary>Pixels a row.</summary>
    public int Width => width;

    /// <summary>Rows.</summary>
    public int Height => height;

    /// <summary>The colour at a place, 0xRRGGBB.</summary>
    public int this[int x, int y]
    {
        get
        {
            int at = (y * width + x) * 3;
            return pixels[at] << 16 | pixels[at + 1] << 8 | pixels[at + 2];
        }
    }

    /// <summary>How many pixels have each colour.</summary>
    public Dictionary<int, int> Colours()
    {
        var counts = new Dictionary<int, int>();
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                counts[this[x, y]] = counts.GetValueOrDefault(this[x, y]) + 1;
        return counts;
    }

    /// <summary>Pixels that are not of the commonest colour.</summary>
    public int LitPixels => width * height - Colours().Values.Max();

    /// <summary>Reads a picture of the kind that QEMU's screendump makes.</summary>
    /// <remarks>Source: the PPM specification of Netpbm: P6, width, height and 255 in decimal with white space between, then bytes.</remarks>
    public static Screen Load(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        int at = 0;
        string Word()
        {
            while (at < file.Length && char.IsWhiteSpace((char)file[at])) at++;
            int start = at;
            while (at < file.Length && !char.IsWhiteSpace((char)file[at])) at++;
            return Encoding.ASCII.GetString(file, start, at - start);
        }
        if (Word() != "P6" || !int.TryParse(Word(), out int w) || !int.TryParse(Word(), out int h) || Word() != "255" || file.Length - ++at != w * h * 3)
            throw new InvalidDataException($"{path} is not a picture of 24 bits a pixel");
        return new Screen(w, h, file[at..]);
    }
}
