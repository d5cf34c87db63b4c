using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.ExceptionServices;
using System.Threading;
using Sluice.Platform;

namespace Sluice.Tests.Fuzz;

/// <summary>
/// Runs a target again and again by seeds that follow from one, until something fails, then makes that small. It knows nothing of what is run. A thread is
/// a machine, so runs have a thread of their own, and one that never ends is noticed.
/// </summary>
/// <param name="make">Makes the target, on the thread that will run it.</param>
/// <param name="seed">Of all runs.</param>
internal sealed class Fuzzer(Func<IFuzzTarget> make, ulong seed)
{
    private static readonly TimeSpan _longestRun = TimeSpan.FromSeconds(90);

    private readonly Choices _choices = new();
    private readonly Outcomes _outcomes = new();
    private long _runs;
    private ulong _runSeed;
    private FuzzFailure? _failure;
    private string _name = "";

    /// <summary>A file that always names the run under way, for those that end the process; none if null.</summary>
    public string? Trail { get; init; }

    /// <summary>Runs that may be made to make a failing one smaller.</summary>
    public int MostTries { get; init; } = 4_000;

    /// <summary>Told from time to time what was done.</summary>
    public Action<string>? Report { get; init; }

    /// <summary>Runs until a number of runs is done, or a time is over, or one fails.</summary>
    public FuzzResult Run(long runs, TimeSpan? time = null)
    {
        double before = CpuSeconds;
        Exception? broken = null;
        var thread = new Thread(() =>
        {
            try
            {
                RunAll(runs, time);
            }
            catch (Exception failure)
            {
                broken = failure;
            }
        })
        {
            IsBackground = true,
            Name = "fuzzer",
        };
        thread.Start();
        Watch(thread);
        if (broken != null)
            ExceptionDispatchInfo.Throw(broken);
        return new FuzzResult(_runs, CpuSeconds - before, _outcomes, _failure);
    }

    /// <summary>Makes one run again and tells what happens; the failure, or null if there is none.</summary>
    public FuzzFailure? Replay(uint[]? list, ulong runSeed, out string words)
    {
        string told = "";
        FuzzFailure? failure = null;
        Exception? broken = null;
        var thread = new Thread(() =>
        {
            try
            {
                using IFuzzTarget target = make();
                uint[] choices = list ?? ListOf(target, runSeed);
                string? rule = Try(target, choices, isTold: true, out string message);
                told = _choices.Words;
                if (rule != null)
                    failure = new FuzzFailure(message, runSeed, choices, choices.Length, told, Repeats: true);
            }
            catch (Exception unexpected)
            {
                broken = unexpected;
            }
        })
        {
            IsBackground = true,
        };
        thread.Start();
        if (!thread.Join(_longestRun))
            throw new TimeoutException("the run does not end");
        if (broken != null)
            ExceptionDispatchInfo.Throw(broken);
        words = told;
        return failure;
    }

    private static double CpuSeconds => Environment.CpuUsage.TotalTime.TotalSeconds;

    /// <summary>The seed of one of the runs that a seed stands for.</summary>
    public static ulong SeedOf(ulong seed, long run)
    {
        ulong state = seed + (ulong)run * 0xD134_2543_DE82_EF95;
        return Choices.Mix(ref state);
    }

    private void RunAll(long runs, TimeSpan? time)
    {
        var watch = Stopwatch.StartNew();
        long nextReport = 15_000;
        using FileStream? trail = Trail == null ? null : new FileStream(Trail, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        IFuzzTarget target = make();
        _name = target.Name;
        try
        {
            while (_runs < runs && (time == null || watch.Elapsed < time) && _failure == null)
            {
                ulong runSeed = SeedOf(seed, _runs);
                Interlocked.Exchange(ref _runSeed, runSeed);
                if (trail != null)
                {
                    trail.Position = 0;
                    trail.Write(System.Text.Encoding.ASCII.GetBytes($"REPLAY={Reproducer.Of(_name, runSeed),-40}\n"));
                }
                Interlocked.Increment(ref _runs);
                _choices.Begin(runSeed);
                if (RunOne(target, out string message) is { } rule)
                    _failure = Explain(target, rule, message, runSeed);
                if (watch.ElapsedMilliseconds < nextReport)
                    continue;
                nextReport = watch.ElapsedMilliseconds + 15_000;
                Report?.Invoke($"{_runs} runs");
            }
        }
        finally
        {
            target.Dispose();
        }
    }

    // Ends when the runs do; or when one does not: then its thread is left to itself.
    private void Watch(Thread thread)
    {
        long seen = -1;
        var since = Stopwatch.StartNew();
        while (!thread.Join(100))
        {
            long runs = Interlocked.Read(ref _runs);
            if (runs != seen || _failure != null)
            {
                seen = runs;
                since.Restart();
            }
            else if (since.Elapsed > _longestRun)
            {
                ulong runSeed = Interlocked.Read(ref _runSeed);
                _failure = new FuzzFailure("a run does not end", runSeed, [], 0, "", Repeats: false);
                return;
            }
        }
    }

    // By a new target, as whoever replays it will have; if that one does not fail, by the old one.
    private FuzzFailure Explain(IFuzzTarget old, string rule, string message, ulong runSeed)
    {
        uint[] list = _choices.Made;
        Report?.Invoke($"run {_runs} fails: {message}; it is made smaller ({list.Length} choices)");
        IFuzzTarget target = make();
        bool repeats = Try(target, list, isTold: false, out _) == rule;
        IFuzzTarget used = repeats ? target : old;
        // Whatever rule the smaller one breaks: one fault shows in several ways, and the simplest run may show it in another.
        uint[] smallest = new Shrinker(smaller => Try(used, smaller, isTold: false, out _) != null ? _choices : null, MostTries).Shrink(list);
        if (Try(used, smallest, isTold: true, out string last) != null)
            message = last;
        string words = _choices.Words;
        target.Dispose();
        return new FuzzFailure(message, runSeed, smallest, list.Length, words, repeats);
    }

    private string? Try(IFuzzTarget target, uint[] list, bool isTold, out string message)
    {
        _choices.Begin(list, isTold);
        return RunOne(target, out message);
    }

    // The rule that it breaks; null if it breaks none.
    private string? RunOne(IFuzzTarget target, out string message)
    {
        message = "";
        try
        {
            target.Run(_choices, _outcomes);
            return null;
        }
        catch (FuzzFailureException failure)
        {
            message = failure.Message;
            return failure.Rule;
        }
        catch (BugException bug)
        {
            message = $"the machine stops: {bug.Message}\n{Frames(bug)}";
            return bug.Message;
        }
        catch (Exception exception)
        {
            message = $"{exception.GetType().Name}: {exception.Message}\n{Frames(exception)}";
            return exception.GetType().Name;
        }
    }

    private static string Frames(Exception exception) => string.Join('\n', (exception.StackTrace ?? "").Split('\n')[..Math.Min(6, (exception.StackTrace ?? "").Split('\n').Length)]);

    private uint[] ListOf(IFuzzTarget target, ulong runSeed)
    {
        _choices.Begin(runSeed);
        _ = RunOne(target, out _);
        return _choices.Made;
    }
}
