using System;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO;
using System.Threading;
using Sluice.VfioUser;

namespace Sluice.Tests.FireWire.VfioUser;

/// <summary>A function with 4 KiB of registers that keep what is written, and one at 0x800 that copies a word of memory when written.</summary>
internal sealed class TestDevice : PciDevice
{
    private readonly byte[] _registers = new byte[4096];

    public TestDevice() : base(new PciIdentity(0x1234, 0x5678, 0x0C0010, Revision: 3))
    {
        Configuration.AddMemoryBar(0, 4096);
        Configuration.AddPin();
        Configuration.AddPowerManagement();
        Configuration.AddMsi();
    }

    public int Resets { get; private set; }

    public int Departures { get; private set; }

    /// <summary>Who holds it holds off writes of registers.</summary>
    public Lock Gate { get; } = new();

    protected override ulong Read(int bar, uint offset, int bytes)
    {
        ulong value = 0;
        for (int i = bytes - 1; i >= 0; i--)
            value = value << 8 | _registers[offset + i];
        return value;
    }

    protected override void Write(int bar, uint offset, int bytes, ulong value)
    {
        lock (Gate)
        {
            for (int i = 0; i < bytes; i++)
                _registers[offset + i] = (byte)(value >> (8 * i));
        }
        if (offset == 0x800 && bytes == 4)
            BinaryPrimitives.WriteUInt32LittleEndian(_registers.AsSpan(0x804), Memory.TryRead32(value, out uint word) && Memory.TryWrite32(value + 4, ~word) ? 1u : 0);
    }

    protected override void Reset()
    {
        Resets++;
        Array.Clear(_registers);
    }

    protected override void Disconnected() => Departures++;
}

/// <summary>A device behind a socket.</summary>
internal sealed class TestServer : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vfio-user");
    private readonly VfioUserServer _server;

    public TestServer()
    {
        Path = System.IO.Path.Combine(_folder.FullName, "device");
        _server = new VfioUserServer(Path, Device, Log.Enqueue);
    }

    public TestDevice Device { get; } = new();

    public ConcurrentQueue<string> Log { get; } = new();

    public string Path { get; }

    public VfioUserServer Server => _server;

    public void Dispose()
    {
        _server.Dispose();
        Device.Dispose();
        _folder.Delete(recursive: true);
    }
}
