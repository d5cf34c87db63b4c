using System;
using Sluice.Console;

namespace Sluice.Boot;

/// <summary>The first thing on the screen: the name, and which version.</summary>
internal static class Banner
{
    private const int Indent = 2;

    // From the palette's cube: light at the top, deep at the bottom, like water.
    private static ReadOnlySpan<byte> Colours => [159, 123, 87, 81, 75, 69, 63, 62];

    /// <summary>Draws it on an empty screen.</summary>
    public static void Draw(TextScreen screen)
    {
        Span<byte> room = stackalloc byte[512];
        for (int i = 0; i < BigText.Lines; i++)
        {
            Utf8Writer line = new(room);
            line.Append("\e[38;5;"u8);
            line.Append((ulong)Colours[i]);
            line.Append((byte)'m');
            line.Repeat((byte)' ', Indent);
            BigText.AppendLine(ref line, "Sluice"u8, i);
            line.Append((byte)'\n');
            screen.Write(line.Written);
        }
        Utf8Message about = $"\e[0m   A C# kernel that owns its memory, and proves it. Version {BuildInformation.Version}.\n\n";
        screen.Write(about.Text);
    }
}
