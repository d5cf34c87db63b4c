using System;
using Sluice.Console;
using Sluice.Platform;

namespace Sluice.Shell;

/// <summary>Reads commands from the terminal and runs them, for good.</summary>
internal static class CommandLoop
{
    // Serial terminals are 80 columns wide unless somebody made them wider, which the kernel cannot know.
    private const int Columns = 80;

    // Where input does not interrupt, it is looked for so often that nobody notices.
    private const ulong IdleMicroseconds = 60_000_000, LookMicroseconds = 5_000;

    /// <summary>The shell; does not return. Allocates once, before the first prompt.</summary>
    public static void Run()
    {
        LineEditor editor = new("\e[1;92msluice>\e[0m "u8, Columns);
        Terminal.WriteLine($"");
        Terminal.WriteLine($"Type \e[1mhelp\e[0m for the commands.");
        while (true)
        {
            if (TryReadLine(editor))
                Execute(editor.Line);
        }
    }

    /// <summary>Runs one line.</summary>
    public static void Execute(ReadOnlySpan<byte> line)
    {
        CommandWords words = new(line);
        if (!words.TryNext(out ReadOnlySpan<byte> name))
            return;
        if (!Commands.TryFind(name, out Command command))
            Terminal.WriteLine($"there is no command {name}; help lists those there are");
        else if (!command.Run(words))
            Terminal.WriteLine($"usage: {command.Name} {command.Arguments}");
    }

    private static bool TryReadLine(LineEditor editor)
    {
        Span<byte> room = stackalloc byte[LineEditor.MaxEcho];
        Utf8Writer echo = new(room);
        editor.Begin(ref echo);
        while (true)
        {
            Terminal.EditsLine = true;
            Terminal.Write(echo.Written);
            Terminal.ShowCursor(true);
            echo.Clear();
            if (!TryWaitForByte(out byte value))
            {
                editor.Show(ref echo);
                continue;
            }
            LineEvent what = editor.Feed(value, ref echo);
            if (what == LineEvent.None)
                continue;
            Terminal.ShowCursor(false);
            Terminal.EditsLine = false;
            Terminal.Write(echo.Written);
            if (what == LineEvent.TooLong)
                Terminal.WriteLine($"the line was longer than {LineEditor.MaxBytes} bytes; nothing was done");
            return what == LineEvent.Line;
        }
    }

    // False if the log took the line's place meanwhile.
    private static bool TryWaitForByte(out byte value)
    {
        while (!Terminal.TryRead(out value))
        {
            if (!Terminal.EditsLine)
                return false;
            WorkLoop.Turn(Deadline.In(Terminal.InterruptsOnInput ? IdleMicroseconds : LookMicroseconds));
        }
        return true;
    }
}
