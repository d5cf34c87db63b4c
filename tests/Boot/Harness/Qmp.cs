using System;
using System.IO;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;

namespace Sluice.Tests.Boot.Harness;

/// <summary>QEMU's control connection: commands in JSON, an answer each, events between.</summary>
/// <remarks>Source: QEMU's docs/interop/qmp-spec. We listen and QEMU connects, so there is no moment when nobody does.</remarks>
internal sealed class Qmp : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-").FullName;   // short: a socket's path has 107 bytes at most
    private readonly SemaphoreSlim _turn = new(1, 1);
    private StreamReader? _reader;
    private StreamWriter? _writer;

    public Qmp()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        _listener.Listen(1);
    }

    /// <summary>Where QEMU is to connect to.</summary>
    public string SocketPath => Path.Combine(_folder, "qmp");

    /// <summary>Waits for QEMU and agrees on capabilities.</summary>
    public async Task Connect(CancellationToken cancel)
    {
        Socket connection = await _listener.AcceptAsync(cancel);
        var stream = new NetworkStream(connection, ownsSocket: true);
        _reader = new StreamReader(stream);
        _writer = new StreamWriter(stream) { AutoFlush = true, NewLine = "\n" };
        await _reader.ReadLineAsync(cancel);            // the greeting
        await Run("qmp_capabilities", null, cancel);
    }

    /// <summary>Runs a command and returns what it returned.</summary>
    /// <exception cref="IOException">QEMU refused it or is gone.</exception>
    public async Task<JsonNode?> Run(string command, JsonObject? arguments, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            var message = new JsonObject { ["execute"] = command };
            if (arguments != null) message["arguments"] = arguments;
            await _writer!.WriteLineAsync(message.ToJsonString().AsMemory(), cancel);
            while (await _reader!.ReadLineAsync(cancel) is { } line)
            {
                JsonObject answer = JsonNode.Parse(line)!.AsObject();
                if (answer.ContainsKey("return")) return answer["return"];
                if (answer["error"] is { } error) throw new IOException($"QEMU refuses {command}: {error["desc"]}");
            }
            throw new IOException($"QEMU ended during {command}");
        }
        catch (JsonException e)
        {
            throw new IOException($"QEMU's answer to {command} is not JSON", e);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _writer?.Dispose();
        _reader?.Dispose();
        _listener.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
