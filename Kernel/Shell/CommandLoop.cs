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
        Terminal.BeginLine(echo.Written);
        while (true)
        {
            Terminal.ShowCursor(true);
            LineEvent what = LineEvent.None;
            bool stands = TryWaitForByte(out byte value);
            echo.Clear();
            if (stands)
            {
                what = editor.Feed(value, ref echo);
                stands = Terminal.TryEcho(echo.Written);
            }
            if (!stands)
            {
                echo.Clear();
                editor.Show(ref echo);
                Terminal.BeginLine(echo.Written);
            }
            if (what == LineEvent.None)
                continue;
            Terminal.ShowCursor(false);
            Terminal.EndLine();
            if (!stands)
                Terminal.WriteLine($"");
            if (what == LineEvent.TooLong)
                Terminal.WriteLine($"the line was longer than {LineEditor.MaxBytes} bytes; nothing was done");
            return what == LineEvent.Line;
        }
    }

    // False once a line of the log stands in the line's place, also when there is input.
    private static bool TryWaitForByte(out byte value)
    {
        value = 0;
        while (Terminal.EditsLine)
        {
            if (Terminal.TryRead(out value))
                return true;
            WorkLoop.Turn(Deadline.In(Terminal.InterruptsOnInput ? IdleMicroseconds : LookMicroseconds));
        }
        return false;
    }
}
