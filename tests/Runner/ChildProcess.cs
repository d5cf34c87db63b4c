using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;

namespace Sluice.Tests;

/// <summary>Starts programs that cannot outlive this process, however it ends.</summary>
/// <remarks>
/// <c>setpriv --pdeathsig KILL</c> asks the kernel for the signal and then becomes the program, so the pid is the program's own.
/// Linux sends that signal when the <em>thread</em> that forked ends (prctl(2), PR_SET_PDEATHSIG), and a pool thread may end at
/// any time: so one thread, which lives as long as the process, starts all of them.
/// </remarks>
public static class ChildProcess
{
    private static readonly BlockingCollection<Action> _starts = [];

    static ChildProcess()
    {
        new Thread(StartAsAsked) { IsBackground = true, Name = "starts child processes" }.Start();
    }

    /// <summary>Starts what <paramref name="start"/> describes; its <c>ArgumentList</c> must be used, not <c>Arguments</c>.</summary>
    public static Process Start(ProcessStartInfo start)
    {
        start.ArgumentList.Insert(0, start.FileName);
        foreach (string word in (string[])["--", "KILL", "--pdeathsig"]) start.ArgumentList.Insert(0, word);
        start.FileName = "setpriv";
        start.UseShellExecute = false;

        var started = new TaskCompletionSource<Process>();
        _starts.Add(() =>
        {
            try { started.SetResult(Process.Start(start)!); }
            catch (Exception e) { started.SetException(e); }
        });
        return started.Task.GetAwaiter().GetResult();
    }

    private static void StartAsAsked()
    {
        foreach (Action start in _starts.GetConsumingEnumerable()) start();
    }
}
