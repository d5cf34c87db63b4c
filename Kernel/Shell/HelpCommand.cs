using System;
using Sluice.Boot;
using Sluice.Console;

namespace Sluice.Shell;

/// <summary>What there is: commands and boot arguments.</summary>
internal static class HelpCommand
{
    public static bool Run(CommandWords words)
    {
        if (!words.TryNext(out ReadOnlySpan<byte> topic))
        {
            ListCommands();
            return true;
        }
        if (words.TryNext(out _))
            return false;
        if (topic.SequenceEqual("arguments"u8) || topic.SequenceEqual("args"u8))
            ListArguments();
        else if (Commands.TryFind(topic, out Command command))
            Describe(command);
        else
            Terminal.WriteLine($"there is no command {topic}; help lists those there are");
        return true;
    }

    private static void ListCommands()
    {
        for (int i = 0; i < Commands.Count; i++)
        {
            Command command = Commands.At(i);
            Terminal.WriteLine($"  \e[1;96m{command.Name,-8}\e[0m {command.Arguments,-21} {command.Help}");
        }
        Terminal.WriteLine($"\e[90m  Arrow keys edit the line and bring back earlier ones; Ctrl-C gives it up.\e[0m");
    }

    private static void Describe(scoped Command command)
    {
        Terminal.WriteLine($"usage: \e[1;96m{command.Name}\e[0m {command.Arguments}");
        Terminal.WriteLine($"       {command.Help}");
    }

    private static void ListArguments()
    {
        Terminal.WriteLine($"Boot arguments stand behind the kernel's name in GRUB (key e), separated by blanks. Now:");
        for (Argument argument = 0; (int)argument < ArgumentInfo.Count; argument++)
            ListArgument(argument);
    }

    private static void ListArgument(Argument argument)
    {
        ArgumentInfo info = ArgumentInfo.Of(argument);
        Span<byte> room = stackalloc byte[ArgumentSet.MaxWord + 32];
        Utf8Writer form = new(room);
        form.Append(info.Name);
        switch (info.Kind)
        {
            case ArgumentKind.Text:
                form.Append(info.Bare.IsEmpty ? "=TEXT"u8 : "[=TEXT]"u8);
                break;
            case ArgumentKind.Number:
                form.Append((byte)'=');
                form.Append(info.Range.Low);
                form.Append(".."u8);
                form.Append(info.Range.High);
                break;
            default:
                form.Append(info.Kind == ArgumentKind.Flag ? "[="u8 : "="u8);
                form.Append(info.Words);
                form.Append(info.Kind == ArgumentKind.Flag ? "]"u8 : default);
                break;
        }
        Terminal.Write($"  \e[1;96m{form.Written,-32}\e[0m ");
        WriteValue(argument, in info);
        Terminal.WriteLine($"  \e[90m{(BootArguments.IsGiven(argument) ? "given"u8 : "default"u8)}\e[0m");
        Terminal.WriteLine($"      {info.Help}");
    }

    private static void WriteValue(Argument argument, ref readonly ArgumentInfo info)
    {
        ulong number = BootArguments.Number(argument);
        switch (info.Kind)
        {
            case ArgumentKind.Text:
                Terminal.Write(BootArguments.IsGiven(argument) ? BootArguments.Text(argument) : "none"u8);
                break;
            case ArgumentKind.Number:
                Terminal.Write($"{number}");
                break;
            default:
                Terminal.Write(info.Word(number));
                break;
        }
    }
}
