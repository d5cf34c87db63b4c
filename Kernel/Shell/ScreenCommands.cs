using Sluice.Console;

namespace Sluice.Shell;

/// <summary>Empties the screen.</summary>
internal static class ClearCommand
{
    public static bool Run(CommandWords words)
    {
        if (words.TryNext(out _))
            return false;
        Terminal.Write("\e[H\e[2J"u8);
        return true;
    }
}

/// <summary>Shows what the terminal can show: a look at it tells whether font and colours are right.</summary>
internal static class ColoursCommand
{
    public static bool Run(CommandWords words)
    {
        if (words.TryNext(out _))
            return false;
        for (int row = 0; row < 2; row++)
        {
            for (int i = 8 * row; i < 8 * row + 8; i++)
                Terminal.Write($"\e[38;5;{i}m{i,4}\e[48;5;{i}m   \e[0m");
            Terminal.WriteLine($"");
        }
        for (int green = 0; green < 6; green++)
        {
            for (int rest = 0; rest < 36; rest++)
                Terminal.Write($"\e[48;5;{16 + rest / 6 * 36 + green * 6 + rest % 6}m  ");
            Terminal.WriteLine($"\e[0m");
        }
        for (int i = 232; i < 256; i++)
            Terminal.Write($"\e[48;5;{i}m   ");
        Terminal.WriteLine($"\e[0m");
        Terminal.WriteLine($"┌─┬┐ ╔═╦╗ ░▒▓█ ▀▄▌▐ ▖▗▘▝▙▟▛▜▚▞ ←↑→↓ ▲▼◀▶ ●○◆ ✓✗  àéîõü ßøåæ ñç §±×÷ ½¼ αβγδ  \e[1mbold\e[0m \e[7mreverse\e[0m");
        return true;
    }
}
