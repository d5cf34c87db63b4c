using System;
using System.IO;
using System.Net.Sockets;
using System.Threading;

namespace Sluice.VfioUser;

/// <summary>
/// Lets one QEMU at a time use a device, over a Unix socket; when one leaves, another may come. Several servers, each with a device of its
/// own, live in one process. What a client does wrong ends its connection alone, with a line in the log.
/// </summary>
public sealed class VfioUserServer : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly PciDevice _device;
    private readonly Action<string> _log;
    private readonly string _path;
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private Connection? _current;
    private bool _isDisposed;

    /// <summary>Begins to listen.</summary>
    /// <param name="path">The socket's; a stale one is replaced.</param>
    /// <param name="device">Sealed by this: its configuration space has what it will have. Stays the caller's.</param>
    /// <param name="log">Takes lines for people.</param>
    public VfioUserServer(string path, PciDevice device, Action<string> log)
    {
        _path = path;
        _device = device;
        _log = log;
        device.Configuration.Seal();
        File.Delete(path);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(4);
        _thread = new Thread(Accept) { IsBackground = true, Name = "vfio-user " + Path.GetFileName(path) };
        _thread.Start();
    }

    /// <summary>Clients that came so far.</summary>
    public int Clients { get; private set; }

    /// <summary>Connections that ended because the client broke the protocol.</summary>
    public int Broken { get; private set; }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _current?.Shutdown();
        }
        // A socket that is closed does not wake who waits in accept.
        try
        {
            using var wake = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            wake.Connect(new UnixDomainSocketEndPoint(_path));
        }
        catch (SocketException)
        {
            // Nobody waits.
        }
        _thread.Join();
        _listener.Dispose();
        File.Delete(_path);
    }

    private void Accept()
    {
        while (true)
        {
            Socket client = _listener.Accept();
            using var connection = new Connection(client);
            lock (_lock)
            {
                if (_isDisposed)
                    return;
                _current = connection;
            }
            Clients++;
            Serve(connection);
            lock (_lock)
                _current = null;
        }
    }

    private void Serve(Connection connection)
    {
        _log("a client came");
        try
        {
            new Session(connection, _device).Run();
            _log("the client left");
        }
        catch (ProtocolException wrong)
        {
            Broken++;
            _log($"the client broke the protocol: {wrong.Message}");
        }
        // What it shared goes with it; the next finds the device as after power-on.
        _device.Interrupt.Release();
        _device.Memory.Clear();
        _device.Memory.IsBusMaster = false;
        _device.Disconnected();
        _device.Configuration.Reset();
        _device.Reset();
    }
}
