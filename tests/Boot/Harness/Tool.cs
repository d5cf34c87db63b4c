using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Sluice.Tests.Boot.Harness;

/// <summary>Programs of the host that tests call: xorriso, gdb, the project's own scripts.</summary>
internal static class Tool
{
    /// <summary>Runs one in the project's folder, to its end; standard output and errors come back together.</summary>
    /// <exception cref="TimeoutException">It did not end within <paramref name="limit"/>; it was killed.</exception>
    public static async Task<(int Status, string Output)> Run(TimeSpan limit, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = ProjectTree.Root,
        };
        foreach (string word in arguments) start.ArgumentList.Add(word);
        using Process process = ChildProcess.Start(start);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        using var timer = new CancellationTokenSource(limit);
        try
        {
            await process.WaitForExitAsync(timer.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} took longer than {limit}:\n{await output}{await errors}");
        }
        return (process.ExitCode, await output + await errors);
    }

    /// <summary>Runs one that must succeed.</summary>
    public static async Task<string> Succeed(string program, params string[] arguments)
    {
        (int status, string output) = await Run(TimeSpan.FromMinutes(5), program, arguments);
        return status == 0 ? output : throw new IOException($"{program} {string.Join(' ', arguments)}: status {status}\n{output}");
    }
}
