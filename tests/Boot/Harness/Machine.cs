using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;

namespace Sluice.Tests.Boot.Harness;

/// <summary>A virtual machine that runs: its console, its results, its screen and keyboard, and how it ends.</summary>
/// <remarks>
/// What it prints is kept in out/boot/NAME: command-line, console.log (serial), results.ktap (debug console or COM2), qemu.log.
/// It is gone when it is disposed, when its lifetime is over, and when this process ends, in whatever way.
/// </remarks>
internal sealed partial class Machine : IAsyncDisposable
{
    /// <summary>What the shell prints when it waits for a line.</summary>
    public const string Prompt = "sluice> ";

    private readonly Qmp _control = new();
    private readonly CancellationTokenSource _life = new();
    private readonly ConsoleText _console = new();
    private Process? _process;
    private Task _collecting = Task.CompletedTask;
    private Task<string> _errors = Task.FromResult("");

    private Machine(MachineSetup setup, string folder) => (Setup, Folder) = (setup, folder);

    /// <summary>How it was built.</summary>
    public MachineSetup Setup { get; }

    /// <summary>Where its logs are.</summary>
    public string Folder { get; }

    /// <summary>The serial console until now, as printed.</summary>
    public string RawConsole => _console.Text;

    /// <summary>The serial console until now, as a reader sees it.</summary>
    public string Console => ConsoleText.Plain(_console.Text);

    /// <summary>The results channel until now.</summary>
    public string Results => File.Exists(ResultsPath) ? ReadBounded(ResultsPath) : "";

    private string ResultsPath => Path.Combine(Folder, "results.ktap");

    /// <summary>Starts a machine when one of the two places is free. <paramref name="name"/> names its folder under out/boot.</summary>
    public static async Task<Machine> Start(string name, MachineSetup setup)
    {
        string folder = Path.Combine(ProjectTree.Out, "boot", name);
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        await Qemu.Places.WaitAsync();
        var machine = new Machine(setup, folder);
        try
        {
            await machine.Launch();
            return machine;
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }
    }

    private async Task Launch()
    {
        var line = Setup.CommandLine(Folder, _control.SocketPath);
        await File.WriteAllTextAsync(Path.Combine(Folder, "command-line"), string.Join('\n', line) + "\n");
        _life.Token.Register(Kill);
        _life.CancelAfter(Setup.Lifetime);
        _process = Qemu.Start(line, Folder, Setup.Wrapper);
        _collecting = _console.Collect(_process.StandardOutput.BaseStream);
        _errors = _process.StandardError.ReadToEndAsync();

        try
        {
            using var early = CancellationTokenSource.CreateLinkedTokenSource(_life.Token);
            Task connect = _control.Connect(early.Token), end = _process.WaitForExitAsync(early.Token);
            Task first = await Task.WhenAny(connect, end);
            if (first == end) await early.CancelAsync();
            await connect;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // QEMU that dislikes its command line ends, before it connects or while it greets.
            Kill();
            throw new InvalidOperationException($"QEMU did not start: {await _errors}", e);
        }
    }

    /// <summary>Waits until the console says <paramref name="what"/> at or after <paramref name="from"/>, and returns where.</summary>
    public async Task<int> WaitForConsole(string what, int from = 0)
    {
        try
        {
            int found = await _console.WaitFor(what, from, _life.Token);
            return found >= 0 ? found : throw Failure($"the machine ended before its console said \"{what}\"");
        }
        catch (OperationCanceledException)
        {
            throw Failure($"the console did not say \"{what}\" within {Setup.Lifetime.TotalSeconds} s");
        }
    }

    /// <summary>Waits for the shell's first prompt.</summary>
    public Task WaitForPrompt() => WaitForConsole(Prompt);

    /// <summary>Types raw bytes into the serial line.</summary>
    public async Task Type(ReadOnlyMemory<byte> bytes)
    {
        await _process!.StandardInput.BaseStream.WriteAsync(bytes, _life.Token);
        await _process.StandardInput.BaseStream.FlushAsync(_life.Token);
    }

    /// <summary>Types a line at the prompt, waits for the next prompt and returns what was printed between, without the echo.</summary>
    public Task<string> Shell(string line) => Shell(Encoding.UTF8.GetBytes(line + "\r"));

    /// <summary>The same with raw bytes, the last of which ends the line.</summary>
    public async Task<string> Shell(ReadOnlyMemory<byte> bytes)
    {
        int from = _console.Length;
        await Type(bytes);
        // Lines of the log may take the typed line's place before it ends; then prompt and line are shown again.
        int echoed = from - 1;
        do echoed = await WaitForConsole("\n", echoed + 1);
        while (ConsoleText.IsLog(RawConsole, echoed));
        int prompt = await WaitForConsole(Prompt, echoed);
        return ConsoleText.Plain(RawConsole[(echoed + 1)..prompt]);
    }

    /// <summary>Presses keys of the PS/2 keyboard, one after the other, by QEMU's names (q-codes), such as <c>h</c>, <c>spc</c>, <c>ret</c>; <c>shift-8</c> holds the first.</summary>
    public async Task Press(params string[] keys)
    {
        foreach (string key in keys)
        {
            var codes = new JsonArray();
            foreach (string code in key.Split('-')) codes.Add(new JsonObject { ["type"] = "qcode", ["data"] = code });
            await Control("send-key", new JsonObject { ["keys"] = codes, ["hold-time"] = 20 });
        }
    }

    /// <summary>Takes a picture of the screen and keeps it as NAME.ppm.</summary>
    public async Task<Screen> Photograph(string name = "screen")
    {
        string file = Path.Combine(Folder, name + ".ppm");
        await Control("screendump", new JsonObject { ["filename"] = file });
        return Screen.Load(file);
    }

    /// <summary>The rows on the screen, whether the kernel has drawn them or the screen is in VGA's text mode.</summary>
    public async Task<string[]> ReadScreen(string name = "screen")
    {
        Screen picture = await Photograph(name);
        if (picture is not { Width: 720, Height: 400 }) return ScreenText.Read(picture);
        // 80 x 25 cells of character and colours: 9 x 16 dots in the firmware's font, which nothing here knows.
        string dump = (string?)await Control("human-monitor-command", new JsonObject { ["command-line"] = "xp /2000hx 0xb8000" }) ?? "";
        char[] cells = [.. VgaCell().Matches(dump).Select(cell => (char)Convert.ToByte(cell.Groups[1].Value, 16))];
        return [.. cells.Chunk(80).Select(row => new string(row).TrimEnd())];
    }

    /// <summary>Waits until the text on the screen is as wanted, and returns it row by row.</summary>
    public async Task<string[]> WaitForScreen(Predicate<string[]> wanted, string name = "screen")
    {
        while (true)
        {
            string[] rows = await ReadScreen(name);
            if (wanted(rows)) return rows;
            await Pause(TimeSpan.FromMilliseconds(200));
        }
    }

    /// <summary>Presses the reset button.</summary>
    public Task Reset() => Control("system_reset", null);

    /// <summary>Waits until the processor has halted with interrupts off: nothing but a reset or an NMI wakes it.</summary>
    public async Task WaitForHalt()
    {
        while (true)
        {
            JsonNode? registers = await Control("human-monitor-command", new JsonObject { ["command-line"] = "info registers" });
            Match state = HaltState().Match((string?)registers ?? "");
            if (!state.Success) throw Failure("QEMU's registers cannot be read");
            bool interruptsOn = (Convert.ToUInt64(state.Groups["flags"].Value, 16) & 1 << 9) != 0;
            if (state.Groups["halted"].Value == "1" && !interruptsOn) return;
            await Pause(TimeSpan.FromMilliseconds(50));
        }
    }

    /// <summary>Waits between two looks at something that tells nobody when it changes; fails at the end of the machine's life.</summary>
    public async Task Pause(TimeSpan time)
    {
        try { await Task.Delay(time, _life.Token); }
        catch (OperationCanceledException) { throw Failure($"what was waited for did not happen within {Setup.Lifetime.TotalSeconds} s"); }
    }

    /// <summary>Runs one of QEMU's commands.</summary>
    public async Task<JsonNode?> Control(string command, JsonObject? arguments)
    {
        try
        {
            return await _control.Run(command, arguments, _life.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            throw Failure($"{command}: {e.Message}");
        }
    }

    /// <summary>Waits until QEMU ends by itself and returns its status.</summary>
    public async Task<int> WaitForExit()
    {
        try
        {
            await _process!.WaitForExitAsync(_life.Token);
            await _collecting;
        }
        catch (OperationCanceledException)
        {
            throw Failure($"the machine did not end within {Setup.Lifetime.TotalSeconds} s");
        }
        // Killed by our own timer a moment ago is no status of the guest's.
        return _life.IsCancellationRequested ? throw Failure($"the machine was ended after {Setup.Lifetime.TotalSeconds} s") : _process.ExitCode;
    }

    /// <summary>A failure that says where to look.</summary>
    public MachineFailure Failure(string what) =>
        new($"{what}\n  logs: {Path.GetRelativePath(ProjectTree.Root, Folder)}/{{console.log,results.ktap,qemu.log}}\n  the console's end:\n{ConsoleText.Tail(Console, 25)}");

    /// <summary>Ends it, keeps what QEMU itself said and gives its place to the next.</summary>
    public async ValueTask DisposeAsync()
    {
        Kill();
        try
        {
            if (_process != null)
            {
                await _process.WaitForExitAsync();
                await _collecting;
                await File.WriteAllTextAsync(Path.Combine(Folder, "qemu.log"), await _errors + $"status {_process.ExitCode}\n");
                _process.Dispose();
            }
            _control.Dispose();
            _life.Dispose();
        }
        finally
        {
            Qemu.Places.Release();
        }
    }

    // RFL in 64-bit mode, EFL otherwise.
    [GeneratedRegex(@"\b(?:RFL|EFL)=(?<flags>[0-9a-f]+).*\bHLT=(?<halted>[01])")]
    private static partial Regex HaltState();

    [GeneratedRegex(@"\b0x[0-9a-f]{2}([0-9a-f]{2})\b")]
    private static partial Regex VgaCell();

    /// <summary>A guest that writes without end costs a failure (the last line is cut), not our memory.</summary>
    private static string ReadBounded(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[Math.Min(file.Length, 64 * 1024 * 1024)];
        file.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    private void Kill()
    {
        try { _process?.Kill(); }
        catch (InvalidOperationException) { }    // it ended by itself
    }
}

/// <summary>A machine did not do what a test waited for.</summary>
public sealed class MachineFailure(string message) : Exception(message);
