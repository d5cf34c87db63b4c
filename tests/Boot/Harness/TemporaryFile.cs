using System;
using System.IO;

namespace Sluice.Tests.Boot.Harness;

/// <summary>A file for a disk, gone with its test.</summary>
internal sealed class TemporaryFile : IDisposable
{
    /// <summary>So many bytes, all 0.</summary>
    public TemporaryFile(long bytes)
    {
        using FileStream file = File.Create(Path);
        file.SetLength(bytes);
    }

    public TemporaryFile(byte[] bytes) => File.WriteAllBytes(Path, bytes);

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"sluice-disk-{Guid.NewGuid():n}");

    /// <summary>What is in it now.</summary>
    public byte[] Read() => File.ReadAllBytes(Path);

    public void Dispose() => File.Delete(Path);
}
