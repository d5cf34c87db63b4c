using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;

namespace Sluice.Tests.Boot.Harness;

/// <summary>The QEMU of this project: which one it is, and how it is started.</summary>
internal static class Qemu
{
    private static readonly Lazy<string> _code = new(() => Ask("--firmware")), _variables = new(() => Ask("--firmware-vars"));

    /// <summary>A machine takes one of these while it lives: each QEMU keeps a core busy, and two cores are what tests get.</summary>
    public static readonly SemaphoreSlim Places = new(2, 2);

    /// <summary>OVMF's code.</summary>
    public static string OvmfCode => _code.Value;

    /// <summary>OVMF's empty variable store.</summary>
    public static string OvmfVariables => _variables.Value;

    private static string Script => ProjectTree.In("iso", "qemu.sh");

    /// <summary>Starts QEMU, behind the words of a program that becomes it if there are any; its pid is the returned process's, and it dies with this one.</summary>
    public static Process Start(IEnumerable<string> arguments, string folder, IReadOnlyList<string> wrapper)
    {
        var start = new ProcessStartInfo(wrapper.Count == 0 ? Script : wrapper[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        foreach (string word in wrapper.Skip(1)) start.ArgumentList.Add(word);
        if (wrapper.Count != 0) start.ArgumentList.Add(Script);
        foreach (string word in arguments) start.ArgumentList.Add(word);
        return ChildProcess.Start(start);
    }

    private static string Ask(string question)
    {
        var start = new ProcessStartInfo(Script) { RedirectStandardOutput = true };
        start.ArgumentList.Add(question);
        using Process script = ChildProcess.Start(start);
        string answer = script.StandardOutput.ReadToEnd().Trim();
        script.WaitForExit();
        return script.ExitCode == 0 ? answer : throw new FileNotFoundException($"{Script} {question}: status {script.ExitCode}");
    }
}
