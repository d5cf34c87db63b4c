using System;
using System.Globalization;
using System.IO;
using System.Text;

namespace Sluice.Tests.FireWire.Linux;

/// <summary>Writes the archive that Linux unpacks as its first file system. Source: Linux, driver-api/early-userspace/buffer-format.</summary>
internal sealed class NewcArchive(Stream stream) : IDisposable
{
    private const uint Folder = 0x41ED, Program = 0x81ED;

    private int _number;

    public void AddFolder(string name) => Add(name, Folder, []);

    public void AddProgram(string name, byte[] content) => Add(name, Program, content);

    public void Dispose()
    {
        Add("TRAILER!!!", 0, []);
        stream.Dispose();
    }

    private void Add(string name, uint mode, byte[] content)
    {
        var header = new StringBuilder("070701");
        uint[] fields = [(uint)++_number, mode, 0, 0, 1, 0, (uint)content.Length, 0, 0, 0, 0, (uint)name.Length + 1, 0];
        foreach (uint field in fields)
            header.Append(field.ToString("X8", CultureInfo.InvariantCulture));
        Write(Encoding.ASCII.GetBytes(header + name + "\0"));
        Write(content);
    }

    private void Write(byte[] bytes)
    {
        stream.Write(bytes);
        stream.Write(new byte[(4 - (bytes.Length % 4)) % 4]);
    }
}
